import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Action, BindOutcome, Told } from '../channels/channel.ts'
import { bindings, facts, inbox, operations } from './tables.ts'
import { scripted, type Trial, trial } from './trial.seam.ts'

const app: Action = { type: 'app_link', url: 'gcash://approve' }
const challenged: BindOutcome = { kind: 'challenged', action: app, references: { session: 'ses_1' } }
const wallet = { wallet: { brand: 'gcash' } }
const bound = (token: string): BindOutcome => ({ kind: 'bound', token, references: {} })
const operationOf = (on: Trial): string => on.rows(operations)[0]?.id ?? assert.fail('no operation')
const returned = (on: Trial, event = 'evt_1'): Told => ({
  event,
  type: 'approved',
  operation: operationOf(on),
  names: [],
  returned: { code: 'code_1' },
})

test('what a customer approved before our own answer was kept is gone on with afterwards', async () => {
  const resumed: unknown[] = []
  const gate = { open: () => {} }
  const opened = new Promise<void>(resolve => {
    gate.open = resolve
  })
  const on = await trial([
    scripted('early', {
      repeat: { bind: { kind: 'lookUp' }, resume: { kind: 'lookUp' } },
      bind: async () => {
        await opened
        return challenged
      },
      resume: async (_call, input) => {
        resumed.push(input.returned)
        return bound('tok_1')
      },
    }),
  ])
  const binding = on.bind(wallet)
  while (on.rows(operations).length === 0) await new Promise(resolve => setImmediate(resolve))
  assert.equal((await on.tell('early', [returned(on)])).status, 200)
  gate.open()
  const { id } = await binding
  assert.deepEqual(resumed, [])
  on.advance(60_000)
  await on.work()
  assert.deepEqual(resumed, [{ code: 'code_1' }])
  assert.equal((await on.read(id)).status, 'active')
})

test('what a channel says a customer brought back is gone on with once, however often it is delivered', async () => {
  const answers: BindOutcome[] = [challenged, bound('tok_1')]
  let resumes = 0
  const on = await trial([
    scripted('twice', {
      repeat: { bind: { kind: 'lookUp' }, resume: { kind: 'lookUp' } },
      bind: async () => challenged,
      resume: async () => answers[resumes++] ?? assert.fail('asked too often'),
    }),
  ])
  const { id } = await on.bind(wallet)
  for (let n = 0; n < 3; n += 1) await on.tell('twice', [returned(on)])
  assert.equal(resumes, 1)
  assert.equal((await on.read(id)).status, 'pending')
  await on.tell('twice', [returned(on, 'evt_2')])
  assert.equal((await on.read(id)).status, 'active')
})

test('what was brought back to a channel that never heard of it is brought again, with the names that the lost bind had', async () => {
  const resumed: (string | undefined)[] = []
  const lost: BindOutcome = { kind: 'uncertain', cause: 'reset', references: { request: 'BRQ1' } }
  const on = await trial([
    scripted('lost', {
      repeat: { bind: { kind: 'lookUp' }, resume: { kind: 'lookUp' } },
      bind: async () => lost,
      resume: async (_call, { references }) => {
        resumed.push(references.request)
        return resumed.length === 1 ? { kind: 'uncertain', cause: 'reset' } : bound('tok_1')
      },
      lookUp: async (_call, { verb }) => (verb === 'resume' ? { kind: 'none' } : { kind: 'uncertain', cause: 'reset' }),
    }),
  ])
  const { id } = await on.bind(wallet)
  await on.tell('lost', [returned(on)])
  on.advance(60_000)
  await on.work()
  assert.deepEqual(resumed, ['BRQ1', 'BRQ1'])
  assert.equal((await on.read(id)).status, 'active')
})

test('news about a living binding counts, though it names the operation that began it', async () => {
  const on = await trial([
    scripted('echoes', {
      repeat: { bind: { kind: 'lookUp' }, resume: { kind: 'lookUp' } },
      bind: async () => challenged,
      resume: async () => bound('tok_1'),
    }),
  ])
  const { id } = await on.bind(wallet)
  await on.call('POST', `/v1/instruments/${id}/resume`, { returned: { code: '1' } })
  const operation = operationOf(on)
  const tell = (event: string, news: Told['news'], atMs: number) =>
    on.tell('echoes', [
      { event, type: news?.kind ?? '', operation, names: ['tok_1'], moment: { atMs }, ...(news === undefined ? {} : { news }) },
    ])
  await tell('evt_1', { kind: 'suspended', reason: 'paused' }, 1)
  assert.equal((await on.read(id)).status, 'suspended')
  await tell('evt_2', { kind: 'resumed' }, 2)
  assert.equal((await on.read(id)).status, 'active')
  await tell('evt_3', { kind: 'revoked' }, 3)
  const [row] = on.rows(bindings)
  assert.deepEqual([row?.status, row?.token], ['revoked', 'tok_1'])
  await tell('evt_4', { kind: 'reinstated', evidence: 'evt_4' }, 4)
  assert.equal((await on.read(id)).status, 'active')
})

test('news of what nobody knows waits and is heard when its binding appears', async () => {
  const on = await trial([
    scripted('names', { repeat: { bind: { kind: 'lookUp' } }, bind: async () => ({ kind: 'verifying', references: { mandate: 'MD1' } }) }),
  ])
  const told: Told = { event: 'evt_1', type: 'active', names: ['MD1'], news: { kind: 'bound', token: 'MD1', references: {} } }
  assert.equal((await on.tell('names', [told])).status, 200)
  assert.equal((await on.tell('names', [told])).status, 200)
  assert.equal(on.rows(inbox).length, 1)
  const { id } = await on.bind({ bank_account: { scheme: 'sepa_debit', country: 'DE' } })
  assert.equal((await on.read(id)).status, 'pending')
  on.advance(60_000)
  await on.work()
  assert.equal((await on.read(id)).status, 'active')
})

test('a webhook told twice, and beside our own answer, is one fact and one token', async () => {
  const on = await trial([scripted('twin', { repeat: { bind: { kind: 'lookUp' } }, bind: async () => bound('tok_1') })])
  const { id } = await on.bind(wallet)
  const told: Told = {
    event: 'evt_1',
    type: 'made',
    operation: operationOf(on),
    names: ['tok_1'],
    news: { kind: 'bound', token: 'tok_1', references: {} },
  }
  for (let n = 0; n < 3; n += 1) assert.equal((await on.tell('twin', [told])).status, 200)
  assert.deepEqual(
    on
      .rows(facts)
      .map(one => one.source_event)
      .sort(),
    ['evt_1', `${operationOf(on)}:bound`],
  )
  assert.equal((await on.read(id)).bindings.length, 1)
})

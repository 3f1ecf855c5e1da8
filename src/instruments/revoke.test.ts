import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindOutcome, Channel, LookUpOutcome, RevokeOutcome, Told } from '../channels/channel.ts'
import { bindings, operations } from './tables.ts'
import { day, returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'

const hour = day / 24
const account = { bank_account: { scheme: 'sepa_debit', country: 'DE' } }
const bound = (token: string): BindOutcome => ({ kind: 'bound', token, references: {} })
const revokeOf = (on: Trial) => on.rows(operations).find(one => one.verb === 'revoke') ?? assert.fail('no revoke')
/** Events happen in the order of their numbers. */
const news = (event: string, told: Told['news'], names = ['MD1']): Told => ({
  event,
  moment: { atMs: Number(event.slice(4)) },
  type: told?.kind ?? '',
  names,
  ...(told === undefined ? {} : { news: told }),
})

/** Gives MD1, MD2, …; revokes as `say` answers. */
function mandates(say: { revoke?: () => RevokeOutcome; lookUp?: () => LookUpOutcome }, more: Partial<Channel> = {}) {
  const asked = { bind: 0, revoked: [] as string[], lookUp: 0 }
  const { revoke = () => ({ kind: 'revoked' }), lookUp } = say
  const channel = scripted('mandates', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async () => {
      asked.bind += 1
      return bound(`MD${asked.bind}`)
    },
    revoke: async (_call, { token }) => {
      asked.revoked.push(token)
      return revoke()
    },
    ...(lookUp === undefined
      ? {}
      : {
          lookUp: async () => {
            asked.lookUp += 1
            return lookUp()
          },
        }),
    ...more,
  })
  return { channel, asked }
}

test('a revocation that the channel carries out later is looked up until it is done', async () => {
  let standing: LookUpOutcome = { kind: 'revoking' }
  const { channel, asked } = mandates({ revoke: () => ({ kind: 'revoking' }), lookUp: () => standing })
  const on = await trial([channel])
  const { id } = await on.bind(account)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  assert.deepEqual([revokeOf(on).status, revokeOf(on).cause], ['waiting', 'revoking'])
  on.advance(hour)
  await on.work()
  assert.deepEqual([revokeOf(on).status, (await on.read(id)).bindings[0]?.status], ['waiting', 'revoking'])
  standing = { kind: 'revoked' }
  on.advance(day)
  await on.work()
  assert.deepEqual([revokeOf(on).status, (await on.read(id)).bindings[0]?.status], ['settled', 'revoked'])
  assert.deepEqual(asked.revoked, ['MD1'])
})

test('a revocation that is never done is left to a person after a week, and a late word still ends it', async () => {
  const { channel } = mandates({ revoke: () => ({ kind: 'revoking' }) })
  const on = await trial([channel])
  const { id } = await on.bind(account)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  for (let n = 0; n < 40; n += 1) {
    on.advance(5 * hour)
    await on.work()
  }
  assert.deepEqual([revokeOf(on).status, revokeOf(on).cause], ['parked', 'revoking took too long'])
  await on.tell('mandates', [news('evt_1', { kind: 'revoked' })])
  assert.deepEqual([revokeOf(on).status, (await on.read(id)).bindings[0]?.status], ['settled', 'revoked'])
})

test('what we revoked ourselves stays revoked, though the channel says that the bank took it back', async () => {
  const { channel } = mandates({})
  const on = await trial([channel])
  const { id } = await on.bind(account)
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  await on.tell('mandates', [news('evt_1', { kind: 'reinstated', evidence: 'the bank' })])
  assert.equal((await on.read(id)).status, 'unbound')
  assert.equal((await on.read(id)).bindings[0]?.status, 'revoked')
})

test('a mandate that its bank took back lives again', async () => {
  const { channel } = mandates({})
  const on = await trial([channel])
  const { id } = await on.bind(account)
  await on.tell('mandates', [news('evt_1', { kind: 'revoked', reason: 'bank' })])
  assert.equal((await on.read(id)).status, 'unbound')
  await on.tell('mandates', [news('evt_2', { kind: 'reinstated', evidence: 'evt_2' })])
  assert.equal((await on.read(id)).status, 'active')
})

/** MD1 was bound here and ended; MD2 of the same instrument has taken its place. */
async function replaced(end: Told['news']) {
  const { channel, asked } = mandates({})
  const on = await trial([channel, scripted('other', { repeat: { bind: { kind: 'lookUp' } }, bind: async () => bound('tok_o') })])
  const { id } = await on.bind({ ...account, channels: ['mandates', 'other'], bind_on: 'all' })
  await on.tell('mandates', [news('evt_1', end)])
  const again = await on.call('POST', `/v1/instruments/${id}/bindings`, { channel: 'mandates', return_url: returnUrl })
  assert.equal(again.status, 200, JSON.stringify(again.body))
  return { on, id, asked }
}

test('a mandate that lives again where another took its place is given up, and the other stays', async () => {
  for (const end of [{ kind: 'revoked' }, { kind: 'expired' }] as const) {
    const { on, id, asked } = await replaced(end)
    const answer = await on.tell('mandates', [news('evt_2', { kind: 'reinstated', evidence: 'evt_2' })])
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    await on.work()
    assert.deepEqual(asked.revoked, ['MD1'])
    const mine = (await on.read(id)).bindings.filter(one => one.channel === 'mandates').map(one => [one.token, one.status])
    assert.deepEqual(mine.sort(), [
      ['MD1', 'revoked'],
      ['MD2', 'active'],
    ])
  }
})

test('a binding that failed, was stored after all and then lives again where another took its place does not turn in a circle', async () => {
  const { channel, asked } = mandates({ revoke: () => ({ kind: 'uncertain', cause: 'reset' }) })
  const refusals: BindOutcome[] = [
    { kind: 'refused', by: 'issuer', category: 'do_not_honour', code: '05', elsewhere: false, references: { request: 'BRQ1' } },
    bound('MD2'),
  ]
  const on = await trial([
    { ...channel, bind: async () => refusals.shift() ?? assert.fail('bound too often') },
    scripted('other', { repeat: { bind: { kind: 'lookUp' } }, bind: async () => bound('tok_o') }),
  ])
  const { id } = await on.bind({ ...account, channels: ['mandates', 'other'], bind_on: 'all' })
  await on.tell('mandates', [news('evt_1', { kind: 'bound', token: 'MD1', references: {} }, ['BRQ1'])])
  await on.work()
  assert.deepEqual(asked.revoked, ['MD1'])
  await on.call('POST', `/v1/instruments/${id}/bindings`, { channel: 'mandates', return_url: returnUrl })
  const answer = await on.tell('mandates', [news('evt_2', { kind: 'reinstated', evidence: 'evt_2' }, ['BRQ1'])])
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const slots = on.rows(bindings).filter(one => one.channel === 'mandates' && one.slot !== null)
  assert.deepEqual(
    slots.map(one => one.token),
    ['MD2'],
  )
})

test('unbinding gives up what has expired here and is still kept there', async () => {
  const { channel, asked } = mandates({})
  const on = await trial([channel])
  const { id } = await on.bind(account)
  await on.tell('mandates', [news('evt_1', { kind: 'expired' })])
  assert.equal((await on.read(id)).status, 'expired')
  await on.call('POST', `/v1/instruments/${id}/unbind`)
  assert.deepEqual(asked.revoked, ['MD1'])
})

test('a look-up that tells of the life of what is not known to be bound ends nothing', async () => {
  const standings: LookUpOutcome[] = [{ kind: 'suspended', reason: 'paused' }, { kind: 'suspended', reason: 'paused' }, bound('MD1')]
  const { channel } = mandates(
    { lookUp: () => standings.shift() ?? assert.fail('looked up too often') },
    { bind: async () => ({ kind: 'verifying', references: {} }) },
  )
  const on = await trial([channel])
  const { id } = await on.bind(account)
  for (let n = 0; n < 3; n += 1) {
    on.advance(7 * hour)
    await on.work()
  }
  assert.equal((await on.read(id)).status, 'active')
})

test('a token that a card got once more is revoked, though the clock was set back between and its name stayed with the binding that ended', async () => {
  const revoked: string[] = []
  const on = await trial([
    scripted('one', {
      oneTokenPerCard: true,
      bind: async () => ({ kind: 'bound', token: 'tok_1', references: {} }),
      repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
      revoke: async (_, { token }) => {
        revoked.push(token)
        return { kind: 'revoked' }
      },
    }),
  ])
  const bindIt = async () => on.bind({ card: { capture: await on.capture(visa) } })
  const first = await bindIt()
  await on.call('POST', `/v1/instruments/${first.id}/unbind`, {})
  on.advance(-3_600_000)
  const second = await bindIt()
  assert.notEqual(second.id, first.id)
  await on.call('POST', `/v1/instruments/${second.id}/unbind`, {})
  assert.equal((await on.read(second.id)).bindings[0]?.status, 'revoked')
  assert.deepEqual(revoked, ['tok_1', 'tok_1'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browser, trialOnPostgres } from '../sessions/trial.seam.ts'
import { sharings } from './sharing.ts'
import { identities, instruments } from './tables.ts'
import { returnUrl, scripted, type Trial, trial, visa } from './trial.seam.ts'

const newCustomer = async (on: Trial): Promise<string> => String((await on.call('POST', '/v1/customers', {})).body.id)
const bindFor = async (on: Trial, customer: string, card: unknown = visa) =>
  on.call('POST', '/v1/instruments', { customer, return_url: returnUrl, card: { capture: await on.capture(card) } })
/** How many have it, by the directory, and by the instruments themselves. */
async function holders(on: Trial, instrument: string): Promise<readonly [number | undefined, number]> {
  const row = await on.world.store.get(instruments, { tenant: on.tenant, id: instrument })
  const { kind = '', value = '' } = row?.sharing ?? {}
  const counted = await on.world.store.get(sharings, { tenant: on.tenant, mode: 'test', kind, value })
  const owners = on.rows(identities).filter(one => one.value === value)
  const living = owners.filter(one => on.rows(instruments).some(each => each.id === one.instrument && each.status === 'active'))
  return [counted?.holders, living.length]
}

test('a card may be two customers’, the third is refused by its field, and a place is handed back when one of them unbinds', async () => {
  const on = await trial(['stripe'])
  const [one, other, third] = [await newCustomer(on), await newCustomer(on), await newCustomer(on)]
  const first = await bindFor(on, one)
  assert.equal((await bindFor(on, other)).status, 201)
  assert.equal((await bindFor(on, one)).status, 200, 'the same customer again is the same instrument')
  const asked = on.stage('stripe').requests().length
  const refused = await bindFor(on, third)
  assert.equal(refused.status, 422)
  assert.match(JSON.stringify(refused.body.errors), /"\/card"/)
  assert.equal(on.stage('stripe').requests().length, asked, 'no channel was asked')
  assert.equal((await on.world.store.find(instruments, { customer: third, tenant: on.tenant })).length, 0)
  assert.deepEqual(await holders(on, String(first.body.id)), [2, 2])
  await on.call('POST', `/v1/instruments/${first.body.id}/unbind`, {})
  assert.equal((await bindFor(on, third)).status, 201)
  assert.deepEqual(await holders(on, String(first.body.id)), [2, 2])
})

test('what was refused by the issuer takes nobody’s place, and takes one when it is tried again', async () => {
  const on = await trial(['adyen'])
  const declined = { ...visa, holder: 'DECLINED' }
  const [one, other, third] = [await newCustomer(on), await newCustomer(on), await newCustomer(on)]
  const failed = await bindFor(on, one, declined)
  assert.equal(failed.body.status, 'failed')
  assert.equal((await holders(on, String(failed.body.id)))[0], 0)
  for (const customer of [other, third]) assert.equal((await bindFor(on, customer)).status, 201)
  assert.equal((await bindFor(on, one)).status, 422)
  assert.deepEqual(await holders(on, String(failed.body.id)), [2, 2])
})

test('two hundred customers at once with one card: two have it, in PostgreSQL', async () => {
  const on = await trialOnPostgres([
    scripted('quick', { repeat: {}, bind: async call => ({ kind: 'bound', token: call.operation, references: {} }) }),
  ])
  const people = await Promise.all(Array.from({ length: 200 }, () => newCustomer(on)))
  const captures = await Promise.all(people.map(() => on.capture(visa)))
  const answers = await Promise.all(
    people.map((customer, i) => on.call('POST', '/v1/instruments', { customer, return_url: returnUrl, card: { capture: captures[i] } })),
  )
  const count = (status: number) => answers.filter(one => one.status === status).length
  assert.deepEqual([count(201), count(422)], [2, 198])
  const all = await Promise.all(people.map(customer => on.world.store.find(instruments, { customer, tenant: on.tenant })))
  assert.equal(all.flat().length, 2)
  const [row] = await on.world.store.find(sharings, { tenant: on.tenant, mode: 'test' })
  assert.equal(row?.holders, 2)
})

test('what a bank brings back when its place is taken is given up again', async () => {
  let revoked = 0
  const on = await trial([
    scripted('bank', {
      repeat: { revoke: { kind: 'repeatable', times: 3 } },
      bind: async call => ({ kind: 'bound', token: `tok_${call.operation}`, references: {} }),
      revoke: async () => {
        revoked += 1
        return { kind: 'revoked' }
      },
    }),
  ])
  const [one, other, third] = [await newCustomer(on), await newCustomer(on), await newCustomer(on)]
  const first = await bindFor(on, one)
  const token = String(JSON.parse(JSON.stringify(first.body)).bindings[0].token)
  let atMs = 1_000
  const told = (event: string, news: object) => {
    atMs += 1_000
    return on.tell('bank', [{ event, type: event, names: [token], news, moment: { atMs } } as never])
  }
  await told('gone', { kind: 'revoked' })
  assert.equal((await on.read(String(first.body.id))).status, 'unbound')
  for (const customer of [other, third]) assert.equal((await bindFor(on, customer)).status, 201)
  await told('back', { kind: 'reinstated', evidence: 'the bank took it back' })
  await on.work()
  assert.equal((await on.read(String(first.body.id))).status, 'unbound')
  assert.equal(revoked, 1)
  assert.deepEqual(await holders(on, String(first.body.id)), [2, 2])
})

test('a tenant’s own limit is the one that counts', async () => {
  const on = await trial(['stripe'])
  const limit = (customers_max: number | null) => on.call('POST', '/v1/sharing_limit', { customers_max })
  assert.equal((await on.call('GET', '/v1/sharing_limit')).body.customers_max, 2)
  assert.equal((await limit(0)).status, 400)
  assert.equal((await limit(1)).status, 200)
  const [one, other] = [await newCustomer(on), await newCustomer(on)]
  await bindFor(on, one)
  assert.equal((await bindFor(on, other)).status, 422)
  await limit(3)
  assert.equal((await bindFor(on, other)).status, 201)
  assert.equal((await limit(null)).body.default, true)
})

test('in a session the third customer’s card looks like any card that is refused', async () => {
  const on = await trial(['adyen'])
  for (let n = 0; n < 2; n += 1) await bindFor(on, await newCustomer(on))
  const seen = async (card: unknown) => {
    const { body } = await on.call('POST', '/v1/binding_sessions', { customer: on.customer, return_url: returnUrl })
    const phone = browser(on, String(body.client_secret))
    const answer = await phone.call('POST', '/v1/binding_session/submit', { card: { capture: await on.capture(card) } })
    const { id: _, ...told } = answer.body
    return { status: answer.status, told }
  }
  const shared = await seen(visa)
  assert.equal(shared.told.submissions_left, 4)
  assert.deepEqual(shared, await seen({ ...visa, number: '4988438843884305', holder: 'DECLINED' }))
})

/** A card number that some endpoint tells by mistake does not leave, is kept nowhere, and is an alarm. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { findCardNumbers } from '../core/pan.ts'
import { createKey, createTenant } from './auth.ts'
import { type Answer, type Endpoint, endpoint, nothing } from './endpoint.ts'
import { createServer } from './serve.ts'
import { idempotency } from './tables.ts'
import { trialWorld } from './trial.seam.ts'

const number = '4111111111111111'
const world = trialWorld()
const telling = (
  name: string,
  answer: () => Answer,
  more: { readonly unwatched?: string; readonly contentType?: string } = {},
): Endpoint => {
  const { contentType, ...flags } = more
  return endpoint({
    ...{ method: 'POST', path: `/v1/${name}`, name, summary: name, tag: 'things', auth: 'secret', action: 'instruments.write' },
    ...{ params: nothing, query: nothing, body: z.strictObject({}), ...flags },
    answers: { 200: { description: 'It.', ...(contentType === undefined ? {} : { contentType }) } },
    handle: async () => answer(),
  })
}
async function* pieces(...all: readonly (string | Buffer)[]): AsyncGenerator<string | Buffer> {
  for (const one of all) yield one
}
const text = { contentType: 'text/plain' }
const server = createServer({
  ...{ world, log: world.log },
  endpoints: [
    telling('plain', () => ({ status: 200, body: { note: `card ${number}`, n: Number(number), id: 'ins_01k9zq3v7m7t4q2m8x0c9d1efg' } })),
    telling('header', () => ({ status: 200, body: {}, headers: { 'x-told': number } })),
    telling('failing', () => assert.fail(`about ${number}`)),
    telling(
      'divided',
      () => ({ status: 200, body: pieces('a'.repeat(100), `${number.slice(0, 9)}`, Buffer.from(number.slice(9)), 'the end') }),
      text,
    ),
    telling('whole', () => ({ status: 200, body: pieces('first ', Buffer.from('4111 1111'), ' x ', '1111 1111') }), text),
    telling('test_numbers', () => ({ status: 200, body: { number } }), { unwatched: 'test numbers' }),
  ],
})
await server.listen(0)
after(() => server.close())
const tenant = await createTenant(world, { name: 'Shop' })
const { key } = await createKey(world, { tenant, kind: 'secret', mode: 'test' })
const call = (name: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${server.address()}/v1/${name}`, {
    ...{ method: 'POST', body: '{}' },
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
  })
const withheld = async (): Promise<number> =>
  Number(/^card_numbers_withheld_total (\d+)$/m.exec(await (await fetch(`${server.address()}/metrics`)).text())?.[1])
const alarms = (): readonly string[] => world.lines.filter(line => line.includes('a card number was about to leave'))

test('it is masked, the rest stays, and it is counted and told in the log', async () => {
  const body: unknown = await (await call('plain')).json()
  assert.deepEqual(body, { note: 'card 411111******1111', n: 4111110000001111, id: 'ins_01k9zq3v7m7t4q2m8x0c9d1efg' })
  assert.equal((await call('header')).headers.get('x-told'), '411111******1111')
  assert.equal(await withheld(), 3)
  assert.equal(alarms().length, 2)
  assert.ok(alarms()[0]?.includes('"endpoint":"plain"') && alarms()[0]?.includes('"level":"error"'))
})

test('under an Idempotency-Key it is not kept either', async () => {
  const headers = { 'idempotency-key': 'once-1' }
  const [first, again] = [await (await call('plain', headers)).text(), await (await call('plain', headers)).text()]
  assert.equal(again, first)
  assert.equal(findCardNumbers(first), false)
  const kept = await world.store.find(idempotency, { tenant, mode: 'test', key: 'once-1' })
  assert.equal(kept.length, 1)
  assert.equal(findCardNumbers(JSON.stringify(kept)), false)
})

test('what comes in pieces is cut off before a number is whole, however it is divided', async () => {
  const before = await withheld()
  await assert.rejects(call('divided').then(answer => answer.text()))
  assert.equal(await withheld(), before + 1)
  assert.equal(await (await call('whole')).text(), 'first 4111 1111 x 1111 1111', 'which is none')
})

test('a problem tells none, and the endpoint of test numbers tells them', async () => {
  const problem = await call('failing')
  assert.deepEqual([problem.status, (await problem.text()).includes(number)], [500, false])
  assert.deepEqual(await (await call('test_numbers')).json(), { number })
  assert.equal(world.lines.some(findCardNumbers), false, 'nor does the log')
})

/** A file of an account updater on the server as it is started: the vault's own process, PostgreSQL, and a kill in the middle. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { createUpdaterSimulator, renewedNumber, type UpdaterSimulator, updaterCards } from '../src/channels/updater-simulator.ts'
import { sandboxNetwork } from '../src/sandbox-network.ts'
import { deploymentSecrets } from '../src/secrets.ts'
import { cardNumber, insist, until } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import type { ServerProgram } from './server.ts'
import { at, type Story, storyOf } from './story.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let story: Story
let server: ServerProgram
let updater: UpdaterSimulator

before(async () => {
  ground = await prepareGround(undo, { durable: false })
  server = await ground.start()
  undo.push(() => server.end('SIGTERM'))
  story = storyOf(ground, ground.caller())
  const { grantKey } = deploymentSecrets(join(ground.folder, 'server'), randomBytes, () => '')
  updater = createUpdaterSimulator(sandboxNetwork(grantKey).simulator.keys, randomBytes)
})
after(() => undoAll(undo))

const call = (path: string, body?: object) => insist(() => story.caller.call(path, body === undefined ? {} : { body }), 60_000)
const cardShape = z.object({ card: z.object({ last4: z.string(), expiry_year: z.number() }) })

/** Everything that any process of ours keeps in the database, row by row, or printed. */
async function everything(): Promise<string> {
  const client = new Client(ground.connection)
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema in ('bindery', 'vault')`,
    )
    const texts = [server.output()]
    for (const { name } of rows) {
      const all = await client.query<{ row: string }>(`select t::text as row from ${name} t`)
      texts.push(...all.rows.map(one => one.row))
    }
    return texts.join('\n')
  } finally {
    await client.end()
  }
}

/** Written plainly, in base64 wherever it may begin, or in hex. */
function formsOf(number: string): readonly string[] {
  const middle = [0, 1, 2].map(skip => Buffer.from(number.slice(skip)).toString('base64').slice(0, 16))
  return [number, Buffer.from(number).toString('hex'), ...middle]
}

test('forty cards go out and come back in sealed files, through a kill -9 in the middle, and no number leaves the vault', async () => {
  const customer = await story.customer()
  const special = [updaterCards.A, updaterCards.E, updaterCards.O]
  const numbers = [...special, ...Array.from({ length: 37 }, (_, n) => cardNumber(500_000 + n))]
  const bound = await Promise.all(numbers.map(number => story.bind(customer, { number }, ['stripe'])))
  const ids = bound.map(one => one.id)
  for (const id of ids) await call(`/v1/instruments/${id}/update_policy`, { policy: 'scheduled' })
  const run = String((await call('/v1/updater/runs', { instruments: ids })).json.id)
  const file = String((await call(`/v1/updater/runs/${run}/file`)).json.file)
  const results = updater.answer(file, run, Date.now()) ?? assert.fail('the updater cannot read it')
  const cut = Buffer.from(Buffer.from(results, 'base64').subarray(0, -8)).toString('base64')
  const refused = await story.caller.call(`/v1/updater/runs/${run}/results`, { body: { file: cut } })
  assert.equal(refused.status, 422, refused.text)
  const handed = story.caller.call(`/v1/updater/runs/${run}/results`, { body: { file: results } }).catch(() => undefined)
  await Promise.race([handed, until('a part to be told', async () => ((await told()) > 0 ? true : undefined), 20_000)])
  await server.end('SIGKILL')
  await handed
  await ground.auditor.letLeasesLapse()
  server = await ground.start()
  await call(`/v1/updater/runs/${run}/results`, { file: results })
  await until('the run to be done', async () => ((await call(`/v1/updater/runs/${run}`)).json.status === 'done' ? true : undefined), 90_000)
  assert.equal(await told(), 40)
  const counts = z
    .object({ data: z.array(z.object({ what: z.string(), number: z.number() })) })
    .parse((await call('/v1/updater/counts')).json)
  assert.deepEqual(Object.fromEntries(counts.data.map(one => [one.what, one.number])), { inquiry: 40, A: 1, E: 1, O: 1, V: 37 })
  const renewed = await story.becomes(
    ids[0] ?? '',
    'bound with its new number',
    now => at(now, 'stripe').some(one => one.status === 'revoked') && at(now, 'stripe').some(one => one.status === 'active'),
  )
  const { card } = cardShape.parse((await call(`/v1/instruments/${renewed.id}`)).json)
  assert.equal(card.last4, renewedNumber.slice(-4))
  const token = at(renewed, 'stripe').find(one => one.status === 'active')?.token
  assert.equal((await story.cards('stripe')).find(one => one.token === token)?.label, renewedNumber.slice(-4))
  const kept = await everything()
  for (const number of [...numbers, renewedNumber])
    for (const form of formsOf(number)) assert.ok(!kept.includes(form), `a number ending ${number.slice(-4)} is kept in the clear`)
  // The search finds what is there: this one is planted by the test.
  await ground.auditor.plant(updaterCards.E)
  assert.ok(formsOf(updaterCards.E).some(form => form === updaterCards.E) && (await everything()).includes(updaterCards.E))
})

async function told(): Promise<number> {
  const client = new Client(ground.connection)
  await client.connect()
  try {
    const { rows } = await client.query<{ n: string }>(`select count(*) as n from bindery.instrument_facts where kind = 'advised'`)
    return Number(rows[0]?.n)
  } finally {
    await client.end()
  }
}

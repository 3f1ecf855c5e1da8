/** Files in and out through the command line and the real server, with everything between them as it is run. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let caller: Caller
let environment: Record<string, string>
before(async () => {
  ground = await prepareGround(undo, { durable: false })
  const server = await ground.start()
  undo.push(() => server.end('SIGTERM'))
  const { callerOf } = await import('./caller.ts')
  const { key } = await ground.newKey({ mode: 'test', kind: 'secret' })
  caller = callerOf(ground.address, key)
  environment = { ...process.env, BINDERY_URL: ground.address, BINDERY_API_KEY: key }
})
after(() => undoAll(undo))

type Ran = { readonly code: number; readonly out: string; readonly said: string }
const bindery = (...args: readonly string[]): Promise<Ran> =>
  new Promise(resolve =>
    execFile(process.execPath, [join(import.meta.dirname, '..', 'cli', 'bindery.ts'), ...args], { env: environment }, (error, out, said) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, said }),
    ),
  )

const rows = 12_000
const lines = Array.from(
  { length: rows },
  (_, at) => `User ${at % 2}-${at >> 1},pm_${at},Visa,${String(at % 10_000).padStart(4, '0')},12/29,"a, ""b"" ${'x'.repeat(120)}"`,
)

test('a file of several parts is taken over, told row by row, and each instrument can be read', async () => {
  const file = join(ground.folder, 'cards.csv')
  writeFileSync(file, `User,Payment method,brand,last4,expiry,remark\n${lines.map(line => line.replace('User ', 'user-')).join('\n')}\n`)
  const map = ['--map', 'customer=User', '--map', 'token=Payment method']
  const report = join(ground.folder, 'report.jsonl')
  const rehearsed = await bindery('import', file, '--channel', 'stripe', ...map, '--dry-run', '--json')
  assert.equal(rehearsed.code, 0, rehearsed.said)
  assert.ok((rehearsed.said.match(/part \d+ sent/g) ?? []).length > 1, 'several parts')
  const done = await bindery('import', file, '--channel', 'stripe', ...map, '--report', report, '--json')
  assert.equal(done.code, 0, done.said)
  const tally = z.object({ rows: z.object({ imported: z.int(), refused: z.int() }) })
  assert.deepEqual(tally.parse(JSON.parse(done.out)).rows, { imported: rows, refused: 0 })
  assert.deepEqual(tally.parse(JSON.parse(rehearsed.out)).rows, { imported: rows, refused: 0 })
  const told = readFileSync(report, 'utf8').trimEnd().split('\n')
  assert.equal(told.length, rows)
  const last = z.object({ line: z.int(), instrument: z.string() }).parse(JSON.parse(told.at(-1) ?? ''))
  assert.equal(last.line, rows + 1)
  const shown = await caller.call(`/v1/instruments/${last.instrument}`)
  assert.equal(shown.json.status, 'active', shown.text)
})

test('what cannot be is said on one line, without a stack', async () => {
  const missing = await bindery('import', join(ground.folder, 'nowhere.csv'), '--channel', 'stripe')
  const channel = await bindery('import', join(ground.folder, 'cards.csv'), '--channel', 'nowhere')
  for (const { code, said } of [missing, channel]) {
    assert.equal(code, 2, said)
    assert.doesNotMatch(said, /\n\s+at /)
  }
  assert.match(channel.said, /\/channel/)
})

test('an export is written, verified, and a flipped byte in it is found', async () => {
  const folder = join(ground.folder, 'out')
  const written = await bindery('export', '--to', folder)
  assert.equal(written.code, 0, written.said)
  assert.match(written.out, new RegExp(`${rows} rows in \\d+ parts, signed and whole`))
  const { data } = z.object({ data: z.array(z.object({ public_key: z.string() })) }).parse((await caller.call('/v1/exports/keys')).json)
  const key = data[0]?.public_key ?? ''
  const part = join(folder, readdirSync(folder).filter(name => name.startsWith('part-'))[0] ?? '')
  const bytes = readFileSync(part)
  bytes.writeUInt8(bytes.readUInt8(1_000) ^ 1, 1_000)
  writeFileSync(part, bytes)
  const checked = await bindery('export', '--verify', folder, '--key', key)
  assert.equal(checked.code, 1)
  assert.match(checked.said, /is not what was signed/)
})

test('the events are described where the docs say so', async () => {
  const document = (await caller.call('/asyncapi.json')).json
  assert.equal(document.asyncapi, '3.0.0')
  assert.match((await caller.call('/docs/events')).text, /instrument\.bound/)
  assert.match((await caller.call('/')).text, /asyncapi\.json/)
})

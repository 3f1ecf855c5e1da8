import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exportKey } from './exportKey.ts'
import { readImport } from './import.ts'
import { type Deployment, deployment } from './postgres.seam.ts'
import { manifestFile, signatureFile, verifyExport } from './verifyExport.ts'

let [one, other]: Deployment[] = []
const folder = mkdtempSync(join(tmpdir(), 'bindery-export-'))
before(async () => {
  ;[one, other] = await Promise.all([deployment(), deployment()])
})
after(async () => {
  rmSync(folder, { recursive: true, force: true })
  await Promise.all([one?.close(), other?.close()])
})
const there = (of: Deployment | undefined): Deployment => of ?? assert.fail('not started')

const header =
  'customer,channel,token,brand,last4,expiry,fingerprint,instrument,references.setup_intent,mandate_reference,status,created_at,par\n'
const rowsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => {
    const channel = at % 3 === 0 ? 'bb' : 'aa'
    const par = at % 17 === 0 ? `V${String(at % 800).padStart(28, '0')}` : ''
    return `c${at % 400},${channel},t${at},visa,${String(at % 10_000).padStart(4, '0')},12/29,fp${at % 700},i${at % 800},si_${at},md_${at},${at % 50 === 7 ? 'suspended' : ''},2025-03-04,${par}\n`
  })

test('several workers on one import take each row once, and the report has every row in the file’s order', async () => {
  const { world, pool, ...rest } = there(one)
  const rows = rowsOf(2_000)
  rows[77] = 'c1,aa,t77,visa,4111111111111111,12/29,,,,,,,\n'
  rows[1_500] = rows[0] ?? ''
  const parts = [header + rows.slice(0, 900).join(''), rows.slice(900).join('')].map(text => Buffer.from(text))
  const done = await rest.finish(await rest.importParts(parts, { channel: null }), 3)
  assert.equal(done.status, 'done', done.cause ?? '')
  const report = await rest.report(done)
  assert.deepEqual(
    report.map(line => line.line),
    Array.from({ length: 2_000 }, (_, at) => at + 2),
  )
  assert.equal(report[77]?.field, 'last4')
  assert.equal(report[1_500]?.outcome, 'unchanged')
  const { read, imported, merged, unchanged, refused } = done.tally
  assert.deepEqual([read, unchanged, refused, imported + merged], [2_000, 1, 1, 1_998])
  const count = async (table: string): Promise<number> =>
    (await pool.query<{ n: number }>(`select count(*)::int as n from ${table} where tenant = $1`, [rest.tenant])).rows[0]?.n ?? 0
  assert.equal(await count('instruments'), imported)
  const aliases = report.filter(line => line.outcome === 'merged').length - ((await count('bindings')) - imported)
  assert.ok(aliases >= 0)
  assert.equal((await pool.query(`select 1 from channel_names where name ~ '^t[0-9]+$'`)).rowCount, 1_998, 'every token finds its binding')
})

test('a worker that is killed where it stands is followed by another, and no row is lost or taken twice', async () => {
  const { world, pool, connection, ...rest } = there(one)
  const rows = Array.from({ length: 3_000 }, (_, at) => `k${at % 900},aa,k${at},fpk${at % 2_500}\n`)
  const started = await rest.importParts([Buffer.from(`customer,channel,token,fingerprint\n${rows.join('')}`)])
  const worker = spawn(process.execPath, [join(import.meta.dirname, 'worker.seam.ts')], {
    env: { ...process.env, TRIAL_CONNECTION: JSON.stringify(connection) },
    stdio: 'inherit',
  })
  const state = () => readImport(world, { tenant: rest.tenant, mode: 'test', id: started.id })
  const until = Date.now() + 60_000
  while ((await state()).tally.read < 400) assert.ok(worker.exitCode === null && Date.now() < until, 'the worker takes no rows')
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  const left = await state()
  assert.ok(left.status === 'running' && left.tally.read < 3_000, `it was done with ${left.tally.read} rows before it was killed`)
  world.advance(7_200_000)
  const done = await rest.finish(left)
  const report = await rest.report(done)
  assert.deepEqual(
    report.map(line => line.token),
    Array.from({ length: 3_000 }, (_, at) => `k${at}`),
  )
  const { imported, merged } = done.tally
  assert.equal(imported + merged, 3_000)
  const { rowCount } = await pool.query(`select 1 from facts where source = $1`, [`import:${started.id}`])
  assert.equal(rowCount, 3_000, 'one fact a row')
})

/** What two deployments must have alike: all but the ids that each gave itself. Instruments by the tokens that stand together. */
function mapping(parts: readonly string[]): readonly string[] {
  const rows: Record<string, unknown>[] = parts.flatMap(part =>
    part
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line)),
  )
  const together = Map.groupBy(rows, row => String(row.instrument))
  return rows
    .map(({ instrument, binding: _binding, customer_id: _customer, ...row }) =>
      JSON.stringify({ ...row, with: (together.get(String(instrument)) ?? []).map(two => two.token).toSorted() }),
    )
    .toSorted()
}

test('what one deployment writes down an empty one takes over, and writes down the same', async () => {
  const from = await there(one).export()
  assert.equal(from.row.status, 'done', from.row.cause ?? '')
  const lines = from.parts.join('').split('\n').length - 1
  assert.ok(lines > 1_000 && from.row.rows === lines)
  const to = there(other)
  // What was made two hours ahead is not of the future.
  to.world.advance(7_200_000)
  const done = await to.finish(
    await to.importParts(
      from.parts.map(part => Buffer.from(part)),
      { format: 'jsonl', channel: null },
    ),
  )
  assert.deepEqual(
    [done.tally.read, done.tally.refused, done.tally.unchanged],
    [lines, 0, 0],
    JSON.stringify((await to.report(done)).filter(line => line.outcome === 'refused').slice(0, 3)),
  )
  const again = await to.export()
  assert.deepEqual(mapping(again.parts), mapping(from.parts))
})

test('as CSV it is the same, and what it takes over again is there already', async () => {
  const of = there(other)
  const { parts, row } = await of.export('csv')
  const done = await of.finish(
    await of.importParts(
      parts.map(part => Buffer.from(part)),
      { channel: null },
    ),
  )
  assert.deepEqual([done.tally.read, done.tally.unchanged], [row.rows, row.rows])
})

test('a manifest that was changed, a byte that was flipped, a part that is missing: each is found', async () => {
  const { world, ...rest } = there(one)
  const { row, parts } = await rest.export()
  const { publicKey } = exportKey(world)
  const lay = (): void => {
    writeFileSync(join(folder, manifestFile), row.manifest ?? '')
    writeFileSync(join(folder, signatureFile), `${row.signature}\n`)
    for (const [at, part] of parts.entries()) writeFileSync(join(folder, `part-${String(at + 1).padStart(5, '0')}.jsonl`), part)
  }
  lay()
  const verified = await verifyExport(folder, publicKey)
  assert.deepEqual(verified.wrong, [])
  assert.equal(verified.manifest?.counts.rows, row.rows)
  const [first = ''] = parts
  const flipped = Buffer.from(first)
  flipped.writeUInt8(flipped.readUInt8(flipped.length >> 1) ^ 1, flipped.length >> 1)
  writeFileSync(join(folder, 'part-00001.jsonl'), flipped)
  assert.match((await verifyExport(folder, publicKey)).wrong.join(), /part-00001.jsonl is not what was signed/)
  writeFileSync(join(folder, 'part-00001.jsonl'), first.slice(0, -1))
  assert.match((await verifyExport(folder, publicKey)).wrong.join(), /bytes/)
  rmSync(join(folder, 'part-00001.jsonl'))
  assert.match((await verifyExport(folder, publicKey)).wrong.join(), /missing/)
  lay()
  writeFileSync(join(folder, manifestFile), (row.manifest ?? '').replace(`"rows": ${row.rows}`, `"rows": ${row.rows + 1}`))
  assert.match((await verifyExport(folder, publicKey)).wrong.join(), /signature/)
  lay()
  const stranger = exportKey({ settings: { ...world.settings, idempotencyKey: Buffer.alloc(32, 1) } })
  assert.match((await verifyExport(folder, stranger.publicKey)).wrong.join(), /signature/)
})

test('an export whose worker dies begins anew, and leaves nothing of its first attempt', async () => {
  const { world, pool, ...rest } = there(one)
  const { createExport, exportsDue, readExport } = await import('./export.ts')
  const made = await createExport(world, { tenant: rest.tenant, mode: 'test', format: 'jsonl' })
  const { createSnapshots } = await import('./queries.ts')
  const read = createSnapshots(pool)
  await exportsDue(world, (owner, act) =>
    read(owner, snapshot =>
      act(async function* (page) {
        for await (const rows of snapshot(page)) {
          yield Array.from({ length: 6 }, () => rows).flat()
          throw new Error('gone')
        }
      }),
    ),
  )
  assert.equal((await readExport(world, made)).status, 'running')
  await exportsDue(world, read)
  const done = await readExport(world, made)
  assert.deepEqual([done.status, done.attempt], ['done', 2])
  const { rows } = await pool.query<{ attempt: number }>('select distinct attempt from export_parts where export = $1', [made.id])
  assert.deepEqual(
    rows.map(part => part.attempt),
    [2],
  )
})

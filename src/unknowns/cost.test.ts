/** The queue costs what is in doubt, whatever is settled: its plans over many operations, and the same rows as the pure rule finds. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { testDatabase } from '../world/testing.ts'
import { unknownsSql } from './queries.ts'
import { kindOf, slowMs } from './unknown.ts'

/** A million is tried by hand: `BINDERY_OPERATIONS=1000000 npm test -- unknowns/cost`. */
const settled = Number(process.env.BINDERY_OPERATIONS ?? 60_000)
const owner = { tenant: 'ten_1', mode: 'test' } as const
const now = Date.UTC(2026, 10, 25)

const database = await testDatabase({ on: 'embedded' })
const client = new Client({ ...database.connection, options: '-c search_path=bindery' })
await client.connect()
after(async () => {
  await client.end()
  await database.close()
})

/** `status`, `cause` and `age` (of row `n`) in SQL. */
const operations = (
  name: string,
  count: number,
  of: { readonly status: string; readonly cause: string; readonly age: string; readonly tenant?: string },
) => `
insert into operations (id, tenant, mode, customer, instrument, binding, channel, verb, status, place, input, tries, cause, due_at, created_at, version)
select 'opn_${name}_' || n, '${of.tenant ?? owner.tenant}', 'test', 'cus_1', 'ins_1', 'bnd_' || n, 'one', 'bind', ${of.status}, 0, '{}', 1, ${of.cause},
  case when ${of.status} in ('settled', 'parked') then null else now() end, timestamptz '2026-11-25T00:00:00Z' - (${of.age}), 1
from generate_series(1, ${count}) as n`

await client.query('set session_replication_role = replica')
await client.query(
  operations('done', settled, { status: `'settled'`, cause: `case when n % 3 = 0 then 'challenge' end`, age: `n * interval '1 second'` }),
)
await client.query(operations('asks', 3_000, { status: `'open'`, cause: 'null', age: `n * interval '1 second'` }))
await client.query(operations('else', 2_000, { status: `'parked'`, cause: `'no answer'`, age: `n * interval '1 hour'`, tenant: 'ten_2' }))
await client.query(operations('young', 3_000, { status: `'waiting'`, cause: `'challenge'`, age: `n * interval '20 seconds'` }))
await client.query(
  operations('doubt', 100, {
    status: `(array['open', 'waiting', 'parked'])[1 + n % 3]`,
    cause: `'no answer'`,
    age: `interval '2 days' + n * interval '1 hour'`,
  }),
)
await client.query('analyze operations')

const explained = z.array(z.object({ 'QUERY PLAN': z.array(z.looseObject({ Plan: z.looseObject({}), 'Execution Time': z.number() })) }))
/** As a lane plans that has asked often: once, for any values. */
async function explain(limit: number, of: { readonly kind?: string } = {}) {
  await client.query('set plan_cache_mode = force_generic_plan; deallocate all')
  await client.query(`prepare unknowns as ${unknownsSql(owner)}`)
  const literal = (value: string | undefined): string => (value === undefined ? 'null' : `'${value}'`)
  const before = new Date(now - slowMs).toISOString()
  const execute = `execute unknowns('${before}', ${literal(of.kind)}, null, null, null, null, ${limit}, '${owner.tenant}', '${owner.mode}')`
  const { rows } = await client.query(`explain (analyze, buffers, format json) ${execute}`)
  const [plan] = explained.parse(rows)[0]?.['QUERY PLAN'] ?? []
  const found = (await client.query<{ readonly id: string; readonly kind: string }>(execute)).rows
  const { Plan: top } = plan ?? assert.fail('no plan')
  const blocks = Number(top['Shared Hit Blocks']) + Number(top['Shared Read Blocks'])
  return { text: JSON.stringify(top), blocks, ms: plan?.['Execution Time'] ?? 0, found }
}

test('no plan reads what is settled: by the index of what is in doubt, and few pages of it', async t => {
  for (const [limit, pagesMax] of [
    [21, 400],
    [10_001, 1_500],
  ] as const) {
    const { text, blocks, ms, found } = await explain(limit)
    t.diagnostic(`${settled} settled, a page of ${limit}: ${found.length} lines, ${blocks} pages of 8 KB, ${ms.toFixed(1)} ms`)
    assert.match(text, /"Index Name":"operations_unknown"/)
    assert.doesNotMatch(text, /"Node Type":"Seq Scan"[^{}]*"Relation Name":"operations"/)
    assert.equal(found.length, Math.min(limit, 100))
    assert.ok(blocks < pagesMax, `${blocks} pages`)
  }
})

test('SQL and the pure rule find the same', async () => {
  const { rows } = await client.query<{
    readonly id: string
    readonly status: 'open' | 'waiting' | 'settled' | 'parked'
    readonly cause: string | null
    readonly created_at: Date
  }>(`select id, status, cause, created_at from operations where tenant = $1 and status <> 'settled'`, [owner.tenant])
  const right = rows.flatMap(row => {
    const kind = kindOf({ ...row, created_at: row.created_at.getTime() }, now)
    return kind === undefined ? [] : [`${row.id} ${kind}`]
  })
  const { found } = await explain(10_001)
  assert.deepEqual(found.map(one => `${one.id} ${one.kind}`).toSorted(), right.toSorted())
  assert.equal(right.length, 100)
  for (const kind of ['uncertain', 'waiting', 'parked']) {
    const of = (await explain(10_001, { kind })).found
    assert.deepEqual(of.map(one => `${one.id} ${one.kind}`).toSorted(), right.filter(one => one.endsWith(` ${kind}`)).toSorted())
  }
})

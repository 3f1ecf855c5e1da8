import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchBind, summary, tableOf } from './bind.ts'
import { ways } from './database.ts'

test('the three ways of binding write the same rows for each unit, and their ratios can be told', { timeout: 240_000 }, async () => {
  const report = await benchBind({ seconds: 1, rounds: 1, users: 16, say: () => undefined })
  const line = summary(report)
  for (const [name, value] of Object.entries(line)) {
    if (name === 'bench') assert.equal(value, 'bind_http')
    else if (name === 'ratio_pgbench' && report.pgbenchClients === 0) assert.equal(value, null)
    // Elsewhere than on Linux nobody tells how much processor time others took.
    else if ((name === 'pg_us' || name === 'node_us') && process.platform !== 'linux') assert.equal(value, null)
    else assert.ok(typeof value === 'number' && Number.isFinite(value) && value > 0, `${name} is ${String(value)}`)
  }
  assert.ok(report.units.ours > 0 && report.units.naive > 0)
  for (const way of ways.filter(one => report.units[one] > 0))
    for (const [i, { table, rows, versions, bytes }] of report.contents[way].entries()) {
      const ours = report.contents.ours[i]
      const perUnit = (count: number, of: typeof way): number => count / report.units[of]
      assert.equal(perUnit(rows, way), perUnit(ours?.rows ?? Number.NaN, 'ours'), `${way}: rows of ${table}`)
      assert.equal(perUnit(versions, way), perUnit(ours?.versions ?? Number.NaN, 'ours'), `${way}: versions of ${table}`)
      // A tenth: what PostgreSQL makes of a long JSON by compressing it depends on how its ids were drawn.
      assert.ok(Math.abs(bytes - (ours?.bytes ?? 0)) <= 0.1 * bytes, `${way}: a row of ${table} has ${bytes} bytes, ours ${ours?.bytes}`)
    }
  assert.match(tableOf(report), /twin, one caller/)
})

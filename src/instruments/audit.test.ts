import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from 'pg'
import { events } from '../events/tables.ts'
import { tables } from '../tables.ts'
import type { Store } from '../world/store.ts'
import { insert } from '../world/store.ts'
import { storeDatabase } from '../world/testing-store.ts'
import { createAudit } from './audit.ts'
import { instrumentsAfter } from './queries.ts'
import { scripted, trial, visa } from './trial.seam.ts'

/** What a bind leaves in the memory store, copied into a real database. */
async function copied(store: Store): Promise<readonly string[]> {
  const on = await trial([
    scripted('one', { bind: async () => ({ kind: 'bound', token: 'tok_1', references: {} }) }),
    scripted('two', { bind: async () => ({ kind: 'bound', token: 'tok_2', references: {} }) }),
  ])
  for (let n = 0; n < 70; n += 1)
    await on.bind({
      card: { capture: await on.capture({ ...visa, number: `41111111111${1000 + n}${check(n)}` }) },
      channels: ['one', 'two'],
      bind_on: 'all',
    })
  const order = ['customers', 'instruments', 'bindings', 'operations', 'facts', 'instrument_facts']
  for (const name of order) {
    const table = tables.find(one => one.name === name) ?? assert.fail(name)
    for (const row of on.rows(table)) {
      const { version: _version, ...fresh }: Readonly<Record<string, unknown>> = row
      assert.ok((await store.commit([insert(table, fresh)])).ok, name)
    }
  }
  return on.rows(tables.find(one => one.name === 'instruments') ?? assert.fail()).map(row => String(row.id))
}

/** The last digit by Luhn. */
function check(n: number): string {
  const digits = `41111111111${1000 + n}`
  const sum = [...digits].reduceRight((total, digit, i) => {
    const doubled = (digits.length - 1 - i) % 2 === 0 ? Number(digit) * 2 : Number(digit)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return String((10 - (sum % 10)) % 10)
}

test('a row that was spoiled by hand is found, page after page, and what was not is left alone', async () => {
  const database = await storeDatabase(tables, '')
  const store = await database.open({ eventsTable: events.name })
  const pool = new Pool({ ...database.connection, options: '-c search_path=bindery', max: 1 })
  try {
    const ids = (await copied(store)).toSorted()
    const logged: string[] = []
    const log = { info: () => {}, warn: () => {}, error: (_: string, facts?: object) => logged.push(JSON.stringify(facts)) }
    const audit = createAudit({ store, log }, (after, limit) => instrumentsAfter(pool, after, limit))
    const round = async (): Promise<number> => {
      const before = audit.counts.differences
      for (let page = 0; page < 2; page += 1) await audit.turn()
      return audit.counts.differences - before
    }
    assert.equal(await round(), 0)
    assert.equal(audit.counts.checked, ids.length)
    const last = ids.at(-1) ?? assert.fail()
    await database.query(`update bindery.bindings set token = 'tok_spoiled' where instrument = '${last}' and channel = 'two'`)
    await database.query(`update bindery.instruments set reasons = '["blocked"]' where id = '${ids[0]}'`)
    assert.equal(await round(), 2)
    assert.ok(
      logged.some(one => one.includes('"column":"token"')) && logged.some(one => one.includes(`"id":"${ids[0]}"`)),
      logged.join('\n'),
    )
  } finally {
    await pool.end()
    await store.close()
    await database.close()
  }
})

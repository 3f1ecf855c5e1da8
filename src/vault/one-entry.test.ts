/**
 * Each time something is opened there is one entry of the audit, no more and no fewer: under load, and with the vault killed in the middle. The
 * channel counts what arrived, which is what was opened.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { privateKeyOf, publicText } from '../core/sealed-file.ts'
import { adoption, capture, channel, clientOf, ownSettings } from './process.seam.ts'
import { startVault } from './start.ts'

const cards = 10
const calls = 400
const atOnce = 32
const killedAfter = 150
const publicKey = publicText(privateKeyOf(randomBytes(32)))

/** How many entries each operation has, once all of them are in the chain. */
async function entriesByOperation(database: object): Promise<ReadonlyMap<string, number>> {
  const client = new Client(database)
  await client.connect()
  try {
    for (let tries = 0; tries < 100; tries += 1) {
      const { rows } = await client.query<{ n: number }>('select count(*)::int as n from vault.audit_entries')
      if (rows[0]?.n === 0) break
      await sleep(100)
    }
    const { rows } = await client.query<{ operation: string; n: number }>(
      `select operation, count(*)::int as n
       from vault.audit_log
       where act in ('forward', 'detokenize')
       group by operation`,
    )
    return new Map(rows.map(one => [one.operation, one.n]))
  } finally {
    await client.end()
  }
}

/** So many at a time, in order. */
async function inLanes(count: number, act: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await act(next - 1)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

for (const killed of [false, true])
  test(`what was opened and what was told are the same, ${killed ? 'with a kill -9 in the middle' : 'call for call'}`, async t => {
    const { origin, received } = await channel(t)
    const settings = { ...(await ownSettings(t, [origin])), detokenize: { perPerson: 1_000, perTenant: 1_000 } }
    let vault = await startVault(settings)
    t.after(() => vault.stop())
    const link = clientOf(settings)
    t.after(() => link.close())
    for (let n = 0; n < cards; n += 1) assert.ok(await link.adopt(adoption(await capture(settings, vault.captureUrl), `ins_${n}`)))
    const answered = new Set<string>()
    let done = 0
    let again: Promise<void> | undefined
    const kill = async (): Promise<void> => {
      vault.process.kill('SIGKILL')
      await vault.ended
      vault = await startVault(settings)
    }
    await inLanes(calls, async n => {
      const operation = `call_${n}`
      const owner = { tenant: 'ten_1', mode: 'test', instrument: `ins_${n % cards}`, instrumentVersion: 1, operation } as const
      const request = {
        ...{
          method: 'POST' as const,
          url: `${origin}/cards`,
          headers: { 'content-type': 'application/json' },
          placeholders: true as const,
        },
        body: `{"operation":"${operation}","number":"{{card.number}}"}`,
      } as const
      const told = { purpose: 'dispute', reason: 'case 4711 of the bank', person: 'ann', second: null, publicKey } as const
      const call = n % 8 === 7 ? link.detokenize({ ...owner, ...told }) : link.forward({ ...owner, timeoutMs: 5_000, request })
      await call.then(
        () => answered.add(operation),
        () => undefined,
      )
      done += 1
      if (killed && done === killedAfter) again = kill()
      if (again !== undefined) await again
    })
    const entries = await entriesByOperation(settings.database)
    const arrived = received.map(body => /"operation":"(call_\d+)"/.exec(body)?.[1] ?? '')
    assert.equal(new Set(arrived).size, arrived.length, 'nothing was sent twice')
    for (const operation of [...arrived, ...answered]) assert.equal(entries.get(operation), 1, operation)
    for (const [operation, count] of entries) assert.equal(count, 1, operation)
    const unanswered = calls - answered.size
    t.diagnostic(JSON.stringify({ calls, answered: answered.size, arrived: arrived.length, entries: entries.size, unanswered }))
    // An entry comes before what it tells: those under way when the vault died may have been told and not done.
    if (killed) assert.ok(unanswered > 0 && unanswered <= atOnce && entries.size >= answered.size)
    else assert.deepEqual([answered.size, entries.size], [calls, calls])
  })

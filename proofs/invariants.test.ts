/** `npx bindery invariants` as an operator runs it, on a real database: what was spoiled by SQL is shown with its row, and the exit code says so. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import type { ClientConfig } from 'pg'
import { z } from 'zod'
import { tables } from '../src/tables.ts'
import { storeDatabase } from '../src/world/testing-store.ts'

type Ran = { readonly code: number | null; readonly lines: readonly string[] }

/** A socket's folder goes into the query of the address. */
const addressOf = ({ connectionString, host = '', user = '', database = '' }: ClientConfig): string =>
  connectionString ?? `postgres://${typeof user === 'string' ? user : ''}@localhost/${database}?host=${encodeURIComponent(host)}`

function bindery(connection: ClientConfig, ...args: readonly string[]): Promise<Ran> {
  const program = new URL('../cli/bindery.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, 'invariants', ...args], {
    env: { PATH: process.env.PATH ?? '', DATABASE_URL: addressOf(connection) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      out += String(chunk)
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, lines: out.trim().split('\n') }))
  })
}

const asked = z.object({ name: z.string(), status: z.string(), found: z.number(), findings: z.array(z.object({ subject: z.string() })) })

test('what must never be found ends with 1 and is shown with its rows, of both books', async () => {
  const database = await storeDatabase(tables, '')
  const { connection } = database
  try {
    const clean = await bindery(connection)
    assert.equal(clean.code, 0, clean.lines.join('\n'))
    assert.match(clean.lines.at(-1) ?? '', /^\d\d questions over 0 rows: 0 findings, 0 unfinished, 2 not applicable yet$/)
    assert.ok(clean.lines.some(line => /^I13 +not applicable yet +Bindery takes no payments/.test(line)))
    await database.query('alter table bindery.accounts drop constraint accounts_debits_limit')
    await database.query(
      `insert into bindery.accounts select 'ten_1', 'acc_' || n, 'EUR', 5, 0, true, false, 1 from generate_series(10, 40) as n`,
    )
    await database.query(
      `insert into vault.audit_log values (0, 'node', 1, now(), 'open', 'ten_1', 'whe_1', '', '', '', decode(repeat('00', 32), 'hex'))`,
    )
    const spoiled = await bindery(connection)
    assert.equal(spoiled.code, 1, spoiled.lines.join('\n'))
    const at = spoiled.lines.findIndex(line => /^I12 +violated +never_overdrawn/.test(line))
    assert.match(spoiled.lines[at + 2] ?? '', /found: 31, the first 20/)
    assert.equal(spoiled.lines[at + 3]?.trim(), 'acc_10  tenant=ten_1  debits=5  credits=0')
    assert.ok(spoiled.lines.some(line => /^I34 +violated +opened_for_a_purpose/.test(line)))
    const one = await bindery(connection, '--json', '--only', 'I12,I34', '--book', 'bindery')
    assert.equal(one.code, 1)
    const told = one.lines.slice(0, -1).map(line => asked.parse(JSON.parse(line)))
    assert.deepEqual(
      told.map(({ name, status, found, findings }) => [name, status, found, findings.length]),
      [['never_overdrawn', 'violated', 31, 20]],
    )
  } finally {
    await database.close()
  }
})

test('`--since` leaves older rows alone, and a mistake is named', async () => {
  const database = await storeDatabase(tables, '')
  const { connection } = database
  try {
    await database.query(`insert into bindery.charge_reports (tenant, mode, id, instrument, binding, amount, currency, outcome, charged_at, reported_at)
      values ('ten_1', 'test', 'old', 'i', 'b', 1, 'XXX', 'approved', now(), now() - interval '2 days'), ('ten_1', 'test', 'new', 'i', 'b', 1, 'XXX', 'approved', now(), now())`)
    const found = async (...args: readonly string[]): Promise<readonly string[]> => {
      const { lines } = await bindery(connection, '--json', '--only', 'charge_amounts', ...args)
      return lines.slice(0, -1).flatMap(line => asked.parse(JSON.parse(line)).findings.map(one => one.subject))
    }
    assert.deepEqual(await found(), ['new', 'old'])
    assert.deepEqual(await found('--since', '24h'), ['new'])
    const wrong = await bindery(connection, '--only', 'I99')
    assert.equal(wrong.code, 2)
    assert.match(wrong.lines.join(' '), /there is no invariant I99: there are I1, I2/)
    assert.equal((await bindery(connection, '--since', 'yesterday')).code, 2)
  } finally {
    await database.close()
  }
})

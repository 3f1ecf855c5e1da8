/** `bindery audit verify` as an operator runs it, on the database of a server that runs, against somebody who owns every table. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { callerOf, cardNumber, until } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import type { ServerProgram } from './server.ts'
import { storyOf } from './story.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let owner: Client
let server: ServerProgram
const rows = 6
before(async () => {
  ground = await prepareGround(undo, { durable: false })
  server = await ground.start()
  undo.push(() => server.end('SIGTERM'))
  const { key } = await ground.newKey({ mode: 'test', kind: 'secret' })
  const story = storyOf(ground, callerOf(ground.address, key))
  const customer = await story.customer()
  for (let n = 0; n < rows; n += 1) await story.bind(customer, { number: cardNumber(70_000 + n) }, ['stripe'])
  owner = new Client(ground.connection)
  await owner.connect()
  undo.push(() => owner.end())
  await until('the entries to stand in the chain', async () => ((await count()) >= rows ? true : undefined))
})
after(() => undoAll(undo))

const one = z.tuple([z.object({ n: z.int() })])
const count = async (): Promise<number> => one.parse((await owner.query('select count(*)::int as n from vault.audit_log')).rows)[0].n
const newest = async (): Promise<string> =>
  z
    .tuple([z.object({ note: z.string() })])
    .parse((await owner.query('select note from vault.audit_checkpoints order by size desc limit 1')).rows)[0].note

type Ran = { readonly code: number; readonly out: string }
const verify = (...more: readonly string[]): Promise<Ran> =>
  new Promise(resolve => {
    const cli = join(import.meta.dirname, '..', 'cli', 'bindery.ts')
    execFile(process.execPath, [cli, 'audit', 'verify', ...more], { env: ground.environment }, (error, out, said) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out: out + said }),
    )
  })
/** Does something to the tables, verifies, and takes it back. */
async function tampered(sql: string, ...more: readonly string[]): Promise<Ran> {
  await owner.query('create table kept_log as table vault.audit_log')
  await owner.query('create table kept_notes as table vault.audit_checkpoints')
  try {
    await owner.query(sql)
    return await verify(...more)
  } finally {
    await owner.query('truncate vault.audit_log, vault.audit_checkpoints')
    await owner.query('insert into vault.audit_log select * from kept_log')
    await owner.query('insert into vault.audit_checkpoints select * from kept_notes')
    await owner.query('drop table kept_log, kept_notes')
  }
}

test('what nobody touched is whole, and what somebody did is named with its row', async () => {
  const clean = await verify()
  assert.equal(clean.code, 0, clean.out)
  assert.match(clean.out, /0 findings/)
  for (const [sql, said] of [
    [`update vault.audit_log set subject = 'ins_innocent@1' where seq = 2`, /^row 2 is not what followed/m],
    ['delete from vault.audit_log where seq = 3', /^row 3 is missing/m],
    [
      "update vault.audit_checkpoints set note = overlay(note placing 'x' from 3) where size = (select max(size) from vault.audit_checkpoints)",
      /a checkpoint that is not ours/,
    ],
    ['delete from vault.audit_checkpoints', /is covered by no checkpoint/],
  ] as const) {
    const found = await tampered(sql)
    assert.equal(found.code, 1, `${sql}\n${found.out}`)
    assert.match(found.out, said, sql)
  }
  assert.equal((await verify()).code, 0)
})

test('an end that was cut off with its checkpoints is found by what a witness kept, and without one the command says so', async () => {
  const witness = join(ground.folder, 'elsewhere.txt')
  writeFileSync(witness, `${await newest()}\n`)
  const cut = `with last as (select max(size) as size from vault.audit_checkpoints),
    gone as (delete from vault.audit_checkpoints where size = (select size from last) returning 1)
    delete from vault.audit_log where seq >= coalesce((select max(size) from vault.audit_checkpoints where size < (select size from last)), 0)`
  const found = await tampered(cut, '--witness', witness)
  assert.equal(found.code, 1, found.out)
  assert.match(found.out, /is missing, or some of them are/)
  // The vault's own comes within the minute; who has none is shown by an empty one.
  const nobody = join(ground.folder, 'nobody.txt')
  writeFileSync(nobody, '')
  const blind = await tampered(cut, '--witness', nobody)
  assert.equal(blind.code, 0, blind.out)
  assert.match(blind.out, /nobody can tell whether the end was cut off/)
})

test('a vault that stops has told its witness the end', async () => {
  const last = await newest()
  assert.equal(await server.end('SIGTERM'), 0)
  assert.ok(readFileSync(join(ground.folder, 'server', 'audit-witness.txt'), 'utf8').includes(last))
})

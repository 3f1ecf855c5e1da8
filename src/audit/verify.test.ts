/** The vault's audit over PostgreSQL: everything opened leaves one row, and nothing that is done to the rows goes unnoticed. */
import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { Pool } from 'pg'
import type { ChannelRequest } from '../channels/channel.ts'
import { type AuditRow, auditOrigin, rowHash } from '../core/audit-row.ts'
import { openCheckpoint, readVerifier, signCheckpoint } from '../core/checkpoint.ts'
import { grown, rootHash } from '../core/merkle.ts'
import { keyRoot } from '../vault/root.ts'
import { vaultTables } from '../vault/tables.ts'
import { createVault } from '../vault/vault.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import { auditNotes, auditRows } from './queries.ts'
import { verifyAudit } from './verify.ts'

const database = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
const connection = asRole(database.connection, roles.vault)
const store = createPostgresStore({ connection, schema: 'vault', tables: vaultTables })
const pool = new Pool({ ...connection, max: 2 })
after(async () => {
  await Promise.all([store.close(), pool.end()])
  await database.close()
})
const clock = { now: Date.UTC(2026, 10, 25) }
const rowsInside: number[] = []
const vault = createVault({
  ...{ now: () => clock.now, random: randomBytes, store, allowLoopback: false },
  root: keyRoot('file', createSecretKey(randomBytes(32)), randomBytes),
  origins: new Set(['https://api.channel.example']),
  send: async () => {
    // What is durable at the moment at which the bytes leave.
    const { rows } = await pool.query<{ count: string }>(
      `select (select count(*) from vault.audit_entries) + (select count(*) from vault.audit_log) as count`,
    )
    rowsInside.push(Number(rows[0]?.count))
    return { status: 200, headers: {}, body: Buffer.from('{}') }
  },
})
const request: ChannelRequest = {
  ...{ method: 'POST', url: 'https://api.channel.example/v1/x', headers: { 'content-type': 'application/json' } },
  ...{ body: '{"n":"{{card.number}}"}', placeholders: true },
}
const scope = { tenant: 'ten_1', mode: 'test' } as const
const wordsOf = (n: number, operation = `opn_${n}`) => ({ ...scope, instrument: `ins_${n}`, instrumentVersion: 1, operation })

async function seal(n: number) {
  const body = Buffer.from('{"number":"4242424242424242","expiry_month":3,"expiry_year":2040}')
  const { reference } = await vault.capture(scope, body)
  await vault.sealAhead({ ...wordsOf(n), reference })
  await vault.adopt({ ...wordsOf(n), reference })
}
const forward = (n: number, operation?: string) => vault.forward({ ...wordsOf(n, operation), timeoutMs: 1_000, request })
async function sequenceAll(): Promise<void> {
  while ((await vault.sequencer.turn()).added > 0);
}
async function stored() {
  const rows: AuditRow[] = []
  for await (const row of auditRows(pool)) rows.push(row)
  return { rows, notes: await auditNotes(pool), verifier: readVerifier(await vault.sequencer.verifier()) }
}

test('RFC 6962: the roots of its own examples (CT reference tree of 1 to 8 leaves)', () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ]
  let frontier: readonly Buffer[] = []
  for (const [at, leaf] of leaves.entries()) {
    frontier = grown(frontier, at, Buffer.from(leaf, 'hex'))
    assert.equal(rootHash(frontier).toString('hex'), roots[at], `${at + 1} leaves`)
  }
})

test('every forward has exactly one row of its own, durable before the bytes leave; the first rides with the sealing', async () => {
  await seal(1)
  const commits: number[] = []
  const commit = store.commit.bind(store)
  store.commit = writes => {
    commits.push(writes.length)
    return commit(writes)
  }
  await forward(1)
  assert.deepEqual(commits, [], 'the first waits for no commit')
  await forward(1)
  await forward(1, 'opn_other')
  assert.equal(commits.length, 2)
  store.commit = commit
  assert.deepEqual(rowsInside, [1, 2, 3])
  const at = { tenant: 'ten_1', owner: 'whe_1', field: 'webhook_keys' }
  const sealed = await vault.seal({ ...at, text: 'x' })
  await Promise.all([vault.open({ ...at, sealed }), vault.open({ ...at, sealed })])
  clock.now += 60_000
  await forward(1, 'opn_cold')
  await sequenceAll()
  const { rows } = await stored()
  const told = rows.map(row => `${row.act} ${row.subject} ${row.purpose} ${row.operation}`.trim())
  assert.deepEqual(told.toSorted(), [
    'forward ins_1@1 send_to_channel opn_1',
    'forward ins_1@1 send_to_channel opn_cold',
    'forward ins_1@1 send_to_channel opn_other',
    'open whe_1 webhook_keys',
    'open whe_1 webhook_keys',
    'release ins_1@1 send_to_channel opn_1',
  ])
})

test('what cannot be told is not done: without an entry nothing leaves and nothing is opened', async () => {
  await seal(2)
  await forward(2)
  const before = rowsInside.length
  const commit = store.commit
  store.commit = () => Promise.reject(new Error('no'))
  await assert.rejects(forward(2))
  store.commit = commit
  assert.equal(rowsInside.length, before)
})

test('an entry that was changed before it stood in the chain is told to be forged', async () => {
  await seal(3)
  await pool.query(`update vault.audit_entries set subject = 'ins_innocent@1'`)
  await sequenceAll()
  const { rows } = await stored()
  assert.equal(rows.at(-1)?.act, 'forged release')
})

test('two sequencers at once make one chain', async () => {
  for (let n = 10; n < 40; n += 1) await seal(n)
  await Promise.all(Array.from({ length: 8 }, () => vault.sequencer.turn()))
  await sequenceAll()
  const { rows, notes, verifier } = await stored()
  assert.deepEqual((await verifyAudit({ rows, notes, witnessed: [], verifier })).findings, [])
  assert.ok(notes.every(one => openCheckpoint(one.note, verifier)?.size === one.size))
})

/** Deterministic, so that a failure can be run again. */
function dice(seed: number) {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
type Log = Awaited<ReturnType<typeof stored>>
/** From here on every hash anew, as somebody would who can write to the table. */
function rehashed(rows: readonly AuditRow[]): readonly AuditRow[] {
  let before: Buffer = Buffer.alloc(32)
  return rows.map(row => {
    before = rowHash(before, row.seq, row)
    return { ...row, hash: before }
  })
}
type Tampered = { readonly rows: readonly AuditRow[]; readonly cut?: true; readonly notes?: Log['notes'] }
/** Of the checkpoints: the first that covers row `at` is the one it is done to, and another stands beside. */
const withNotes = (log: Log, at: number, change: (notes: Log['notes'], here: number) => Log['notes']): Tampered => ({
  rows: log.rows,
  notes: change(
    log.notes,
    log.notes.findIndex(one => one.size > at),
  ),
})
const forger = generateKeyPairSync('ed25519').privateKey
const tampers: Readonly<Record<string, (log: Log, at: number, roll: (below: number) => number) => Tampered>> = {
  edit: ({ rows }, at, roll) => {
    const fields = ['at', 'node', 'n', 'act', 'tenant', 'subject', 'purpose', 'operation', 'detail'] as const
    const field = fields[roll(fields.length)] ?? 'act'
    return {
      rows: rows.map(row =>
        row.seq !== at ? row : { ...row, [field]: typeof row[field] === 'number' ? row[field] + 1 : `${row[field]}x` },
      ),
    }
  },
  'edit its hash too': ({ rows }, at) => ({ rows: rows.map(row => (row.seq === at ? { ...row, hash: Buffer.alloc(32, 1) } : row)) }),
  'edit and rehash all': ({ rows }, at) => ({ rows: rehashed(rows.map(row => (row.seq === at ? { ...row, subject: 'ins_x@1' } : row))) }),
  delete: ({ rows }, at) => ({ rows: rows.filter(row => row.seq !== at) }),
  'delete, renumber and rehash': ({ rows }, at) => ({
    rows: rehashed(rows.filter(row => row.seq !== at).map((row, seq) => ({ ...row, seq }))),
  }),
  reorder: ({ rows }, at) => {
    const other = at + 1 < rows.length ? at + 1 : at - 1
    const swap = (seq: number) => (seq === at ? other : seq === other ? at : seq)
    const low = rows.map((_, seq) => ({ ...(rows[swap(seq)] ?? assert.fail()), seq }))
    return { rows: low }
  },
  'reorder and rehash': ({ rows }, at) => {
    const other = at + 1 < rows.length ? at + 1 : at - 1
    return { rows: rehashed(rows.map((_, seq) => ({ ...(rows[seq === at ? other : seq === other ? at : seq] ?? assert.fail()), seq }))) }
  },
  insert: ({ rows }, at) => ({
    rows: rehashed(
      [...rows.slice(0, at), { ...(rows[at] ?? assert.fail()), node: 'x' }, ...rows.slice(at)].map((row, seq) => ({ ...row, seq })),
    ),
  }),
  truncate: ({ rows }, at) => ({ rows: rows.slice(0, at) }),
  'truncate with the checkpoints': ({ rows }, at) => ({ rows: rows.slice(0, at), cut: true }),
  'edit a checkpoint': (log, at, roll) =>
    withNotes(log, at, (notes, here) =>
      notes.map((one, i) => {
        // The last letter of base64 holds bits that mean nothing.
        const letter = roll(one.note.trimEnd().length - 4)
        const other = one.note.charAt(letter) === 'Q' ? 'R' : 'Q'
        return i === here ? { ...one, note: one.note.slice(0, letter) + other + one.note.slice(letter + 1) } : one
      }),
    ),
  'take a checkpoint away': (log, at) => withNotes(log, at, (notes, here) => notes.filter((_, i) => i !== here)),
  'exchange two checkpoints': (log, at) =>
    withNotes(log, at, (notes, here) => {
      const there = here === 0 ? 1 : here - 1
      return notes.map((one, i) => ({ ...one, note: notes[i === here ? there : i === there ? here : i]?.note ?? '' }))
    }),
  'forge a checkpoint': (log, at) =>
    withNotes(log, at, (notes, here) => {
      const note = signCheckpoint({ origin: auditOrigin, size: at + 1, root: Buffer.alloc(32, 3), previous: 0 }, forger)
      const others = notes.filter((one, i) => i !== here && one.size !== at + 1)
      return [...others, { size: at + 1, note }].toSorted((a, b) => a.size - b.size)
    }),
}

/** `npm run tamper` makes a thousand. */
const tamperings = Number(process.env.TAMPERINGS ?? 280)

test(`${tamperings} tamperings, of rows and of checkpoints: each is found, and where it lies`, async t => {
  for (let n = 100; n < 300; n += 1) {
    await seal(n)
    if (n % 7 === 0) await vault.sequencer.turn()
  }
  await sequenceAll()
  const log = await stored()
  const clean = await verifyAudit({ ...log, witnessed: [] })
  assert.deepEqual(clean.findings, [])
  const witnessed = log.notes.filter((_, at) => at % 5 === 0 || at === log.notes.length - 1).map(one => one.note)
  assert.deepEqual((await verifyAudit({ ...log, witnessed })).findings, [])
  const kinds = Object.entries(tampers)
  const roll = dice(7)
  const widest = Math.max(...log.notes.map((one, at) => one.size - (log.notes[at - 1]?.size ?? 0)))
  const counts = new Map<string, number>()
  for (let turn = 0; turn < tamperings; turn += 1) {
    const [kind = '', tamper] = kinds[turn % kinds.length] ?? []
    if (tamper === undefined) assert.fail()
    const at = roll(log.rows.length)
    const { rows, cut, notes: changed = log.notes } = tamper(log, at, roll)
    // A DBA may also take away the checkpoints that cover what was cut off, and has no key to sign others.
    const notes = cut ? log.notes.filter(one => one.size <= rows.length) : changed
    const { findings } = await verifyAudit({ rows, notes, witnessed, verifier: log.verifier })
    const what = `${kind} at ${at}, turn ${turn}`
    const [first] = findings
    if (first === undefined) assert.fail(`${what} was not found`)
    const where = `${what}: ${JSON.stringify(findings)}`
    const exact = exactly[kind]?.(at, log.rows.length)
    if (exact === undefined)
      assert.ok(
        findings.some(one => one.from <= at && one.to >= at),
        where,
      )
    else {
      const named = findings.find(one => one.kind === exact[0])
      assert.deepEqual([named?.kind, named?.from, named?.to], exact, where)
    }
    if (!cut && kind !== 'truncate') assert.ok(first.to - first.from <= widest, `${what} is located within one checkpoint`)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(counts)))
})

/** Where hashes were not computed anew the very row is named; else the rows that one checkpoint signed. */
const exactly: Readonly<Record<string, (at: number, rows: number) => readonly unknown[] | undefined>> = {
  edit: at => ['chain', at, at],
  'edit its hash too': at => ['chain', at, at],
  // What is missing at the end stands with what was signed together with it.
  delete: (at, rows) => (at === rows - 1 ? undefined : ['missing', at, at]),
  reorder: (at, rows) => (at + 1 < rows ? ['chain', at, at] : ['chain', at - 1, at - 1]),
}

test('what was cut off since the newest witness looks whole: the witness is told every minute for that', async () => {
  const log = await stored()
  const witnessed = log.notes.slice(0, -2).map(one => one.note)
  const notes = log.notes.slice(0, -1)
  const rows = log.rows.slice(0, notes.at(-1)?.size)
  assert.deepEqual((await verifyAudit({ rows, notes, witnessed, verifier: log.verifier })).findings, [])
  const [found] = (await verifyAudit({ rows, notes, witnessed: log.notes.map(one => one.note), verifier: log.verifier })).findings
  assert.ok(found !== undefined && found.to === log.rows.length - 1)
})

test('a checkpoint of another key, or for another size, is no checkpoint', async () => {
  const log = await stored()
  const [one] = log.notes
  if (one === undefined) assert.fail()
  const forged = log.notes.map(note => (note === one ? { ...note, note: note.note.replace('\n\n', 'x\n\n') } : note))
  assert.equal((await verifyAudit({ ...log, notes: forged, witnessed: [] })).findings[0]?.kind, 'signature')
  const moved = log.notes.map(note => (note === one ? { ...note, size: note.size + 1 } : note))
  assert.equal((await verifyAudit({ ...log, notes: moved, witnessed: [] })).findings[0]?.kind, 'signature')
  const text = await vault.sequencer.verifier()
  assert.throws(() => readVerifier(`${text.slice(0, -6)}AAAAAA`), /hash of this key/)
})

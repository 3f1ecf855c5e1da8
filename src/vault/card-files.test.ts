import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createSecretKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createMemoryStore, type MemoryStore } from '../world/memory.ts'
import { insert } from '../world/store.ts'
import { newSender, sealedBy } from './card-files.seam.ts'
import { cardFileLifeMs } from './card-files.ts'
import { newGrant } from './card-release.ts'
import { releaseGrants } from './card-tables.ts'
import { keyRoot } from './root.ts'
import { sweepOwnerless } from './sweep.ts'
import { records, vaultTables } from './tables.ts'
import { createVault, type VaultCore } from './vault.ts'

const whose = { tenant: 'ten_1', mode: 'live' } as const
const file = 'cdf_1'
const numbers = ['4242424242424242', '5555555555554444', '378282246310005']
/** The day after the card's month has ended. */
const now = Date.UTC(2027, 0, 2)

type House = { readonly vault: VaultCore; readonly store: MemoryStore; readonly clock: { now: number } }
function house(more: { readonly store?: MemoryStore } = {}): House {
  const store = more.store ?? createMemoryStore(vaultTables)
  const clock = { now }
  const unsent = () => Promise.reject(new Error('nothing is sent'))
  const root = keyRoot('file', createSecretKey(Buffer.alloc(32, 1)), randomBytes)
  const ports = { now: () => clock.now, random: randomBytes, store, root, send: unsent, origins: new Set<string>(), allowLoopback: false }
  return { store, clock, vault: createVault(ports) }
}

const us = newSender('old vault')
const signedBy = sealedBy

const line = (index: number, more: Readonly<Record<string, unknown>> = {}): string =>
  `${JSON.stringify({ card: `old-${index}`, number: numbers[index % 3], expiry_month: 12, expiry_year: 2030, ...more })}\n`
const total = (count: number): string =>
  String(Array.from({ length: count }, (_, i) => BigInt(numbers[i % 3] ?? 0) + BigInt(i + 1)).reduce((a, b) => a + b, 0n) % 10n ** 14n)
const end = (count: number, more: object = {}): string =>
  `${JSON.stringify({ cards: count, hash_total: total(count), last: true, ...more })}\n`
const head = (part = 1): string => `${JSON.stringify({ card_file: file, part })}\n`
const good = (count = 3): string => head() + Array.from({ length: count }, (_, i) => line(i)).join('') + end(count)

async function begun(of: House): Promise<string> {
  const made = await of.vault.cardFiles.begin({ ...whose, file, sender: us.pem })
  assert.ok(made !== undefined)
  return made.certificate
}
const take = (of: House, content: string, part = 1) => of.vault.cardFiles.take({ ...whose, file, part, content })
const cardsIn = async (of: House): Promise<number> => (await of.store.find(records, { tenant: whose.tenant, instrument: file })).length
const names = numbers.map((_, index) => `old-${index}`)

test('cards of a part are sealed, told by name, and become instruments’ with the same fingerprint as a capture of the number', async () => {
  const of = house()
  const certificate = await begun(of)
  const content = signedBy(us, good(), certificate)
  const taken = await take(of, content)
  assert.deepEqual(taken.kind === 'taken' && [taken.cards, taken.file.complete, taken.file.cards], [3, true, 3], JSON.stringify(taken))
  const again = await take(of, content)
  assert.equal(again.kind === 'taken' && again.cards, 0, 'the same part again is the same part')
  const seen = await of.vault.cardFiles.peek({ ...whose, file, cards: [...names, 'old-9'] })
  assert.deepEqual(
    seen.map(one => (one?.kind === 'card' ? one.card.last4 : undefined)),
    ['4242', '4444', '0005', undefined],
  )
  const body = Buffer.from(JSON.stringify({ number: numbers[0], expiry_month: 12, expiry_year: 2030 }))
  const captured = await of.vault.peek({ ...whose, reference: (await of.vault.capture(whose, body)).reference })
  assert.equal(seen[0]?.fingerprint, captured?.fingerprint)
  const wanted = [{ card: 'old-0', instrument: 'ins_1', instrumentVersion: 1, operation: 'imp_1:2' }]
  const seal = (more: object = {}) => of.vault.cardFiles.sealAs({ ...whose, file, wanted: wanted.map(one => ({ ...one, ...more })) })
  assert.deepEqual(await seal(), ['sealed'])
  assert.deepEqual(await seal(), ['sealed'], 'the same words get the same answer')
  assert.deepEqual(await seal({ card: 'old-1' }), ['other'])
  assert.deepEqual(await seal({ card: 'old-9', instrument: 'ins_2' }), ['missing'])
  assert.doesNotMatch(
    JSON.stringify(of.store.snapshot(), (_, v) => (v instanceof Uint8Array ? Buffer.from(v).toString('latin1') : v)),
    /4242424242424242/,
  )
})

const bad: readonly (readonly [what: string, text: string, where: readonly [line: number, field: string]])[] = [
  ['a number whose check digit is wrong', head() + line(0) + line(1, { number: '4242424242424241' }) + end(2), [3, 'number']],
  ['a security code', head() + line(0, { security_code: '123' }) + end(1), [2, 'security_code']],
  ['a month that is none', head() + line(0, { expiry_month: 13 }) + end(1), [2, 'expiry_month']],
  ['a name that is a number', head() + line(0, { card: numbers[0] }) + end(1), [2, 'card']],
  ['a name twice', head() + line(0) + line(1, { card: 'old-0' }) + end(2), [3, 'card']],
  ['a wrong count', head() + line(0) + line(1) + end(2, { cards: 3 }), [4, 'cards']],
  ['a wrong total', head() + line(0) + line(1) + end(2, { hash_total: '1' }), [4, 'hash_total']],
  ['a part cut short', good().slice(0, -3), [5, '']],
  ['a part without its last line', head() + line(0) + line(1), [3, 'card']],
  ['another transfer’s part', good().replace(file, 'cdf_2'), [1, 'card_file']],
  ['another number of a part', good().replace('"part":1', '"part":2'), [1, 'part']],
  ['no JSON', `${head()}number,expiry\n${end(1)}`, [2, '']],
  ['nothing', '', [1, '']],
  ['too many cards', head() + Array.from({ length: 1_001 }, (_, i) => line(i)).join('') + end(1_001), [1002, '']],
]

for (const [what, text, [at, field]] of bad)
  test(`${what} is refused by its line and field, and changes nothing`, async () => {
    const of = house()
    const before = signedBy(us, text, await begun(of))
    const refused = await take(of, before)
    assert.equal(refused.kind, 'refused')
    const faults = refused.kind === 'refused' ? refused.faults : []
    assert.deepEqual([faults[0]?.line, faults[0]?.field], [at, field], JSON.stringify(faults))
    for (const number of numbers) assert.equal(JSON.stringify(faults).includes(number), false)
    assert.equal(await cardsIn(of), 0)
    const state = await of.vault.cardFiles.show({ ...whose, file })
    assert.deepEqual([state?.parts, state?.cards, state?.complete], [0, 0, false])
    assert.equal((await take(of, signedBy(us, good(), state?.certificate ?? ''))).kind, 'taken', 'the right part still comes')
  })

test('what is signed by somebody else, encrypted for another key, changed or cut is refused as a whole', async () => {
  const of = house()
  const certificate = await begun(of)
  const right = Buffer.from(signedBy(us, good(), certificate), 'base64')
  const flipped = (at: number): string => {
    const copy = Buffer.from(right)
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
    return copy.toString('base64')
  }
  const contents = [
    signedBy(newSender('stranger'), good(), certificate),
    signedBy(us, good(), newSender('another vault').pem),
    right.subarray(0, right.length - 40).toString('base64'),
    Buffer.concat([right, Buffer.from([0])]).toString('base64'),
    Buffer.from(good()).toString('base64'),
    '',
  ]
  // The signature itself stands at the end.
  for (let back = 1; back < 70; back += 8) contents.push(flipped(right.length - back))
  for (const content of contents) {
    const refused = await take(of, content)
    assert.deepEqual(refused.kind === 'refused' && refused.faults.map(one => one.line), [0])
  }
  for (let at = 0; at < right.length; at += 37) {
    const refused = await take(of, flipped(at))
    if (refused.kind === 'refused') {
      assert.deepEqual(
        refused.faults.map(one => one.line),
        [0],
      )
      continue
    }
    // A flip within the certificate that is sent along changes nothing that is relied on: the cards are the right ones.
    assert.equal(refused.cards, 3)
    await of.vault.cardFiles.forget({ ...whose, file })
    return assert.equal(await cardsIn(of), 0)
  }
  assert.equal(await cardsIn(of), 0)
})

test('parts come in order, and a card that came before does not come again', async () => {
  const of = house()
  const certificate = await begun(of)
  const part = (number: number, from: number, last: boolean): string => {
    const cards = [from, from + 3].map(index => line(index)).join('')
    const sum = String((2n * BigInt(numbers[from % 3] ?? 0) + 3n) % 10n ** 14n)
    return signedBy(us, `${head(number)}${cards}${JSON.stringify({ cards: 2, hash_total: sum, last })}\n`, certificate)
  }
  const early = await take(of, part(2, 1, true), 2)
  assert.equal(early.kind === 'refused' && early.faults[0]?.field, 'part')
  assert.equal((await take(of, part(1, 0, false))).kind, 'taken')
  const twice = await take(of, part(2, 3, true), 2)
  assert.deepEqual(twice.kind === 'refused' && twice.faults.map(one => [one.line, one.field]), [[2, 'card']])
  const done = await take(of, part(2, 1, true), 2)
  assert.deepEqual(done.kind === 'taken' && [done.file.cards, done.file.complete], [4, true], JSON.stringify(done))
  const after = await take(of, part(3, 2, true), 3)
  assert.equal(after.kind === 'refused' && after.faults[0]?.field, 'part')
})

test('a part that was half written when the vault died is written whole when it comes again', async () => {
  const inner = createMemoryStore(vaultTables)
  let commits = 0
  const dying: MemoryStore = {
    ...inner,
    commit: async writes => {
      if (writes.length > 100 && commits++ === 1) throw new Error('died')
      return inner.commit(writes)
    },
  }
  const of = house({ store: dying })
  const content = signedBy(us, good(900), await begun(of))
  await assert.rejects(take(of, content))
  assert.equal(await cardsIn(of), 400)
  assert.deepEqual(await of.vault.cardFiles.peek({ ...whose, file, cards: ['old-0'] }), [undefined], 'half a part is no part')
  const taken = await take(of, content)
  assert.equal(taken.kind === 'taken' && taken.cards, 900)
  assert.equal(await cardsIn(of), 900)
})

test('what nobody took is gone after its time, and what a forgotten file left is swept', async () => {
  const of = house()
  const certificate = await begun(of)
  await take(of, signedBy(us, good(), certificate))
  assert.equal(await sweepOwnerless(of.vault, async () => false, 100), 0, 'not before')
  of.clock.now += cardFileLifeMs
  assert.equal(await of.vault.cardFiles.show({ ...whose, file }), undefined)
  await of.vault.forgetCardFiles()
  assert.equal(await cardsIn(of), 0)
  assert.deepEqual(of.store.snapshot().card_files ?? [], [])
  assert.deepEqual(of.store.snapshot().deks ?? [], [])
})

async function captured(of: House, number: string, instrument: string): Promise<void> {
  const body = Buffer.from(JSON.stringify({ number, expiry_month: 12, expiry_year: 2030, holder: 'Zoë "Z" Doe' }))
  const { reference } = await of.vault.capture(whose, body)
  await of.vault.adopt({ ...whose, reference, instrument, instrumentVersion: 1, operation: 'opn_1' })
}

async function granted(of: House, certificate: string, cards: number, more: object = {}): Promise<string> {
  const row = { ...newGrant({ id: 'rgr_1', ...whose, certificate: new X509Certificate(certificate), cards, now, lifeMs: 1_000, ...more }) }
  assert.ok((await of.store.commit([insert(releaseGrants, row)])).ok)
  return row.id
}

const asked = (certificate: string, more: object = {}) => ({
  ...{ ...whose, certificate, file, grant: 'rgr_1', part: 1, last: true },
  cards: ['ins_1', 'ins_2', 'ins_3'].map(card => ({ card, instrument: card, instrumentVersion: 1 })),
  ...more,
})

test('from one vault to another: under a grant, once, and with the names of the instruments', async () => {
  const [old, fresh] = [house(), house()]
  await captured(old, numbers[0] ?? '', 'ins_1')
  await captured(old, numbers[1] ?? '', 'ins_2')
  const made = await fresh.vault.cardFiles.begin({ ...whose, file, sender: await old.vault.cardFiles.senderCertificate(whose) })
  const certificate = made?.certificate ?? ''
  await granted(old, certificate, 9)
  const written = await old.vault.cardFiles.write(asked(certificate))
  assert.ok(written.kind === 'written', JSON.stringify(written))
  assert.deepEqual([written.cards, written.left], [2, ['ins_3']])
  const taken = await take(fresh, written.content)
  assert.equal(taken.kind === 'taken' && taken.cards, 2, JSON.stringify(taken))
  const [one, two] = await fresh.vault.cardFiles.peek({ ...whose, file, cards: ['ins_1', 'ins_2'] })
  assert.deepEqual(one?.kind === 'card' && [one.card.last4, one.card.expiryYear, one.card.holder], ['4242', 2030, true])
  assert.equal(two?.kind === 'card' && two.card.last4, '4444')
  assert.equal((await old.vault.cardFiles.write(asked(certificate))).kind, 'written', 'an answer that was lost is asked for again')
  const more = await old.vault.cardFiles.write(asked(certificate, { part: 2 }))
  assert.deepEqual(more.kind === 'refused' && more.field, 'grant', 'used up')
})

test('no number leaves without a grant for that tenant, mode, certificate, time and count', async () => {
  const of = house()
  await captured(of, numbers[0] ?? '', 'ins_1')
  await captured(of, numbers[1] ?? '', 'ins_2')
  const { pem } = newSender('receiver')
  await granted(of, pem, 1)
  const write = async (more: object) => {
    const answer = await of.vault.cardFiles.write(asked(pem, more))
    return answer.kind === 'refused' ? answer.field : answer.kind
  }
  assert.equal(await write({ grant: 'rgr_2' }), 'grant')
  assert.equal(await write({ mode: 'test' }), 'grant')
  assert.equal(await write({ tenant: 'ten_2' }), 'grant')
  assert.equal(await write({ certificate: newSender('thief').pem }), 'grant')
  assert.equal(await write({ certificate: 'nonsense' }), 'certificate')
  assert.equal(await write({ part: 2 }), 'part')
  assert.equal(await write({}), 'grant', 'two cards where one may leave')
  of.clock.now += 1_000
  assert.equal(await write({ cards: [] }), 'grant', 'its time is over')
  assert.equal(of.store.snapshot().release_grants?.[0]?.cards, 0)
})

function openssl(t: TestContext): ((...args: readonly string[]) => void) & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'card-files-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const run = (...args: readonly string[]) => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  return Object.assign(run, { folder })
}
function hasOpenssl(): boolean {
  try {
    return /^OpenSSL 3/.test(execFileSync('openssl', ['version'], { stdio: 'pipe' }).toString())
  } catch {
    return false
  }
}

test('two commands of openssl write a part that the vault takes, and read one that it wrote', { skip: !hasOpenssl() }, async t => {
  const run = openssl(t)
  const path = (name: string): string => join(run.folder, name)
  run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'us.key', '-out', 'us.pem', '-days', '30', '-subj', '/CN=processor')
  const of = house()
  const made = await of.vault.cardFiles.begin({ ...whose, file, sender: readFileSync(path('us.pem'), 'utf8') })
  writeFileSync(path('vault.pem'), made?.certificate ?? '')
  writeFileSync(path('cards.jsonl'), good())
  const kdf = ['-keyopt', 'ecdh_kdf_md:sha256']
  run('cms', '-encrypt', '-binary', '-aes-256-gcm', '-outform', 'DER', '-in', 'cards.jsonl', '-out', 'e', '-recip', 'vault.pem', ...kdf)
  run('cms', '-sign', '-binary', '-nodetach', '-outform', 'DER', '-in', 'e', '-signer', 'us.pem', '-inkey', 'us.key', '-out', 'part.p7m')
  const taken = await take(of, readFileSync(path('part.p7m')).toString('base64'))
  assert.equal(taken.kind === 'taken' && taken.cards, 3, JSON.stringify(taken))
  await captured(of, numbers[2] ?? '', 'ins_1')
  run(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'r.key',
    '-out',
    'r.pem',
    '-subj',
    '/CN=r',
  )
  await granted(of, readFileSync(path('r.pem'), 'utf8'), 3)
  const written = await of.vault.cardFiles.write(asked(readFileSync(path('r.pem'), 'utf8')))
  assert.ok(written.kind === 'written', JSON.stringify(written))
  writeFileSync(path('ours.p7m'), Buffer.from(written.content, 'base64'))
  writeFileSync(path('sender.pem'), await of.vault.cardFiles.senderCertificate(whose))
  run('cms', '-verify', '-binary', '-inform', 'DER', '-in', 'ours.p7m', '-CAfile', 'sender.pem', '-purpose', 'any', '-out', 'ours.e')
  run('cms', '-decrypt', '-binary', '-inform', 'DER', '-in', 'ours.e', '-recip', 'r.pem', '-inkey', 'r.key', '-out', 'ours.jsonl')
  const lines = readFileSync(path('ours.jsonl'), 'utf8').split('\n')
  assert.deepEqual(JSON.parse(lines[1] ?? ''), {
    ...{ card: 'ins_1', number: numbers[2], expiry_month: 12, expiry_year: 2030, holder: 'Zoë "Z" Doe' },
  })
})

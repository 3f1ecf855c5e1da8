/**
 * Card numbers from another vault. A transfer has a key of its own, made here; what comes is signed by the one sender it names, opened, judged as
 * a whole and sealed at once: its cards wait, each under the file and its place in it, until an import takes them for an instrument, and are
 * swept like every sealed card that nobody owns. Outside go names, brand, last four, expiry and fingerprint.
 */
import { hash, X509Certificate } from 'node:crypto'
import type { CardFault, CardFileDesk, CardFileState, SealedAs, ToSealAs } from '../world/card-files.ts'
import { insert, moveTo, remove, type Store, type Write } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { Captured, CardOwner } from '../world/world.ts'
import { forgetCards, readPart } from './card-file.ts'
import { createCardRelease } from './card-release.ts'
import { type CardFileRow, cardFiles } from './card-tables.ts'
import { factsOf, forgetSecrets, viewOf } from './content.ts'
import { EnvelopeBroken, openEnvelopeWith } from './envelope.ts'
import { NotSigned, signedContent } from './envelope-signature.ts'
import { printsOf } from './fingerprint.ts'
import type { Keyring } from './keys.ts'
import { certificateIn, makeOwnKey, openOwnKey } from './own-key.ts'
import { findRecord, openRecord, sealRecord } from './record.ts'
import type { StoredCard } from './scan.ts'
import { deks, records } from './tables.ts'
import type { Trail } from './trail.ts'

type Ports = { readonly store: Store; now(): number; random(count: number): Buffer }
type Desk = { readonly ports: Ports; readonly keyring: Keyring; readonly trail: Trail }
type RecordRow = Row<typeof records>

/** What nobody has taken by then is forgotten, key and cards. */
export const cardFileLifeMs = 7 * 24 * 3_600_000
/** Cards of one commit: two rows each, and a commit holds a thousand. */
const cardsAtOnce = 400

export function createCardFileDesk(ports: Ports, of: Omit<Desk, 'ports'>): CardFileDesk & { forgetLapsed(): Promise<void> } {
  const desk: Desk = { ports, ...of }
  return {
    begin: input => begin(desk, input),
    show: async input => stateIfAny(await readFile(desk, input)),
    take: input => take(desk, input),
    forget: input => forget(desk, input),
    peek: input => peek(desk, input),
    sealAs: input => sealAs(desk, input),
    ...createCardRelease(ports, of),
    async forgetLapsed() {
      for (const row of await ports.store.due(cardFiles, { now: ports.now(), clock: null, limit: 16 }))
        await forget(desk, { tenant: row.tenant, mode: row.mode, file: row.id })
    },
  }
}

type OfFile = Parameters<CardFileDesk['show']>[0]
const keyOwner = ({ tenant, file }: OfFile) => ({ tenant, name: file })

async function begin(desk: Desk, input: Parameters<CardFileDesk['begin']>[0]): ReturnType<CardFileDesk['begin']> {
  const sender = certificateIn(input.sender)
  if (sender === undefined) return undefined
  const { ports } = desk
  const now = ports.now()
  const row: CardFileRow = {
    tenant: input.tenant,
    id: input.file,
    mode: input.mode,
    ...(await makeOwnKey(ports, desk.keyring, keyOwner(input))),
    sender: sender.toString(),
    parts: 0,
    cards: 0,
    complete: false,
    digest: null,
    created_at: now,
    due_at: now + cardFileLifeMs,
    clock: null,
    version: 1,
  }
  const result = await ports.store.commit([insert(cardFiles, row)])
  return stateIfAny(result.ok ? row : await readFile(desk, input))
}

async function readFile({ ports }: Desk, { tenant, mode, file }: OfFile): Promise<CardFileRow | undefined> {
  const row = await ports.store.get(cardFiles, { tenant, id: file })
  return row === undefined || row.mode !== mode || row.due_at === null || ports.now() >= row.due_at ? undefined : row
}

const stateIfAny = (row: CardFileRow | undefined): CardFileState | undefined => (row === undefined ? undefined : stateOf(row))
function stateOf(row: CardFileRow): CardFileState {
  const { id, certificate, parts, cards, complete, created_at, due_at } = row
  return { id, certificate, parts, cards, complete, createdAt: created_at, expiresAt: due_at ?? created_at }
}

type Part = Parameters<CardFileDesk['take']>[0]
type Taken = Awaited<ReturnType<CardFileDesk['take']>>
const refusedPart = (faults: readonly CardFault[]): Taken => ({ kind: 'refused', faults })
const whole = (field: string, detail: string): Taken => refusedPart([{ line: 0, field, detail }])

async function take(desk: Desk, input: Part): Promise<Taken> {
  const row = await readFile(desk, input)
  if (row === undefined) return whole('', 'is for a card file that is not known, or not any more')
  const content = Buffer.from(input.content, 'base64')
  const digest = hash('sha256', content, 'hex')
  if (input.part === row.parts && digest === row.digest) return { kind: 'taken', cards: 0, file: stateOf(row) }
  if (row.complete) return whole('part', 'comes after the last part')
  if (input.part !== row.parts + 1) return whole('part', `is not the next one, which is ${row.parts + 1}`)
  const plain = await opened(desk, row, input, content)
  if (!Buffer.isBuffer(plain)) return plain
  try {
    const read = readPart(plain, { file: row.id, part: input.part }, desk.ports.now())
    if (!('cards' in read)) return refusedPart(read)
    try {
      const known = await cameBefore(desk, row, read.cards)
      return known.length > 0 ? refusedPart(known) : await keep(desk, row, { ...read, part: input.part, digest })
    } finally {
      forgetCards(read.cards)
    }
  } finally {
    plain.fill(0)
  }
}

/** The signature first: nothing of a stranger's is opened. */
async function opened(desk: Desk, row: CardFileRow, input: Part, content: Buffer): Promise<Buffer | Taken> {
  try {
    const envelope = signedContent(new X509Certificate(row.sender), content)
    return openEnvelopeWith(await openOwnKey(desk.keyring, keyOwner(input), row), envelope)
  } catch (error) {
    if (error instanceof NotSigned || error instanceof EnvelopeBroken) return whole('', error.message)
    throw error
  }
}

/** Looked up by a hash, so that a name of the other system is nothing that our rows tell. */
const referenceOf = (file: string, card: string): string => hash('sha256', `${file}|${card}`, 'base64url')

async function waiting({ ports }: Desk, file: CardFileRow, card: string): Promise<RecordRow | undefined> {
  const [row] = await ports.store.find(records, { reference: referenceOf(file.id, card), tenant: file.tenant }, 1)
  // What a part that was never finished left behind is not there.
  return row !== undefined && row.instrument_version <= file.cards ? row : undefined
}

async function cameBefore(desk: Desk, file: CardFileRow, cards: readonly StoredCard[]): Promise<readonly CardFault[]> {
  const found = await Promise.all(cards.map(one => waiting(desk, file, one.card)))
  return found.flatMap((one, index) =>
    one === undefined ? [] : [{ line: index + 2, field: 'card', detail: 'came in a part before this one' }],
  )
}

type ToKeep = { readonly cards: readonly StoredCard[]; readonly last: boolean; readonly part: number; readonly digest: string }

/** The file's row moves with the last of the cards: before that none of them is there. */
async function keep(desk: Desk, row: CardFileRow, { cards, last, part, digest }: ToKeep): Promise<Taken> {
  const after: CardFileRow = { ...row, parts: part, cards: row.cards + cards.length, complete: last, digest }
  const rows = await Promise.all(cards.map((one, index) => sealedRows(desk, row, one, row.cards + index + 1)))
  for (let tries = 0; tries < 2; tries += 1) {
    if (await commitAll(desk, rows, [moveTo(cardFiles, row, after)])) return { kind: 'taken', cards: cards.length, file: stateOf(after) }
    // A part that came half-way before, or two at once: of these the other one moved the file.
    const now = await readFile(desk, { ...row, file: row.id })
    if (now?.version !== row.version) break
    await removePlaces(desk, row, row.cards + 1, cards.length)
  }
  return whole('part', 'came twice at the same time; send it again')
}

async function commitAll({ ports }: Desk, rows: readonly (readonly Write[])[], end: readonly Write[]): Promise<boolean> {
  for (let at = 0; at === 0 || at < rows.length; at += cardsAtOnce) {
    const some = rows.slice(at, at + cardsAtOnce).flat()
    const result = await ports.store.commit(at + cardsAtOnce >= rows.length ? [...some, ...end] : some)
    if (!result.ok) return false
  }
  return true
}

async function sealedRows({ ports, keyring }: Desk, file: CardFileRow, stored: StoredCard, place: number): Promise<readonly Write[]> {
  const { card, number, holder, expiryMonth, expiryYear, brand, bin, last4 } = stored
  const prints = await printsOf(keyring, file, number)
  const kek = await keyring.wrapping('pan', file.tenant)
  const { dek, record } = sealRecord(ports, kek, {
    ...{ tenant: file.tenant, mode: file.mode, instrument: file.id, instrumentVersion: place },
    operation: file.id,
    referenceHash: referenceOf(file.id, card),
    prints,
    facts: { kind: 'card', brand, bin, last4, expiryMonth, expiryYear, holder: holder !== undefined },
    secrets: { number, holder, expiryMonth, expiryYear },
    ownerlessAt: file.due_at ?? file.created_at,
  })
  return [insert(dek.table, dek.row), insert(record.table, record.row)]
}

async function removePlaces(desk: Desk, file: CardFileRow, from: number, count: number): Promise<void> {
  const places = Array.from({ length: count }, (_, index) => from + index)
  await Promise.all(places.map(place => removeCard(desk, { tenant: file.tenant, instrument: file.id, instrumentVersion: place })))
}

async function removeCard({ ports }: Desk, owner: { tenant: string; instrument: string; instrumentVersion: number }): Promise<void> {
  const [row, dek] = await Promise.all([
    findRecord(ports.store, owner),
    ports.store.get(deks, { tenant: owner.tenant, owner: owner.instrument, owner_version: owner.instrumentVersion }),
  ])
  const writes = [...(row === undefined ? [] : [remove(records, row)]), ...(dek === undefined ? [] : [remove(deks, dek)])]
  if (writes.length > 0) await ports.store.commit(writes)
}

/** The key first: from then on nothing of the file can be opened or asked for; what dies in between is swept. */
async function forget(desk: Desk, { tenant, mode, file }: OfFile): Promise<boolean> {
  const { store } = desk.ports
  const row = await store.get(cardFiles, { tenant, id: file })
  if (row === undefined || row.mode !== mode) return false
  if (!(await store.commit([remove(cardFiles, row)])).ok) return false
  for (;;) {
    const some = await store.find(records, { tenant, instrument: file }, cardsAtOnce)
    if (some.length === 0) return true
    await Promise.all(some.map(one => removeCard(desk, { tenant, instrument: file, instrumentVersion: one.instrument_version })))
  }
}

async function peek(desk: Desk, input: Parameters<CardFileDesk['peek']>[0]): Promise<readonly (Captured | undefined)[]> {
  const file = await readFile(desk, input)
  if (file === undefined) return input.cards.map(() => undefined)
  const found = await Promise.all(input.cards.map(card => waiting(desk, file, card)))
  return found.map(row => (row === undefined ? undefined : viewOf(factsOf(row), row.fingerprint ?? undefined, false)))
}

async function sealAs(desk: Desk, input: Parameters<CardFileDesk['sealAs']>[0]): Promise<readonly SealedAs[]> {
  const file = await readFile(desk, input)
  if (file === undefined) return input.wanted.map(() => 'missing')
  const out: SealedAs[] = []
  for (let at = 0; at < input.wanted.length; at += cardsAtOnce)
    out.push(...(await sealSome(desk, file, input.wanted.slice(at, at + cardsAtOnce))))
  return out
}

/** All in one commit, as nearly always nothing stands in the way; else each by itself. */
async function sealSome(desk: Desk, file: CardFileRow, wanted: readonly ToSealAs[]): Promise<readonly SealedAs[]> {
  const copies = await Promise.all(wanted.map(one => copyFor(desk, file, one)))
  const result = await desk.ports.store.commit(copies.flatMap(one => one?.writes ?? []))
  if (result.ok) return copies.map(one => (one === undefined ? 'missing' : 'sealed'))
  return Promise.all(copies.map(one => (one === undefined ? 'missing' : sealOne(desk, one))))
}

type Copy = { readonly owner: CardOwner; readonly fingerprint: string | null; readonly writes: readonly Write[] }

/** A copy: the card waits on, since the import's own commit may be refused and come again under another name. Undefined: there is no such card. */
async function copyFor(desk: Desk, file: CardFileRow, wanted: ToSealAs): Promise<Copy | undefined> {
  const { ports, keyring } = desk
  const row = await waiting(desk, file, wanted.card)
  if (row === undefined) return undefined
  const { tenant, mode } = file
  const owner = { tenant, mode, instrument: wanted.instrument, instrumentVersion: wanted.instrumentVersion }
  const secrets = await openRecord(ports, keyring, { tenant, mode, instrument: file.id, instrumentVersion: row.instrument_version }, row)
  try {
    const prints = { network: row.network_fingerprint ?? Buffer.alloc(0), tenant: row.fingerprint ?? '' }
    const referenceHash = hash('sha256', `${wanted.instrument}|${wanted.instrumentVersion}|${wanted.operation}`, 'base64url')
    const kek = await keyring.wrapping('pan', tenant)
    const { dek, record } = sealRecord(ports, kek, {
      ...owner,
      operation: wanted.operation,
      referenceHash,
      prints,
      facts: factsOf(row),
      secrets,
    })
    // It leaves the vault for nowhere: the entry rides in the commit of the copy.
    const subject = `${file.id}@${row.instrument_version}`
    const told = await desk.trail.entry({ act: 'renew', tenant, subject, purpose: 'import', operation: wanted.operation })
    return { owner, fingerprint: row.fingerprint, writes: [insert(dek.table, dek.row), insert(record.table, record.row), told] }
  } finally {
    forgetSecrets(secrets)
  }
}

async function sealOne({ ports }: Desk, { owner, fingerprint, writes }: Copy): Promise<SealedAs> {
  if ((await ports.store.commit(writes)).ok) return 'sealed'
  const there = await findRecord(ports.store, owner)
  return there?.fingerprint === fingerprint ? 'sealed' : 'other'
}

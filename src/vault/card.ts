/** A card as it is sealed: one envelope and one data key for each version of an instrument. */
import { Problem } from '../core/problem.ts'
import type { Store } from '../world/store.ts'
import type { NewRow } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import type { CardFacts } from './captures.ts'
import type { Keyring } from './keys.ts'
import {
  dekContext,
  newDataKey,
  openEnvelope,
  type Place,
  type Random,
  SealBroken,
  sealEnvelope,
  unwrapKey,
  type WrappingKey,
  wrapKey,
} from './seal.ts'
import { deks, records } from './tables.ts'

export type OpenedCard = {
  readonly number: Buffer
  readonly holder: Buffer | undefined
  readonly expiryMonth: number
  readonly expiryYear: number
}
type Owner = { readonly tenant: string; readonly mode: Mode; readonly instrument: string; readonly instrumentVersion: number }
export type CardToSeal = Owner & {
  readonly operation: string
  readonly referenceHash: string
  readonly network: Buffer
  readonly fingerprint: string
  readonly facts: CardFacts
  readonly number: Buffer
  readonly holder: Buffer | undefined
}

const schema = 1
const field = 'card'
/** Somebody must have said by then that the instrument exists (`sweep.ts`). */
const ownerlessMs = 60 * 60_000

/** The version stands in the place, so that an old version's rows, put in a new one's stead, do not open. */
const ownerName = (owner: Owner): string => `${owner.instrument}@${owner.instrumentVersion}`
const placeOf = (owner: Owner): Place => ({ tenant: owner.tenant, owner: ownerName(owner), field, schema })

type Sealed = {
  readonly dek: { readonly table: typeof deks; readonly row: NewRow<typeof deks> }
  readonly record: { readonly table: typeof records; readonly row: NewRow<typeof records> }
}

/** Two rows for one commit. Not asynchronous on purpose: a captured card must not lapse (and be zeroed) half-way through. */
export function sealCard(ports: { random: Random; now(): number }, kek: WrappingKey, card: CardToSeal): Sealed {
  const dek = newDataKey(ports.random)
  const plain = packed(card)
  const now = ports.now()
  try {
    const wrapped = wrapKey(ports.random, kek.key, dekContext(kek, dek.id, card.tenant, ownerName(card)), dek.key)
    const envelope = sealEnvelope(ports.random, kek, dek, placeOf(card), plain)
    return {
      dek: { table: deks, row: { ...keyColumns(card), id: dek.id, purpose: 'pan', key_version: kek.version, wrapped, created_at: now } },
      record: { table: records, row: { ...recordColumns(card, now), envelope } },
    }
  } finally {
    plain.fill(0)
    dek.key.fill(0)
  }
}

const keyColumns = (card: Owner) => ({ tenant: card.tenant, owner: card.instrument, owner_version: card.instrumentVersion })

function recordColumns(card: CardToSeal, now: number): Omit<NewRow<typeof records>, 'envelope'> {
  return {
    tenant: card.tenant,
    mode: card.mode,
    instrument: card.instrument,
    instrument_version: card.instrumentVersion,
    field,
    operation: card.operation,
    reference: card.referenceHash,
    network_fingerprint: card.network,
    fingerprint: card.fingerprint,
    brand: card.facts.brand,
    bin: card.facts.bin,
    last4: card.facts.last4,
    expiry_month: card.facts.expiryMonth,
    expiry_year: card.facts.expiryYear,
    holder: card.holder !== undefined,
    adopted_at: now,
    due_at: now + ownerlessMs,
    clock: null,
  }
}

/** Opens a sealed card; the caller zeroes it. Throws a `gone` problem when there is none (never sealed, shredded, another mode's). */
export async function openCard(ports: { store: Store }, keyring: Keyring, owner: Owner): Promise<OpenedCard> {
  const [dek, record] = await Promise.all([
    ports.store.get(deks, keyColumns(owner)),
    ports.store.get(records, { tenant: owner.tenant, instrument: owner.instrument, instrument_version: owner.instrumentVersion, field }),
  ])
  if (dek === undefined || record === undefined || record.mode !== owner.mode) {
    throw new Problem('gone', 'no card is sealed under this instrument; nothing was sent')
  }
  const kek = await keyring.exact(dek.purpose, owner.tenant, dek.key_version)
  const key = unwrapKey(kek.key, dekContext(kek, dek.id, owner.tenant, ownerName(owner)), dek.wrapped)
  try {
    return unpacked(openEnvelope(kek, { id: dek.id, key }, placeOf(owner), record.envelope))
  } finally {
    key.fill(0)
  }
}

/** `digits 1 | number | month 1 | year 2 | holder`; in memory of its own. */
function packed(card: CardToSeal): Buffer {
  const digits = card.number.length
  const out = Buffer.allocUnsafeSlow(4 + digits + (card.holder?.length ?? 0))
  out[0] = digits
  card.number.copy(out, 1)
  out[1 + digits] = card.facts.expiryMonth
  out.writeUInt16BE(card.facts.expiryYear, 2 + digits)
  card.holder?.copy(out, 4 + digits)
  return out
}

function unpacked(plain: Buffer): OpenedCard {
  const digits = plain[0] ?? 0
  if (plain.length < 4 + digits) throw new SealBroken()
  const take = (from: number, to: number): Buffer => {
    const part = Buffer.allocUnsafeSlow(to - from)
    plain.copy(part, 0, from, to)
    return part
  }
  const opened = {
    number: take(1, 1 + digits),
    expiryMonth: plain[1 + digits] ?? 0,
    expiryYear: plain.readUInt16BE(2 + digits),
    holder: plain.length > 4 + digits ? take(4 + digits, plain.length) : undefined,
  }
  plain.fill(0)
  return opened
}

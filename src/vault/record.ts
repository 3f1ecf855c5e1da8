/** A card or payer as it is sealed: one envelope and one data key for each version of an instrument. */
import type { PayerField } from '../channels/source.ts'
import { Problem } from '../core/problem.ts'
import type { Store } from '../world/store.ts'
import type { NewRow } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import type { Prints } from './captures.ts'
import { columnsOf, type Facts, type Secrets } from './content.ts'
import type { Keyring } from './keys.ts'
import { openDataKey, rewrapLater } from './rewrap.ts'
import {
  dekContext,
  newDataKey,
  openEnvelope,
  type Place,
  type Random,
  SealBroken,
  sealEnvelope,
  type WrappingKey,
  wrapKey,
} from './seal.ts'
import { deks, isCardKind, type Purpose, records } from './tables.ts'

type Owner = { readonly tenant: string; readonly mode: Mode; readonly instrument: string; readonly instrumentVersion: number }
export type ToSeal = Owner & {
  readonly operation: string
  readonly referenceHash: string
  readonly prints: Prints | undefined
  readonly facts: Facts
  readonly secrets: Secrets
  /** When it goes if nobody has said whose it is; within the hour without it. */
  readonly ownerlessAt?: number
}

const schema = 1
/** Somebody must have said by then that the instrument exists (`sweep.ts`). */
const ownerlessMs = 60 * 60_000

type Field = 'card' | 'payer'
const fieldOf = ({ kind }: Facts): Field => (isCardKind(kind) ? 'card' : 'payer')
/** Whose key seals it: card numbers and bank accounts have keys of their own. */
export const purposeOf = ({ kind }: Facts): Purpose => (isCardKind(kind) ? 'pan' : kind === 'bank_account' ? 'bank' : 'pii')

/** The version stands in the place, so that an old version's rows, put in a new one's stead, do not open. */
const ownerName = (owner: Owner): string => `${owner.instrument}@${owner.instrumentVersion}`
const placeOf = (owner: Owner, field: Field): Place => ({ tenant: owner.tenant, owner: ownerName(owner), field, schema })

export type Sealed = {
  readonly dek: { readonly table: typeof deks; readonly row: NewRow<typeof deks> }
  readonly record: { readonly table: typeof records; readonly row: NewRow<typeof records> }
}

/** Two rows for one commit. Not asynchronous on purpose: what was captured must not lapse (and be zeroed) half-way through. */
export function sealRecord(ports: { random: Random; now(): number }, kek: WrappingKey, sealing: ToSeal): Sealed {
  const dek = newDataKey(ports.random)
  const plain = packed(sealing.secrets)
  const now = ports.now()
  try {
    const wrapped = wrapKey(ports.random, kek.key, dekContext(kek, dek.id, sealing.tenant, ownerName(sealing)), dek.key)
    const envelope = sealEnvelope(ports.random, kek, dek, placeOf(sealing, fieldOf(sealing.facts)), plain)
    const key = {
      ...keyColumns(sealing),
      id: dek.id,
      purpose: purposeOf(sealing.facts),
      key_version: kek.version,
      wrapped,
      created_at: now,
    }
    return { dek: { table: deks, row: key }, record: { table: records, row: { ...recordColumns(sealing, now), envelope } } }
  } finally {
    plain.fill(0)
    dek.key.fill(0)
  }
}

const keyColumns = (owner: Owner) => ({ tenant: owner.tenant, owner: owner.instrument, owner_version: owner.instrumentVersion })

function recordColumns(sealing: ToSeal, now: number): Omit<NewRow<typeof records>, 'envelope'> {
  return {
    tenant: sealing.tenant,
    mode: sealing.mode,
    instrument: sealing.instrument,
    instrument_version: sealing.instrumentVersion,
    field: fieldOf(sealing.facts),
    operation: sealing.operation,
    reference: sealing.referenceHash,
    network_fingerprint: sealing.prints?.network ?? null,
    fingerprint: sealing.prints?.tenant ?? null,
    ...columnsOf(sealing.facts),
    adopted_at: now,
    due_at: sealing.ownerlessAt ?? now + ownerlessMs,
    clock: null,
  }
}

/** The one record of an instrument's version: its key says what is in it, and one data key serves no two. */
export async function findRecord(store: Store, owner: Omit<Owner, 'mode'>) {
  const at = { tenant: owner.tenant, instrument: owner.instrument, instrument_version: owner.instrumentVersion }
  const [card, payer] = await Promise.all([store.get(records, { ...at, field: 'card' }), store.get(records, { ...at, field: 'payer' })])
  return card ?? payer
}

type Ports = { readonly store: Store; readonly random: Random }
type Found = Awaited<ReturnType<typeof findRecord>>

/** Opens what is sealed; the caller zeroes it. `read`: its record, where the caller has it. Throws a `gone` problem when there is nothing (never sealed, shredded, another mode's). */
export async function openRecord(ports: Ports, keyring: Keyring, owner: Owner, read?: Found): Promise<Secrets> {
  const found = await openable(ports, keyring, owner, read).catch((error: unknown) => {
    // Between our reading of the row and of its key, the row may have been rewrapped and the key destroyed: once more, from the row.
    if (error instanceof SealBroken) return openable(ports, keyring, owner, read)
    throw error
  })
  const { dek, record, kek, key } = found
  try {
    const plain = openEnvelope(kek, { id: dek.id, key }, placeOf(owner, record.field), record.envelope)
    try {
      return record.field === 'card' ? unpackedCard(plain) : unpackedPayer(plain)
    } finally {
      plain.fill(0)
    }
  } finally {
    key.fill(0)
    void rewrapLater({ ...ports, keyring }, dek)
  }
}

async function openable({ store }: Ports, keyring: Keyring, owner: Owner, read: Found) {
  const [dek, record] = await Promise.all([store.get(deks, keyColumns(owner)), read ?? findRecord(store, owner)])
  if (dek === undefined || record === undefined || record.mode !== owner.mode) {
    throw new Problem('gone', 'nothing is sealed under this instrument; nothing was sent')
  }
  return { dek, record, ...(await openDataKey(keyring, dek)) }
}

/**
 * In memory of its own. A card: `digits 1 | number | month 1 | year 2 | holder`. A payer, for each field it has: `field 1 | length 2 |
 * value`, where the field is its place in `sealedFields`.
 */
function packed(secrets: Secrets): Buffer {
  if ('values' in secrets) return packedPayer(secrets.values)
  const { number, holder, expiryMonth, expiryYear } = secrets
  const digits = number.length
  const out = Buffer.allocUnsafeSlow(4 + digits + (holder?.length ?? 0))
  out[0] = digits
  number.copy(out, 1)
  out[1 + digits] = expiryMonth
  out.writeUInt16BE(expiryYear, 2 + digits)
  holder?.copy(out, 4 + digits)
  return out
}

function unpackedCard(plain: Buffer): Secrets {
  const digits = plain[0] ?? 0
  if (plain.length < 4 + digits) throw new SealBroken()
  return {
    number: taken(plain, 1, 1 + digits),
    expiryMonth: plain[1 + digits] ?? 0,
    expiryYear: plain.readUInt16BE(2 + digits),
    holder: plain.length > 4 + digits ? taken(plain, 4 + digits, plain.length) : undefined,
  }
}

/** What is sealed is read for years: a name's place never changes, and new ones are added at the end. */
const sealedFields: readonly PayerField[] = [
  ...(['name', 'email', 'phone', 'taxId', 'iban', 'accountNumber', 'routingNumber'] as const),
  ...(['branch', 'bank', 'vpa', 'line1', 'city', 'postalCode'] as const),
]
const headBytes = 3

function packedPayer(values: ReadonlyMap<PayerField, Buffer>): Buffer {
  let length = 0
  for (const value of values.values()) length += headBytes + value.length
  const out = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const [field, value] of values) {
    out[at] = sealedFields.indexOf(field)
    out.writeUInt16BE(value.length, at + 1)
    value.copy(out, at + headBytes)
    at += headBytes + value.length
  }
  return out
}

function unpackedPayer(plain: Buffer): Secrets {
  const values = new Map<PayerField, Buffer>()
  let at = 0
  while (at < plain.length) {
    const field = sealedFields[plain[at] ?? 0]
    const from = at + headBytes
    const to = from <= plain.length ? from + plain.readUInt16BE(at + 1) : from
    if (field === undefined || to > plain.length) throw new SealBroken()
    values.set(field, taken(plain, from, to))
    at = to
  }
  return { values }
}

function taken(plain: Buffer, from: number, to: number): Buffer {
  const part = Buffer.allocUnsafeSlow(to - from)
  plain.copy(part, 0, from, to)
  return part
}

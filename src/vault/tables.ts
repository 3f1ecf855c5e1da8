/**
 * The vault's own tables (schema `vault`, read and written by the role `bindery_vault` only). A card or payer is two rows of one commit:
 * the envelope, and the data key that opens it. Deleting the data key shreds it wherever copies of the envelope may lie.
 */
import { type InstrumentKind, instrumentKinds, type PayerField } from '../channels/source.ts'
import { bool, bytes, int, json, maybe, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import { cardFiles, releaseGrants, senderKeys } from './card-tables.ts'

export const purposes = ['pan', 'secret', 'pii', 'fp'] as const
export type Purpose = (typeof purposes)[number]

/** Initialisation vector 12, key 32, tag 16. */
export const wrappedLength = 60
export const keyIdLength = 16
export const kcvLength = 8

/** Keys that wrap keys, and fingerprint keys. Scope `*`: the purpose's own key, wrapped by the root; else a tenant or `network`. */
export const keys = table(
  'keys',
  {
    purpose: text<Purpose>(),
    scope: text(),
    key_version: int(),
    id: bytes(),
    wrapped: bytes(),
    /** Key check value: tells a wrong key from a damaged record. */
    kcv: bytes(),
    created_at: time(),
  },
  {
    key: ['purpose', 'scope', 'key_version'],
    checks: {
      keys_purpose_known: row => purposes.includes(row.purpose),
      keys_version_positive: row => row.key_version > 0,
      keys_id_length: row => row.id.length === keyIdLength,
      keys_wrapped_length: row => row.wrapped.length === wrappedLength,
      keys_kcv_length: row => row.kcv.length === kcvLength,
    },
  },
)

/** One data key per owner and version of the owner; `owner` is an instrument, or what a short text was sealed for. */
export const deks = table(
  'deks',
  {
    tenant: text(),
    owner: text(),
    owner_version: int(),
    id: bytes(),
    purpose: text<Purpose>(),
    key_version: int(),
    wrapped: bytes(),
    created_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'owner', 'owner_version'],
    checks: {
      deks_id_length: row => row.id.length === keyIdLength,
      deks_wrapped_length: row => row.wrapped.length === wrappedLength,
    },
  },
)

/** Whoever something was sealed for: how often, and whether it was shredded and when. The log of shreddings. */
export const owners = table(
  'owners',
  { tenant: text(), owner: text(), sealed: int(), shredded: int(), shredded_at: maybe(time()), version: int() },
  { key: ['tenant', 'owner'] },
)

/** Of these kinds a card's number is sealed, of the others a payer's fields. */
export const isCardKind = (kind: InstrumentKind): kind is 'card' | 'device_token' => kind === 'card' || kind === 'device_token'

/** Sealed cards and payers. `due_at`: when somebody must have said that the instrument exists; null once it was said. */
export const records = table(
  'records',
  {
    tenant: text(),
    mode: text<Mode>(),
    instrument: text(),
    instrument_version: int(),
    field: text<'card' | 'payer'>(),
    envelope: bytes(),
    operation: text(),
    /** The capture's reference, hashed: a reference is adopted once. */
    reference: text(),
    /** Keyed, over the digits (or the account) only, the same for every tenant: never leaves the vault. */
    network_fingerprint: maybe(bytes()),
    /** What the tenant may see of it (`ifp_…`). */
    fingerprint: maybe(text()),
    brand: maybe(text()),
    bin: maybe(text()),
    last4: maybe(text()),
    expiry_month: maybe(int()),
    expiry_year: maybe(int()),
    holder: bool(),
    adopted_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
    kind: text<InstrumentKind>(),
    /** A payer's debit scheme, wallet brand or rail; the wallet that gave a device token. */
    scheme: maybe(text()),
    eci: maybe(text()),
    /** A payer's: country, what is sealed, and the last characters that may be shown. */
    country: maybe(text()),
    held: maybe(json<readonly PayerField[]>()),
    tail: maybe(text()),
  },
  {
    key: ['tenant', 'instrument', 'instrument_version', 'field'],
    unique: { records_reference: ['reference', 'tenant'] },
    indexes: { records_network_fingerprint: ['network_fingerprint'] },
    checks: {
      records_mode_known: row => row.mode === 'test' || row.mode === 'live',
      records_kind_known: row => instrumentKinds.includes(row.kind),
      records_field_fits: row => row.field === (isCardKind(row.kind) ? 'card' : 'payer'),
      records_shown: isShown,
      records_last4_digits: row => row.last4 === null || /^[0-9]{4}$/.test(row.last4),
      records_bin_digits: row => row.bin === null || /^[0-9]{6}([0-9]{2})?$/.test(row.bin),
      records_expiry_month_range: row => row.expiry_month === null || (row.expiry_month >= 1 && row.expiry_month <= 12),
      records_tail_short: row => row.tail === null || /^[0-9A-Z]{0,4}$/.test(row.tail),
      records_envelope_length: row => row.envelope.length >= 138,
    },
  },
)

type Shown = {
  readonly kind: InstrumentKind
  readonly network_fingerprint: Buffer | null
  readonly fingerprint: string | null
  readonly brand: string | null
  readonly bin: string | null
  readonly last4: string | null
  readonly expiry_month: number | null
  readonly expiry_year: number | null
  readonly country: string | null
  readonly held: readonly PayerField[] | null
  readonly tail: string | null
}

/** A card is told by brand, BIN, last four and expiry and always known again; a payer by country and tail, and not always. */
function isShown(row: Shown): boolean {
  const told = (values: readonly unknown[]): number => values.filter(value => value !== null).length
  const prints = told([row.network_fingerprint, row.fingerprint])
  const card = told([row.brand, row.bin, row.last4, row.expiry_month, row.expiry_year])
  const payer = told([row.country, row.held, row.tail])
  return isCardKind(row.kind) ? prints === 2 && card === 5 && payer === 0 : prints !== 1 && card === 0 && payer === 3
}

/** Wallet tokens that were opened, by the hash of the id their wallet gave them; until `due_at` none is opened again. */
export const openedTokens = table(
  'opened_tokens',
  {
    wallet: text<'apple_pay' | 'google_pay'>(),
    id_hash: text(),
    opened_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['wallet', 'id_hash'],
    checks: { opened_tokens_wallet_known: row => row.wallet === 'apple_pay' || row.wallet === 'google_pay' },
  },
)

export const vaultTables = [keys, deks, owners, records, openedTokens, cardFiles, senderKeys, releaseGrants] as const

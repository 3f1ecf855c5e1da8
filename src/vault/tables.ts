/**
 * The vault's own tables (schema `vault`, read and written by the role `bindery_vault` only). A card or payer is two rows of one commit:
 * the envelope, and the data key that opens it. Deleting the data key shreds it wherever copies of the envelope may lie.
 */
import { type InstrumentKind, instrumentKinds, type PayerField } from '../channels/source.ts'
import { bool, bytes, int, json, maybe, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import { cardFiles, releaseGrants, senderKeys } from './card-tables.ts'
import { sightings } from './sightings.ts'
import { auditTables } from './tables-audit.ts'

export const purposes = ['pan', 'bank', 'secret', 'pii', 'fp', 'audit'] as const
export type Purpose = (typeof purposes)[number]
/** `added`: to be confirmed by every process of the vault. `current`: wraps. `retired`: opens only. A key that is destroyed has no row. */
export const keyStates = ['added', 'current', 'retired'] as const
export type KeyState = (typeof keyStates)[number]

/** Initialisation vector 12, key 32, tag 16. A root in a key store has a form of its own. */
export const wrappedLength = 60
const rootWrappedLengthMax = 2048
export const keyIdLength = 16
export const kcvLength = 8
/** The scope of a purpose's own key. */
export const purposeScope = '*'
/**
 * How often one key may wrap: random initialisation vectors of 96 bits allow 2³² (NIST SP 800-38D, 8.3), and we stay at a quarter of that.
 * A check of the table, so that no process passes it.
 */
export const wrapsMax = 2 ** 30

/**
 * Keys that wrap keys, and keys of MACs and signatures. Scope `*`: the purpose's own key, wrapped by the root; else a tenant, `network` or
 * what a key of ours is for. All versions of one have the same `id`. `due_at`: when something is to be done about it (`rotate.ts`).
 */
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
    status: text<KeyState>(),
    /** The version of the purpose's key that wraps it; 0: the root does. */
    parent_version: int(),
    /** Which root; null: rows of before there were several, which are the development file's. */
    root: maybe(text()),
    /** Wraps reserved so far, in blocks: never fewer than were made. */
    wraps: int(),
    promoted_at: maybe(time()),
    retired_at: maybe(time()),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['purpose', 'scope', 'key_version'],
    indexes: { keys_parent: ['parent_version', 'purpose'], keys_status: ['status'] },
    checks: {
      keys_purpose_known: row => purposes.includes(row.purpose),
      keys_status_known: row => keyStates.includes(row.status),
      keys_version_positive: row => row.key_version > 0,
      keys_parent_fits: row => (row.scope === purposeScope ? row.parent_version === 0 : row.parent_version > 0 && row.root === null),
      keys_wraps_range: row => row.wraps >= 0 && row.wraps <= wrapsMax,
      keys_id_length: row => row.id.length === keyIdLength,
      keys_wrapped_length: row =>
        row.scope === purposeScope
          ? row.wrapped.length >= wrappedLength && row.wrapped.length <= rootWrappedLengthMax
          : row.wrapped.length === wrappedLength,
      keys_kcv_length: row => row.kcv.length === kcvLength,
    },
  },
)

/** Processes of the vault that run, by their own word every few seconds. `role`: always `vault`, so that all of them can be asked for. */
export const nodes = table(
  'nodes',
  { role: text<'vault'>(), id: text(), started_at: time(), seen_at: time(), version: int() },
  { key: ['role', 'id'], checks: { nodes_role_known: row => row.role === 'vault' } },
)

/** This process has opened this key: what must be said by all before a key wraps anything. */
export const confirmations = table(
  'confirmations',
  { purpose: text<Purpose>(), scope: text(), key_version: int(), node: text(), at: time(), version: int() },
  { key: ['purpose', 'scope', 'key_version', 'node'] },
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
    indexes: { deks_wrapped_by: ['key_version', 'purpose', 'tenant'] },
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

export const vaultTables = [
  ...([keys, nodes, confirmations, deks, owners, records, openedTokens] as const),
  ...([cardFiles, senderKeys, releaseGrants, sightings] as const),
  ...auditTables,
] as const

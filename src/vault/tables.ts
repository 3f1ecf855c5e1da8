/**
 * The vault's own tables (schema `vault`, read and written by the role `bindery_vault` only). A card is two rows of one commit: the
 * envelope, and the data key that opens it. Deleting the data key shreds the card wherever copies of the envelope may lie.
 */
import { bool, bytes, int, maybe, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

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

/** Sealed cards. `due_at`: when somebody must have said that the instrument exists; null once it was said. */
export const records = table(
  'records',
  {
    tenant: text(),
    mode: text<Mode>(),
    instrument: text(),
    instrument_version: int(),
    field: text<'card'>(),
    envelope: bytes(),
    operation: text(),
    /** The capture's reference, hashed: a reference is adopted once. */
    reference: text(),
    /** Keyed, over the digits only, the same for every tenant: never leaves the vault. */
    network_fingerprint: bytes(),
    /** What the tenant may see of it (`ifp_…`). */
    fingerprint: text(),
    brand: text(),
    bin: text(),
    last4: text(),
    expiry_month: int(),
    expiry_year: int(),
    holder: bool(),
    adopted_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'instrument', 'instrument_version', 'field'],
    unique: { records_reference: ['reference', 'tenant'] },
    indexes: { records_network_fingerprint: ['network_fingerprint'] },
    checks: {
      records_mode_known: row => row.mode === 'test' || row.mode === 'live',
      records_last4_digits: row => /^[0-9]{4}$/.test(row.last4),
      records_bin_digits: row => /^[0-9]{6}([0-9]{2})?$/.test(row.bin),
      records_expiry_month_range: row => row.expiry_month >= 1 && row.expiry_month <= 12,
      records_envelope_length: row => row.envelope.length >= 138,
    },
  },
)

export const vaultTables = [keys, deks, records] as const

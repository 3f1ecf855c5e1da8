/** Tables of what travels between vaults: files that come, keys that files of ours are signed with, and what may leave. */
import { bool, bytes, int, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

/** As `tables.ts` has them: initialisation vector, key and tag; the name of a key. */
const wrappedLength = 60
const keyIdLength = 16

/** A private key on P-256 (its 32 bytes wrapped by the tenant's key for card numbers) and what is public of it. */
const ownKey = { certificate: text(), key_id: bytes(), key_version: int(), wrapped: bytes() }

/** A transfer into this vault: a key of its own, the one who signs, and how far it has come. `due_at`: when all of it is forgotten. */
export const cardFiles = table(
  'card_files',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    ...ownKey,
    sender: text(),
    parts: int(),
    cards: int(),
    /** The last part has come. */
    complete: bool(),
    /** SHA-256 of the part that came last, in hexadecimal: the same again is the same part. */
    digest: maybe(text()),
    created_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    checks: {
      card_files_mode_known: row => row.mode === 'test' || row.mode === 'live',
      card_files_key_length: row => row.key_id.length === keyIdLength,
      card_files_wrapped_length: row => row.wrapped.length === wrappedLength,
      card_files_counts: row => row.parts >= 0 && row.cards >= 0,
    },
  },
)

export const senderKeys = table(
  'sender_keys',
  { tenant: text(), ...ownKey, created_at: time() },
  {
    key: ['tenant'],
    checks: {
      sender_keys_key_length: row => row.key_id.length === keyIdLength,
      sender_keys_wrapped_length: row => row.wrapped.length === wrappedLength,
    },
  },
)

/**
 * That so many card numbers of one tenant may leave for the holder of one certificate, once. Whoever has the vault's database makes it
 * (`bindery release-cards`); the API cannot, so that a stolen API key takes no number with it.
 */
export const releaseGrants = table(
  'release_grants',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    /** SHA-256 of the receiver's certificate, in hexadecimal. */
    certificate: text(),
    cards_max: int(),
    cards: int(),
    /** The last part that was written, and what it was asked with: the same question again is the same part. */
    part: int(),
    asked: maybe(text()),
    /** The last part has been written. */
    closed: bool(),
    created_at: time(),
    expires_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    checks: {
      release_grants_mode_known: row => row.mode === 'test' || row.mode === 'live',
      release_grants_certificate_digest: row => /^[0-9a-f]{64}$/.test(row.certificate),
      release_grants_bounded: row => row.cards_max >= 1 && row.cards_max <= cardsMost && row.cards >= 0 && row.cards <= row.cards_max,
    },
  },
)
export const cardsMost = 10_000_000

export type CardFileRow = Row<typeof cardFiles>
export type ReleaseGrantRow = Row<typeof releaseGrants>

/** A row of the audit: what was done to something sealed, for what purpose, by which process. Each row's hash contains that of the row before. */
import { createHash, createHmac, type KeyObject } from 'node:crypto'

export type AuditEntry = {
  /** Unix milliseconds. */
  readonly at: number
  /** The process, and its own count of what it did. */
  readonly node: string
  readonly n: number
  readonly act: string
  readonly tenant: string
  /** What it was done to: an instrument and its version, an owner of a text, a key. */
  readonly subject: string
  readonly purpose: string
  readonly operation: string
  /** Where it went, or what else there is to say. */
  readonly detail: string
}
export type AuditRow = AuditEntry & { readonly seq: number; readonly hash: Buffer }

export const auditOrigin = 'bindery.example/vault-audit'

/** Each part with its length before it: no two entries have the same bytes. */
function bytesOf(entry: AuditEntry): Buffer {
  const { at, node, n, act, tenant, subject, purpose, operation, detail } = entry
  const pieces: Buffer[] = []
  for (const part of [String(at), node, String(n), act, tenant, subject, purpose, operation, detail]) {
    const text = Buffer.from(part)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(text.length)
    pieces.push(length, text)
  }
  return Buffer.concat(pieces)
}

/** Of the row that comes before the first. */
export const firstHash = Buffer.alloc(32)

export function rowHash(before: Buffer, seq: number, entry: AuditEntry): Buffer {
  return createHash('sha256').update('bindery audit 1|').update(before).update(`|${seq}|`).update(bytesOf(entry)).digest()
}

/** What a process vouches with for what it did, until it stands in the chain. */
export const entryMac = (key: KeyObject, entry: AuditEntry): Buffer => createHmac('sha256', key).update(bytesOf(entry)).digest()

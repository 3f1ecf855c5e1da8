/**
 * The vault's own trail: one entry for each time something sealed is opened or sent, durable before the bytes leave. On the way of a bind it costs
 * no round trip: the entry rides in the commit that seals, as the leave of one operation to have the number sent once (`release`), and the
 * forward that follows uses that leave up. Whatever else opens something waits for an entry of its own, while it reads what it is to open.
 */
import { type AuditEntry, entryMac } from '../core/audit-row.ts'
import { type Insert, insert, type Store } from '../world/store.ts'
import type { Keyring } from './keys.ts'
import { auditEntries } from './tables-audit.ts'

export const acts = [
  'release',
  'forward',
  'open',
  'inquire',
  'renew',
  'export',
  'detokenize',
  'shred',
  'key_added',
  'key_promoted',
  'key_destroyed',
] as const
export type Act = (typeof acts)[number]
export type Deed = Pick<AuditEntry, 'tenant' | 'subject' | 'purpose'> &
  Partial<Pick<AuditEntry, 'operation' | 'detail'>> & { readonly act: Act }

/** The scope of the key by which entries are vouched for until they are in the chain. */
export const entriesScope = 'entries'
const partMax = 200

export type Trail = {
  /** An entry to ride in a commit. */
  entry(deed: Deed): Promise<Insert>
  /** Entries in a commit of their own: durable when this resolves. */
  write(deeds: readonly Deed[]): Promise<void>
}
type Ports = { readonly store: Store; now(): number; readonly keyring: Keyring; readonly node: string }

export function createTrail({ store, now, keyring, node }: Ports): Trail {
  let last = 0
  const entry = async ({ act, tenant, subject, purpose, operation = '', detail = '' }: Deed): Promise<Insert> => {
    const { key } = await keyring.current('audit', entriesScope)
    last += 1
    const told = { at: now(), node, n: last, act, tenant, subject, purpose, operation, detail }
    return insert(auditEntries, { ...told, mac: entryMac(key, told), due_at: told.at, clock: null })
  }
  return {
    entry,
    async write(deeds) {
      for (let at = 0; at < deeds.length; at += partMax) {
        const writes = await Promise.all(deeds.slice(at, at + partMax).map(entry))
        const result = await store.commit(writes)
        if (!result.ok) throw new TypeError('an entry of the audit was refused: nothing is opened without one')
      }
    },
  }
}

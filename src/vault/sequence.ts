/**
 * The one sequencer: takes entries that are not in the chain yet, oldest first, and adds them in one commit with the checkpoint that covers them.
 * The chain's head is moved by each addition, so of two processes that try at once one does it and the other tries again.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { type AuditEntry, auditOrigin, entryMac, firstHash, rowHash } from '../core/audit-row.ts'
import { signCheckpoint, signingKey, verifierText } from '../core/checkpoint.ts'
import { type Frontier, grown, rootHash } from '../core/merkle.ts'
import { insert, move, remove, type Store, type Write } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { Keyring } from './keys.ts'
import { auditCheckpoints, auditEntries, auditHeads, auditLog } from './tables-audit.ts'
import { entriesScope } from './trail.ts'

/** Rows for each commit and checkpoint. */
export const sequencedAtOnce = 256

export type Sequencer = {
  /** Adds what waits, a batch at most; returns how many, and the checkpoint that covers them. */
  turn(): Promise<{ readonly added: number; readonly note: string | undefined }>
  /** The public key of the checkpoints, as `audit verify` takes it. */
  verifier(): Promise<string>
}
type Ports = { readonly store: Store; now(): number; readonly keyring: Keyring }
type Head = Row<typeof auditHeads>

export function createSequencer(ports: Ports): Sequencer {
  let signer: KeyObject | undefined
  const signing = async (): Promise<KeyObject> => {
    if (signer !== undefined) return signer
    const { key } = await ports.keyring.current('audit', 'checkpoints')
    const seed = key.export()
    signer = signingKey(seed)
    seed.fill(0)
    return signer
  }
  return {
    async turn() {
      const { store, now } = ports
      const [head, waiting] = await Promise.all([
        store.get(auditHeads, { log: 'vault' }),
        store.due(auditEntries, { now: now(), clock: null, limit: sequencedAtOnce }),
      ])
      if (waiting.length === 0) return { added: 0, note: undefined }
      const [signs, vouches] = await Promise.all([signing(), ports.keyring.current('audit', entriesScope)])
      const { writes, note } = chained(head, waiting, { signs, vouches: vouches.key, now: now() })
      const result = await store.commit(writes)
      return result.ok ? { added: waiting.length, note } : { added: 0, note: undefined }
    },
    verifier: async () => verifierText({ name: auditOrigin, key: createPublicKey(await signing()) }),
  }
}

/** Pure. An entry that no process vouches for is kept, and said to be one. */
function chained(
  head: Head | undefined,
  waiting: readonly Row<typeof auditEntries>[],
  of: { readonly signs: KeyObject; readonly vouches: KeyObject; readonly now: number },
): { readonly writes: readonly Write[]; readonly note: string } {
  let [size, hash] = [head?.size ?? 0, head?.hash ?? firstHash]
  let frontier: Frontier = (head?.frontier ?? []).map(one => Buffer.from(one, 'base64'))
  const writes: Write[] = []
  for (const row of waiting) {
    const { node, n, at, act, tenant, subject, purpose, operation, detail } = row
    const told: AuditEntry = { node, n, at, act, tenant, subject, purpose, operation, detail }
    const entry = entryMac(of.vouches, told).equals(row.mac) ? told : { ...told, act: `forged ${act}` }
    hash = rowHash(hash, size, entry)
    frontier = grown(frontier, size, hash)
    writes.push(insert(auditLog, { seq: size, ...entry, hash }), remove(auditEntries, row))
    size += 1
  }
  const note = signCheckpoint({ origin: auditOrigin, size, root: rootHash(frontier), previous: head?.size ?? 0 }, of.signs)
  const after = { size, hash, frontier: frontier.map(one => one.toString('base64')) }
  return {
    writes: [
      head === undefined ? insert(auditHeads, { log: 'vault', ...after }) : move(auditHeads, head, after),
      ...writes,
      insert(auditCheckpoints, { size, note, at: of.now }),
    ],
    note,
  }
}

/**
 * Sealed cards and payers without an owner. One is sealed while its instrument's intent is committed, or after, so an owner normally exists; but
 * the intent may have been refused, or lost by the house (a restore, a bug), and a card nobody can name must not stay. An hour after the sealing somebody who knows the
 * instruments is asked once: an owned card is left alone for good, the others lose envelope and key.
 */
import { move, remove, type Store, type Write } from '../world/store.ts'
import { findRecord } from './record.ts'
import { deks, records } from './tables.ts'

export type Ownership = { readonly tenant: string; readonly instrument: string; readonly instrumentVersion: number }
type Ports = { readonly store: Store; now(): number }

export async function unsettledOwners(ports: Ports, limit: number): Promise<readonly Ownership[]> {
  const rows = await ports.store.due(records, { now: ports.now(), clock: null, limit })
  return rows.map(row => ({ tenant: row.tenant, instrument: row.instrument, instrumentVersion: row.instrument_version }))
}

/** Each in a commit of its own; one that changed meanwhile is left for the next time. */
export async function settleOwners(
  ports: Ports,
  input: { readonly owned: readonly Ownership[]; readonly unowned: readonly Ownership[] },
): Promise<void> {
  await Promise.all([...input.owned.map(one => confirm(ports, one)), ...input.unowned.map(one => drop(ports, one))])
}

async function confirm(ports: Ports, one: Ownership): Promise<void> {
  const row = await findRecord(ports.store, one)
  if (row !== undefined && row.due_at !== null) await ports.store.commit([move(records, row, { due_at: null })])
}

async function drop(ports: Ports, one: Ownership): Promise<void> {
  const [row, dek] = await Promise.all([
    findRecord(ports.store, one),
    ports.store.get(deks, { tenant: one.tenant, owner: one.instrument, owner_version: one.instrumentVersion }),
  ])
  // A card that was confirmed has a reason to be there, whatever is said of it now; and a young one may belong to an intent under way.
  if (row === undefined || row.due_at === null || row.due_at > ports.now()) return
  const writes: Write[] = [remove(records, row)]
  if (dek !== undefined) writes.push(remove(deks, dek))
  await ports.store.commit(writes)
}

/** One round: asks which of the due cards have an owner and settles them. Returns how many were removed. */
export async function sweepOwnerless(
  vault: {
    unsettled(limit: number): Promise<readonly Ownership[]>
    settle(input: { readonly owned: readonly Ownership[]; readonly unowned: readonly Ownership[] }): Promise<void>
  },
  isOwned: (one: Ownership) => Promise<boolean>,
  limit: number,
): Promise<number> {
  const due = await vault.unsettled(limit)
  const answers = await Promise.all(due.map(isOwned))
  const owned = due.filter((_, index) => answers[index])
  const unowned = due.filter((_, index) => !answers[index])
  if (due.length > 0) await vault.settle({ owned, unowned })
  return unowned.length
}

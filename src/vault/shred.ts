/**
 * Shredding: the data keys of an owner are deleted, and with them whatever was sealed for it, in every version and wherever copies of the
 * envelopes lie. The row of `owners` is the log of it, and a door that stays shut: what seals for an owner adds to the same row, within a
 * bound that a shredding breaks, so that nothing is sealed for it again, however late the request comes.
 */
import type { Shredding } from '../core/shredding.ts'
import { type Add, add, move, remove, type Store } from '../world/store.ts'
import { deks, owners, records } from './tables.ts'
import type { Trail } from './trail.ts'

type Ports = {
  readonly store: Store
  now(): number
  readonly trail: Trail
  /** Tells the log outside the database (`shred-log.ts`): durable when it returns. */
  readonly shredding?: ((one: Shredding) => Promise<void>) | undefined
}
export type Owner = { readonly tenant: string; readonly owner: string }

/** Rides in the commit that seals: refused by `owners_shredded_bound` once the owner was shredded. */
export const sealsFor = ({ tenant, owner }: Owner): Add =>
  add(owners, { tenant, owner }, { sealed: 1n, shredded: 0n }, { create: { shredded_at: null }, bounds: { shredded: { max: 0n } } })

const collisionsMax = 20

/** Idempotent: says how many keys it found and destroyed. Those of an owner who never had any are told as 0, and the door is shut too. */
export async function shred(ports: Ports, owner: Owner): Promise<number> {
  const { store } = ports
  if (((await store.get(owners, owner))?.shredded ?? 0) === 0) {
    await store.commit([add(owners, owner, { sealed: 0n, shredded: 1n }, { create: { shredded_at: null } })])
  }
  // The door is shut: what is found from here on is all there will ever be.
  let destroyed = 0
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const [keys, sealed, row] = await Promise.all([
      store.find(deks, owner),
      store.find(records, { tenant: owner.tenant, instrument: owner.owner }),
      store.get(owners, owner),
    ])
    const deed = { act: 'shred', tenant: owner.tenant, subject: owner.owner, purpose: 'erasure', detail: `${keys.length} keys` } as const
    const logged =
      row === undefined || row.shredded_at !== null ? [] : [move(owners, row, { shredded_at: ports.now() }), await ports.trail.entry(deed)]
    const writes = [...keys.map(one => remove(deks, one)), ...sealed.map(one => remove(records, one)), ...logged]
    if (writes.length === 0) return destroyed
    // Before the keys go: a restore must never know less than whoever was told that they are gone.
    if (tries === 0) await ports.shredding?.({ ...owner, at: ports.now() })
    if ((await store.commit(writes)).ok) destroyed += keys.length
  }
  throw new TypeError(`the keys of ${owner.owner} keep changing`)
}

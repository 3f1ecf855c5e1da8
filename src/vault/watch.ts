/** The vault's own rows, asked by the vault itself: nobody else may read them. What is found is said in the log, each time, until it is mended. */
import { type Asking, check } from '../world/ask.ts'
import type { Log } from '../world/world.ts'
import { vaultInvariants } from './queries-invariants.ts'

/** `pool`: connections of the vault's role, in its schema. Returns how many rows were found. */
export async function watch(pool: Asking, { log, now }: { readonly log: Log; now(): number }): Promise<number> {
  let all = 0
  for (const one of vaultInvariants) {
    const asked = { invariant: one.id, name: one.name }
    const { found, findings, unfinished } = await check(pool, one, { now: now(), skewMs: 0, lateMs: 0, customersMax: 0 })
    if (unfinished !== undefined) log.warn('an invariant could not be asked', { ...asked, error: unfinished })
    for (const { subject, tenant } of findings) log.error('an invariant does not hold', { ...asked, found, id: subject, tenant })
    all += found
  }
  return all
}

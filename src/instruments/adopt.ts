/** What was captured becomes an instrument's: by which words, ahead of its intent and after it. */
import type { Adoption, World } from '../world/world.ts'
import type { OperationRow } from './tables.ts'

/** Undefined: nothing was captured for it, or the first operation of its chain adopted that. */
export function adoptionOf(operation: OperationRow): Adoption | undefined {
  const { tenant, mode, instrument, id } = operation
  const { capture, cardVersion = 1, chain, adoptedBy } = operation.input
  if (capture === undefined || chain !== undefined) return undefined
  return { tenant, mode, reference: capture, instrument, instrumentVersion: cardVersion, operation: adoptedBy ?? id }
}

/** False if the capture lapsed, in which case nothing can have been sent. Throws `Unavailable`. */
export async function adopt(world: World, operation: OperationRow): Promise<boolean> {
  const adoption = adoptionOf(operation)
  return adoption === undefined || (await world.vault.adopt(adoption)) !== undefined
}

/**
 * Beside the commit of the intent, for a new instrument only: if that commit is refused, no other bind ever meets the row under these words.
 * Nobody waits for it here: the vault does, before it sends anything.
 */
export function sealAhead(world: World, operation: OperationRow): void {
  const adoption = adoptionOf(operation)
  if (adoption !== undefined) world.vault.sealAhead(adoption).catch(() => undefined)
}

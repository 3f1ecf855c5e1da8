/** How a customer's instruments may be used again: whether they may be shown at a later checkout, and what a second bind of one does. */
import { Problem } from '../core/problem.ts'
import type { CustomerRow, InstrumentRow } from './tables.ts'

/**
 * always: may be offered whenever the customer pays · limited: only where the customer asked for it, not in another checkout · unspecified:
 * nobody has said, and whoever shows instruments should ask.
 */
export const redisplays = ['always', 'limited', 'unspecified'] as const
export type Redisplay = (typeof redisplays)[number]

/** `same`: binding it again is answered with what there is · `refuse`: an instrument is bound once, and a second bind is refused. */
export const rebinds = ['same', 'refuse'] as const
/** `next_best`: when the default ends the best of what is left becomes it · `none`: there is none until somebody says so. */
export const successions = ['next_best', 'none'] as const
export type Succession = (typeof successions)[number]

/** Of a customer. What is not said: `unspecified`, `same`, and the tenant's own succession. */
export type Reuse = {
  /** Of instruments that are bound from now on. */
  readonly allow_redisplay?: Redisplay
  readonly bind_again?: (typeof rebinds)[number]
  readonly succession?: Succession
}

/** What a new instrument has of its customer, where the caller does not say otherwise. */
export const keptOf = ({ clock, reuse }: CustomerRow, redisplay: Redisplay | undefined) => ({
  clock,
  allow_redisplay: redisplay ?? reuse.allow_redisplay ?? ('unspecified' as const),
})

/** Throws `conflict` where the customer's instruments are bound once. */
export function refuseAgain({ reuse }: CustomerRow, { id }: InstrumentRow): void {
  if (reuse.bind_again === 'refuse')
    throw new Problem('conflict', `the customer has this already, as ${id}`, { members: { instrument: id } })
}

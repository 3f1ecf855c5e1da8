/** How hard something is pushed at: what was declined, and what was refused before anybody was asked. */
import type { Tally } from './tally.ts'

/** Who goes on after having been refused stays refused: else the block would end while the attack lasts. */
export const pressed = ({ declines, denied }: Tally): number => declines + denied
/** Of a hundred that came. */
export const pressedPct = ({ attempts, declines, denied }: Tally): number =>
  attempts + denied === 0 ? 0 : Math.round((100 * (declines + denied)) / (attempts + denied))

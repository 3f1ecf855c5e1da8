/**
 * What we refuse ourselves takes as long as what a channel declines: until a moment drawn from how long the last declines took, and a pause
 * of chance after both. Who stands outside with a clock learns nothing from it.
 */
import type { World } from '../world/world.ts'
import { isRefusal } from './refusal.ts'

export type Surface = 'api' | 'session'

/** How many of the last declines are remembered, for each surface. */
const rememberedMax = 64
/** As long as a channel takes to decline, in ms, before any was seen. */
const usualMs = { least: 250, spread: 1_000 }
/** Card brands advise a pause of chance after a decline. */
const pauseMs = 400

type Paces = Record<Surface, number[]>
/** By store: what one process saw. */
const seen = new WeakMap<World['store'], Paces>()
const pacesOf = (world: Pick<World, 'store'>): Paces => {
  const found = seen.get(world.store) ?? { api: [], session: [] }
  seen.set(world.store, found)
  return found
}

/** 0 ≤ x < 1 */
export const dice = (world: Pick<World, 'random'>): number => world.random(4).readUInt32BE(0) / 2 ** 32

const pause = (world: Pick<World, 'random' | 'sleep'>): Promise<void> => world.sleep(dice(world) * pauseMs)

/** A channel has declined what began then. Resolves after the pause. */
export async function afterDecline(
  world: Pick<World, 'now' | 'random' | 'sleep' | 'store'>,
  surface: Surface,
  beganMs: number,
): Promise<void> {
  const list = pacesOf(world)[surface]
  list.push(world.now() - beganMs)
  if (list.length > rememberedMax) list.shift()
  await pause(world)
}

/** We have refused what began then: resolves when a channel would have declined it, and after the same pause. */
export async function afterRefusal(
  world: Pick<World, 'now' | 'random' | 'sleep' | 'store'>,
  surface: Surface,
  beganMs: number,
): Promise<void> {
  const list = pacesOf(world)[surface]
  const drawn = list[Math.floor(dice(world) * list.length)] ?? usualMs.least + dice(world) * usualMs.spread
  await world.sleep(Math.max(0, beganMs + drawn - world.now()))
  await pause(world)
}

/** Paces one use case: what a channel declined in it, and what we refused ourselves. */
export async function paced<T>(
  world: Pick<World, 'now' | 'random' | 'sleep' | 'store'>,
  surface: Surface,
  act: () => Promise<T>,
  isDeclined: (done: T) => boolean,
): Promise<T> {
  const began = world.now()
  let done: T
  try {
    done = await act()
  } catch (error) {
    if (isRefusal(error)) await afterRefusal(world, surface, began)
    throw error
  }
  if (isDeclined(done)) await afterDecline(world, surface, began)
  return done
}

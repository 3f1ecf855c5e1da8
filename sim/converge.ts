/**
 * Convergence: one history of facts, told in every order, twice or in parts, must end in the same instrument and bindings, and the notices must
 * say so. Most histories are facts drawn by chance and taught directly; one in five is what the channels' own simulators tell over the HTTP door.
 *
 *     npm run sim -- converge --histories 2000 [--shuffles 4] [--from 1] [--json]      ends with {"histories":…,"shuffles":…,"diverged":0}
 *     npm run sim -- converge --bugs                                                   every named bug must be caught
 *
 * The rule about our own reactions. What the facts say never depends on their order. What we did about them is a fact as well: a revocation
 * that we began stands behind all that the channel tells, so a binding that we gave up stays given up. Whether there was reason to give
 * something up is the same in every order, but in three cases (`excusedOf` in converge-end.ts) in which it depends on what was known when it
 * came alive; there the status by what was told is compared, and everything else of what is stored must still follow from its facts.
 */
import { events } from '../src/events/tables.ts'
import type { World } from '../src/world/world.ts'
import { createDice } from './converge-dice.ts'
import { deliverAll } from './converge-door.ts'
import { differences, type End, endOf, outcomes, unfounded } from './converge-end.ts'
import { carryOutAll, lay, nameOf, rest, type Step, shuffled, teach } from './converge-history.ts'
import { knownOf, misstated, uncorrected } from './converge-notices.ts'

/** `told`: what the history tells, numbered. `orders`: two orders that end differently, or one that is wrong by itself. */
export type Divergence = {
  readonly seed: number
  readonly told: readonly string[]
  readonly orders: readonly (readonly string[])[]
  readonly differences: readonly string[]
}
export type Converged = { readonly histories: number; readonly shuffles: number; readonly diverged: readonly Divergence[] }
/** `door`: it shows over the HTTP door alone. */
export type ConvergeBug = { readonly name: string; readonly what: string; readonly door?: true; readonly infect: (world: World) => World }

export type Wanted = {
  readonly from: number
  readonly histories: number
  readonly shuffles: number
  readonly bug?: ConvergeBug | undefined
  /** After so many divergences the rest is not run. */
  readonly most?: number
}

export async function converge({ from, shuffles, bug, ...of }: Wanted): Promise<Converged> {
  const diverged: Divergence[] = []
  let histories = 0
  while (histories < of.histories && diverged.length < (of.most ?? Number.POSITIVE_INFINITY)) {
    const seed = from + histories
    const door = bug?.door ?? seed % 5 === 0
    const found = await (door ? compareDeliveries(seed, shuffles, bug) : compareOrders(seed, shuffles, bug))
    histories += 1
    if (found !== undefined) diverged.push(found)
  }
  return { histories, shuffles: histories * shuffles, diverged }
}

type Played = { readonly end: End; readonly told: readonly string[]; readonly order: readonly string[]; readonly faults: readonly string[] }

/** The first order against all others. Undefined: they all end the same. */
async function compareOrders(seed: number, shuffles: number, bug: ConvergeBug | undefined): Promise<Divergence | undefined> {
  const first = await play(seed, 0, bug)
  const { told } = first
  if (first.faults.length > 0) return { seed, told, orders: [first.order], differences: first.faults }
  for (let number = 1; number <= shuffles; number += 1) {
    const other = await play(seed, number, bug)
    const found = [...other.faults, ...differences(first.end, other.end)]
    if (found.length > 0) return { seed, told, orders: [first.order, other.order], differences: found }
  }
  return undefined
}

async function play(seed: number, number: number, bug: ConvergeBug | undefined): Promise<Played> {
  const { ground, steps } = await lay(seed, bug?.infect)
  const dice = createDice(seed, 500 + number)
  const numbers = new Map(steps.map((step, i) => [nameOf(step), `#${i + 1}`]))
  const order: string[] = []
  const faults: string[] = []
  for (const batch of shuffled(seed, number, steps)) {
    const before = knownOf(ground)
    const known = new Set(ground.all(events).map(one => one.id))
    await teach(ground.world, batch)
    order.push(batch.map(step => numbers.get(nameOf(step))).join('+'))
    const fresh = ground.all(events).flatMap(one => (known.has(one.id) ? [] : [one.data]))
    faults.push(...uncorrected(before, knownOf(ground), fresh))
    if (dice.chance() < 0.2) await rest(ground.world)
  }
  await carryOutAll(ground)
  const told = steps.map((step, i) => `#${i + 1} ${say(step)}`)
  return { end: endOf(ground), told, order, faults: [...faults, ...unfounded(ground), ...misstated(ground), ...ground.errors] }
}

const say = (step: Step): string =>
  step.binding === undefined ? `${step.instrument} ${JSON.stringify(step.own)}` : `${step.binding} ${JSON.stringify(step.fact)}`

async function compareDeliveries(seed: number, shuffles: number, bug: ConvergeBug | undefined): Promise<Divergence | undefined> {
  let first: Awaited<ReturnType<typeof deliverAll>> | undefined
  for (let number = 0; number <= shuffles; number += 1) {
    const other = await deliverAll(seed, number, bug?.infect)
    const { simulated, order, faults } = other
    const wrong = [...faults, ...unfounded(simulated), ...misstated(simulated)]
    const differ = first === undefined ? [] : outcomes(endOf(first.simulated), endOf(simulated), first.owed)
    const orders = [...(first === undefined ? [] : [first.order]), order]
    if (wrong.length + differ.length > 0) return { seed, told: [], orders, differences: [...wrong, ...differ] }
    first ??= other
  }
  return undefined
}

/**
 * Moving a test clock forward. It does not jump: it goes from one moment at which something falls due to the next, stands there while that is
 * attended, and only then goes on; so whatever asks for the customer's time sees the moment itself, and nothing waits for midnight. Each step is
 * durable: if the process dies, the clock stands where it got to, and another call goes on from there.
 *
 * What is between us and a channel stays in real time (a lost answer is asked about within seconds, a key lapses by the channel's clock); on the
 * customer's clock stands what the customer waits for, or what waits for it: the end of a card, our patience with a challenge, a planned refresh.
 */
import { fieldProblem, Problem } from '../core/problem.ts'
import { move, Unavailable } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { type About, dues, type Taken, type Turn } from './due.ts'
import { clocks } from './tables.ts'

export type ClockRow = Row<typeof clocks>
export type Step = About & Taken & { readonly at: number }
/** `complete` false: more falls due before `to`, or a channel's answer is owed, and the clock stands where it got to. */
export type Advanced = { readonly clock: ClockRow; readonly complete: boolean; readonly steps: readonly Step[] }

/** Ten years: beyond it nothing that is bound today is alive. */
const advanceMaxMs = 10 * 366 * 24 * 3_600_000
/** What one call does at most; the caller calls again. Within the time a client waits for an answer. */
const stepsMax = 200
const callMaxMs = 20_000
/** Above what one step takes: several requests to a channel, each with its deadline. */
const holdMs = 60_000

/**
 * Runs everything that falls due on the clock up to `to` (Unix milliseconds), in order of its due time, and says what it was. Throws a problem
 * naming `/to` where the clock would go back or too far, and `conflict` while somebody else moves it.
 */
export async function advance(world: World, start: ClockRow, to: number): Promise<Advanced> {
  if (to < start.now_at) throw fieldProblem('/to', 'must not be before the time the clock shows: it never goes back')
  if (to > start.now_at + advanceMaxMs) throw fieldProblem('/to', 'must be at most ten years ahead of the clock')
  const now = world.now()
  if (isHeld(start, now)) throw new Problem('conflict', 'the clock is being moved by somebody else')
  const steps: Step[] = []
  const attended = new Set<string>()
  let clock = await hold(world, start, start.now_at)
  for (;;) {
    const turn = await nextTurn(world, clock, to, attended)
    if (turn === undefined) return { clock: await release(world, clock, to), complete: true, steps }
    if (steps.length >= stepsMax || Math.abs(world.now() - now) >= callMaxMs)
      return { clock: await release(world, clock, clock.now_at), complete: false, steps }
    clock = await hold(world, clock, Math.max(clock.now_at, turn.at))
    attended.add(nameOf(turn))
    const step = await attend(world, clock, turn)
    if (step.waits) return { clock: await release(world, clock, clock.now_at), complete: false, steps }
    steps.push(step)
  }
}

/** Longer than anybody holds it, it is held only by a clock that was set back. */
const isHeld = ({ held_until: until }: ClockRow, now: number): boolean => until !== null && until > now && until <= now + holdMs

/** The earliest that is due until `to`; of one moment, in the order of the list. What was attended and is as it was is passed over. */
async function nextTurn(world: World, clock: ClockRow, to: number, attended: ReadonlySet<string>): Promise<Turn | undefined> {
  const at = { now: to, clock: clock.id, limit: attended.size + 1 }
  const pages = await Promise.all(dues.map(due => due.turns(world, at)))
  const firsts = pages.flatMap(turns => turns.filter(turn => !attended.has(nameOf(turn))).slice(0, 1))
  return firsts.toSorted((one, other) => one.at - other.at)[0]
}

const nameOf = ({ id, version }: Turn): string => `${id} ${version}`

/** One row's bug is one row's: it stays due, and the others get their turn. */
async function attend(world: World, clock: ClockRow, turn: Turn): Promise<Step> {
  const step = { at: clock.now_at, ...turn.about }
  try {
    return { ...step, ...(await turn.take()) }
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'Crash' || error instanceof Unavailable) throw error
    world.log.error('a turn of a test clock failed', { clock: clock.id, id: turn.id, error: error.message })
    return { ...step, what: 'failed', outcome: 'it stays due, and the log says why' }
  }
}

const hold = (world: World, clock: ClockRow, at: number): Promise<ClockRow> => moveClock(world, clock, at, world.now() + holdMs)
const release = (world: World, clock: ClockRow, at: number): Promise<ClockRow> => moveClock(world, clock, at, null)

async function moveClock(world: World, clock: ClockRow, now_at: number, held_until: number | null): Promise<ClockRow> {
  const after = { now_at, held_until }
  const result = await world.store.commit([move(clocks, clock, after)])
  if (!result.ok) throw new Problem('conflict', 'the clock was moved by somebody else')
  return { ...clock, ...after, version: clock.version + 1 }
}

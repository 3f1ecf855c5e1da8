/**
 * Keeps deliveries moving: takes what is due at each endpoint, a line at a time, without ever waiting for one endpoint before looking after
 * the others. Each has a short queue here and a few calls open, a failing one a single call.
 */
import type { World } from '../world/world.ts'
import { deliver, type Outbound } from './deliver.ts'
import type { Due, EventQueries } from './queries.ts'

/** Calls open at a time: to all, to one endpoint, to one whose last calls all failed. */
const openMax = 256
const openPerEndpointMax = 8
const failuresInARowMax = 3
/** Due deliveries of one endpoint looked at in one tick; they wait here for a call. */
const queueMax = 64
/** An endpoint that had nothing to send for so long is forgotten. */
const idleMs = 10 * 60_000

/** What is known of an endpoint in this process. `more`: its queue was full at the last look. */
type Lane = { open: number; readonly queue: Due[]; failuresInARow: number; more: boolean; seenAt: number }

export interface Dispatcher {
  /** Takes in what is due and starts what can start; returns how many lines it took in. Does not wait for them. */
  tick(): Promise<number>
  /** Starts nothing more, and waits for the calls that are open; what is left stays due. */
  drain(): Promise<void>
}

export function createDispatcher(world: World, queries: EventQueries, outbound: Outbound): Dispatcher {
  const lanes = new Map<string, Lane>()
  /** Lines that are queued or open. */
  const known = new Set<string>()
  const turns = new Set<Promise<void>>()
  const state = { draining: false, looking: false }

  const startNext = (lane: Lane): void => {
    while (!state.draining && turns.size < openMax && lane.open < roomOf(lane)) {
      const due = lane.queue.shift()
      if (due === undefined) break
      const turn: Promise<void> = run(world, { ...outbound, stopping: () => state.draining }, lane, due).then(() => {
        turns.delete(turn)
        known.delete(lineOf(due))
        startNext(lane)
      })
      turns.add(turn)
    }
    // Its backlog is longer than its queue: look again at once, not at the next tick.
    if (lane.more && lane.queue.length === 0 && !state.looking)
      tick().catch(failure => world.log.warn('due deliveries could not be read', { error: String(failure) }))
  }

  const tick = async (): Promise<number> => {
    if (state.draining || state.looking) return 0
    state.looking = true
    // Until this look succeeds nothing asks for the next: while the database is away, the worker's pace is fast enough.
    for (const lane of lanes.values()) lane.more = false
    try {
      const nowMs = world.now()
      return takeIn(await queries.due(nowMs, queueMax), nowMs, lanes, known)
    } finally {
      state.looking = false
      for (const lane of lanes.values()) startNext(lane)
    }
  }

  const drain = async (): Promise<void> => {
    state.draining = true
    await Promise.all(turns)
  }
  return { tick, drain }
}

/** Queues the lines that are neither queued nor open; returns how many. */
function takeIn(page: readonly Due[], nowMs: number, lanes: Map<string, Lane>, known: Set<string>): number {
  forgetIdle(lanes, nowMs)
  let taken = 0
  const seen = new Map<Lane, number>()
  for (const due of page) {
    const lane = laneOf(lanes, due, nowMs)
    const count = (seen.get(lane) ?? 0) + 1
    seen.set(lane, count)
    if (known.has(lineOf(due)) || lane.queue.length >= queueMax) continue
    known.add(lineOf(due))
    lane.queue.push(due)
    taken += 1
    lane.more = count === queueMax
  }
  return taken
}

async function run(world: World, outbound: Outbound, lane: Lane, due: Due): Promise<void> {
  lane.open += 1
  try {
    await deliver(world, { ...outbound, send: noting(lane, outbound.send) }, due)
  } catch (failure) {
    lane.more = false
    const { endpoint, line, sequence } = due
    world.log.error('a delivery failed on our side', { endpoint, line, sequence, error: String(failure) })
  }
  lane.open -= 1
}

const lineOf = (due: Due): string => `${due.tenant} ${due.endpoint} ${due.line}`
const roomOf = (lane: Lane): number => (lane.failuresInARow >= failuresInARowMax ? 1 : openPerEndpointMax)

/** The same sending, counting how many calls in a row failed. */
function noting(lane: Lane, send: Outbound['send']): Outbound['send'] {
  return async request => {
    try {
      const answer = await send(request)
      lane.failuresInARow = answer.status < 300 ? 0 : lane.failuresInARow + 1
      return answer
    } catch (failure) {
      lane.failuresInARow += 1
      throw failure
    }
  }
}

function laneOf(lanes: Map<string, Lane>, due: Due, nowMs: number): Lane {
  const name = `${due.tenant} ${due.endpoint}`
  const lane = lanes.get(name) ?? { open: 0, queue: [], failuresInARow: 0, more: false, seenAt: nowMs }
  lane.seenAt = nowMs
  lanes.set(name, lane)
  return lane
}

function forgetIdle(lanes: Map<string, Lane>, nowMs: number): void {
  for (const [name, lane] of lanes) if (lane.open === 0 && lane.queue.length === 0 && nowMs - lane.seenAt > idleMs) lanes.delete(name)
}

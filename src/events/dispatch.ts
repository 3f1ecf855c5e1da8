/**
 * Keeps deliveries moving: takes what is due, a line at a time, without ever waiting for an endpoint before looking after the others. Each
 * endpoint has a few calls open at most, a failing one a single call; what does not fit is put off, so that the backlog of one
 * endpoint never fills the page another one is waiting on.
 */
import { move } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { type Delivery, deliver, type Outbound } from './deliver.ts'
import { deliveries } from './tables.ts'

/** Calls open at a time: to all, to one endpoint, to one whose last calls all failed. */
const openMax = 256
const openPerEndpointMax = 8
const failuresInARowMax = 3
/** Due deliveries looked at in one tick. */
const pageMax = 512
/** What an endpoint may keep waiting in the page, in multiples of its open calls, so that its next call finds something to send. */
const sparedFactor = 4
/** How far a delivery that does not fit is put off: by how long those before it will take, within these bounds. */
const putOffMinMs = 250
const putOffMaxMs = 5 * 60_000

/** What is known of an endpoint in this process. `paceMs`: how long a turn takes, smoothed. */
type Pace = { open: number; failuresInARow: number; paceMs: number; seenAt: number }

export interface Dispatcher {
  /** Starts what is due and can start; returns how many turns were started. Does not wait for them. */
  tick(): Promise<number>
  /** Starts nothing more, and waits for the calls that are open; what is left of their lines stays due. */
  drain(): Promise<void>
}

export function createDispatcher(world: World, outbound: Outbound): Dispatcher {
  const paces = new Map<string, Pace>()
  const open = new Map<string, Promise<void>>()
  const state = { draining: false }

  const start = (due: Delivery, pace: Pace): void => {
    const startedAt = world.now()
    pace.open += 1
    const send: Outbound['send'] = async request => {
      const answer = await outbound.send(request).catch(failure => {
        pace.failuresInARow += 1
        throw failure
      })
      pace.failuresInARow = answer.status < 300 ? 0 : pace.failuresInARow + 1
      return answer
    }
    const turn = deliver(world, { ...outbound, send, stopping: () => state.draining }, due)
      .catch(failure =>
        world.log.error('a delivery failed on our side', { endpoint: due.endpoint, event: due.event, error: String(failure) }),
      )
      .then(() => {
        pace.open -= 1
        pace.paceMs = 0.8 * pace.paceMs + 0.2 * (world.now() - startedAt)
        open.delete(lineOf(due))
      })
    open.set(lineOf(due), turn)
  }

  const tick = async (): Promise<number> => {
    if (state.draining) return 0
    const nowMs = world.now()
    const page = await world.store.due(deliveries, { now: nowMs, clock: null, limit: pageMax })
    forgetIdle(paces, nowMs)
    let started = 0
    const left: Delivery[] = []
    for (const due of page) {
      const pace = paceOf(paces, due, nowMs)
      if (open.size < openMax && pace.open < roomOf(pace) && !open.has(lineOf(due))) {
        start(due, pace)
        started += 1
      } else left.push(due)
    }
    if (page.length === pageMax) await putOff(world, left, paces)
    return started
  }

  return {
    tick,
    drain: async () => {
      state.draining = true
      while (open.size > 0) await Promise.all(open.values())
    },
  }
}

const lineOf = (due: Delivery): string => `${due.tenant} ${due.endpoint} ${due.line}`
const roomOf = (pace: Pace): number => (pace.failuresInARow >= failuresInARowMax ? 1 : openPerEndpointMax)

function paceOf(paces: Map<string, Pace>, due: Delivery, nowMs: number): Pace {
  const name = `${due.tenant} ${due.endpoint}`
  const pace = paces.get(name) ?? { open: 0, failuresInARow: 0, paceMs: 100, seenAt: nowMs }
  pace.seenAt = nowMs
  paces.set(name, pace)
  return pace
}

function forgetIdle(paces: Map<string, Pace>, nowMs: number): void {
  for (const [name, pace] of paces) if (pace.open === 0 && nowMs - pace.seenAt > putOffMaxMs) paces.delete(name)
}

/** Each by its place in its endpoint's queue. A refusal is fine: someone else has it. */
async function putOff(world: World, left: readonly Delivery[], paces: Map<string, Pace>): Promise<void> {
  const places = new Map<Pace, number>()
  const moves = left.flatMap(due => {
    const pace = paceOf(paces, due, world.now())
    const place = places.get(pace) ?? 0
    places.set(pace, place + 1)
    if (place < sparedFactor * roomOf(pace)) return []
    const waitMs = Math.ceil((place + 1) / roomOf(pace)) * pace.paceMs
    return move(deliveries, due, { due_at: world.now() + Math.round(Math.min(Math.max(waitMs, putOffMinMs), putOffMaxMs)) })
  })
  await Promise.all(moves.map(one => world.store.commit([one])))
}

/** What a ride's answer means for each commit in it: done, refused, or to travel again, and in what company. */
import type { DatabaseError } from 'pg'
import type { Boarding } from './ride-boarding.ts'
import type { Refusals, Ridden } from './ride-lane.ts'
import { type Committed, type RefusedWrite, Unavailable } from './store.ts'
import { blame, type Named } from './store-blame.ts'
import type { StoreShape } from './store-write.ts'

export type Waiting = {
  readonly boarding: Boarding
  readonly resolve: (committed: Committed) => void
  readonly reject: (error: unknown) => void
  /** Rides lost on the way, or ended by a deadlock. */
  tries: number
  /** Was refused once because of its company; the next time it travels alone. */
  crowdedOut: boolean
}
export type Again = {
  readonly together: readonly Waiting[]
  readonly apart: readonly Waiting[][]
  readonly pauseMs: number
}

const triesMax = 10
const nothing: Again = { together: [], apart: [], pauseMs: 0 }
const done: Committed = { ok: true }

/** Settles every commit whose fate is known and says how the others go on. */
export function decide(shape: StoreShape, ride: readonly Waiting[], ridden: Ridden): Again {
  switch (ridden.fate) {
    case 'landed':
      return landed(ride, ridden.refusals)
    case 'failed':
      return failed(shape, ride, ridden.error)
    case 'lost':
      return again(ride, 'the connection to the database was lost, and nothing was written')
    case 'unknown':
      for (const one of ride) one.reject(new Error('closed before it was known whether this was written', { cause: ridden.error }))
      return nothing
    default:
      return ridden satisfies never
  }
}

function landed(ride: readonly Waiting[], refusals: Refusals): Again {
  if (refusals.length === 0) {
    for (const one of ride) one.resolve(done)
    return nothing
  }
  const byCommit = new Map<number, Refusals>()
  for (const refusal of refusals) {
    const commit = refusal[0] >> 10
    byCommit.set(commit, [...(byCommit.get(commit) ?? []), refusal])
  }
  const together: Waiting[] = []
  const apart: Waiting[][] = []
  for (const [place, one] of ride.entries()) {
    const mine = byCommit.get(place)
    if (mine === undefined) one.resolve(done)
    else if (ride.length === 1 || mine.some(refusal => refusal[4])) one.resolve({ ok: false, refused: refusedOf(mine, ride.length === 1) })
    else if (one.crowdedOut) apart.push([one])
    else {
      one.crowdedOut = true
      together.push(one)
    }
  }
  return { together, apart, pauseMs: 0 }
}

/** Company's refusals count only where there was no company. */
function refusedOf(refusals: Refusals, alone: boolean): readonly RefusedWrite[] {
  const refused = new Map<string, RefusedWrite>()
  for (const [tag, table, constraint, kind, definite] of refusals) {
    if (definite || alone) refused.set(`${tag} ${constraint}`, { write: tag & 1023, table, constraint, kind })
  }
  return [...refused.values()].sort(inOrder)
}

export const inOrder = (one: RefusedWrite, other: RefusedWrite): number =>
  one.write - other.write || (one.constraint < other.constraint ? -1 : one.constraint > other.constraint ? 1 : 0)

function failed(shape: StoreShape, ride: readonly Waiting[], error: DatabaseError): Again {
  const code = error.code ?? ''
  // Deadlock, serialization, lock timeout; and a ride whose id was taken by whoever asked for its fate.
  if (['40P01', '40001', '55P03'].includes(code) || (code === '23505' && error.table === 'rides')) return again(ride, error.message)
  // The server's own troubles: out of resources, cancelled, read only, I/O. Nobody in this ride is guilty.
  if (/^(53|57|58|25)/.test(code)) return refuseService(ride, error)
  const [one] = ride
  if (one === undefined) return nothing
  if (ride.length > 1) {
    const half = ride.length >> 1
    return { together: [], apart: [ride.slice(0, half), ride.slice(half)], pauseMs: 0 }
  }
  const named = namedBy(error)
  const refused = named === undefined ? undefined : blame(shape, one.boarding.writes, named)
  if (refused === undefined) one.reject(new TypeError(`the database refused a commit: ${error.message}`, { cause: error }))
  else one.resolve({ ok: false, refused: [refused] })
  return nothing
}

const kinds: Readonly<Record<string, Named['kind']>> = { '23514': 'check', '23503': 'reference', '23505': 'exists' }

function namedBy({ code = '', table, constraint }: DatabaseError): Named | undefined {
  const kind = kinds[code]
  return kind === undefined || table === undefined || constraint === undefined ? undefined : { kind, table, constraint }
}

function refuseService(ride: readonly Waiting[], error: DatabaseError): Again {
  for (const one of ride) one.reject(new Unavailable(`the database cannot write now: ${error.message}`, { cause: error }))
  return nothing
}

function again(ride: readonly Waiting[], why: string): Again {
  const together: Waiting[] = []
  let most = 0
  for (const one of ride) {
    one.tries += 1
    most = Math.max(most, one.tries)
    if (one.tries > triesMax) one.reject(new Unavailable(why))
    else together.push(one)
  }
  // The first time at once; after that others get time to finish.
  return { together, apart: [], pauseMs: most > 1 ? 2 ** most : 0 }
}

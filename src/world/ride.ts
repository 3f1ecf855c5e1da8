/**
 * Where commits wait and rides are made up. While a ride is in flight the commits that arrive wait, then travel together. No timers:
 * what arrives in one turn of the event loop leaves in one ride.
 *
 * Rows held: within everything that is in flight a row is either changed by one commit, or expected, inserted or added to by any
 * number in that one way. The next waits. So the writes of a ride can be carried out verb by verb and still be the same as one commit
 * after the other.
 */
import type { Boarding } from './ride-boarding.ts'
import { decide, type Waiting } from './ride-fate.ts'
import type { Lane } from './ride-lane.ts'
import { type Committed, Unavailable } from './store.ts'
import type { Hold, StoreShape } from './store-write.ts'

export type StationInput = {
  readonly lanes: readonly Lane[]
  readonly shape: StoreShape
  /** Commits that may wait; beyond it `commit` throws `Unavailable`. */
  readonly waitingMax: number
  readonly sleep: (ms: number) => Promise<void>
  /** Told of every ride that came back. */
  readonly landed: () => void
}
export type Station = {
  commit(boarding: Boarding): Promise<Committed>
  /** Takes no more commits, waits for those it took (10 seconds at most), then closes the lanes. */
  close(): Promise<void>
}

/** Commits in a ride: a tag counts them in what is left beside the write. Larger rides gained nothing. */
const rideMax = 512
/** Characters of JSON in a ride, so that one ride is never minutes of work; a larger commit travels alone. */
const rideSizeMax = 4_000_000
/**
 * A second ride leaves beside the first only with so many. Measured with 64 callers on two cores, splitting at 16 cost 240 µs of
 * processor a bind (PostgreSQL's and ours) where one lane cost 170; with 256 callers two rides of a hundred each gain a fifth.
 */
const secondLaneMin = 64

const drainMs = 10_000
const drainStepMs = 5
const isBusy = (state: State): boolean => state.flying + state.waiting.length + state.apart.length > 0

type Held = { how: Hold; count: number }
type State = StationInput & {
  readonly held: Map<string, Held>
  readonly idle: Lane[]
  /** Groups that must travel by themselves: halves of a ride that failed, single commits. */
  readonly apart: Waiting[][]
  waiting: Waiting[]
  flying: number
  leaving: boolean
  closed: boolean
}

export function createStation(input: StationInput): Station {
  const state: State = {
    ...input,
    held: new Map(),
    idle: [...input.lanes],
    apart: [],
    waiting: [],
    flying: 0,
    leaving: false,
    closed: false,
  }
  const commit = (boarding: Boarding): Promise<Committed> =>
    new Promise((resolve, reject) => {
      if (state.closed) return reject(new Unavailable('the store is closed'))
      if (state.waiting.length >= state.waitingMax) return reject(new Unavailable('too many commits are waiting'))
      state.waiting.push({ boarding, resolve, reject, tries: 0, crowdedOut: false })
      leaveSoon(state)
    })
  const close = async (): Promise<void> => {
    state.closed = true
    for (let waitedMs = 0; isBusy(state) && waitedMs < drainMs; waitedMs += drainStepMs) await state.sleep(drainStepMs)
    const closing = state.lanes.map(lane => lane.close())
    for (const one of [...state.apart.flat(), ...state.waiting]) one.reject(new Unavailable('the store is closed'))
    state.apart.length = 0
    state.waiting = []
    await Promise.all(closing)
  }
  return { commit, close }
}

/** After everything that is ready in this turn of the event loop has been heard. */
function leaveSoon(state: State): void {
  if (state.leaving || state.idle.length === 0) return
  state.leaving = true
  setImmediate(() => {
    state.leaving = false
    leave(state)
  })
}

function leave(state: State): void {
  for (let lane = freeLane(state); lane !== undefined; lane = freeLane(state)) {
    const ride = takeApart(state) ?? takeWaiting(state)
    if (ride === undefined) return
    state.idle.splice(state.idle.indexOf(lane), 1)
    holdRows(state.held, ride)
    state.flying += 1
    fly(state, lane, ride)
  }
}

/** One that is connected. If none is and none is under way, any: its ride then finds out whether the database can be reached. */
function freeLane(state: State): Lane | undefined {
  const ready = state.idle.find(lane => lane.ready())
  if (ready === undefined) return state.flying === 0 ? state.idle[0] : undefined
  for (const lane of state.idle) if (!lane.ready()) lane.connect().catch(() => false)
  return ready
}

function takeApart(state: State): Waiting[] | undefined {
  const index = state.apart.findIndex(group => group.every(one => fits(state.held, one.boarding)))
  return index < 0 ? undefined : state.apart.splice(index, 1)[0]
}

/** Who goes next: in order of arrival, but for those whose rows are held. Idle lanes share, if there is enough to share. */
function takeWaiting(state: State): Waiting[] | undefined {
  const { waiting } = state
  if (waiting.length === 0 || (state.flying > 0 && waiting.length < secondLaneMin)) return undefined
  const share = state.lanes.length > 1 && waiting.length >= 2 * secondLaneMin ? Math.ceil(waiting.length / 2) : waiting.length
  const most = Math.min(share, rideMax)
  const ride: Waiting[] = []
  const stay: Waiting[] = []
  const holds = new Map<string, Hold>()
  let size = 0
  let next = 0
  for (; next < waiting.length && ride.length < most; next += 1) {
    const one = waiting[next]
    if (one === undefined || (ride.length > 0 && size + one.boarding.size > rideSizeMax)) break
    if (fits(state.held, one.boarding) && fitsRide(holds, one.boarding)) {
      ride.push(one)
      size += one.boarding.size
    } else stay.push(one)
  }
  state.waiting = stay.concat(waiting.slice(next))
  return ride.length === 0 ? undefined : ride
}

/** At most one commit of a ride may hold a row so. */
const isAlone = (how: Hold): boolean => how === 'change' || how === 'addAlone'

function fits(held: ReadonlyMap<string, Held>, boarding: Boarding): boolean {
  if (held.size === 0) return true
  for (const [row, how] of boarding.holds) {
    const other = held.get(row)
    if (other !== undefined && (other.how !== how || isAlone(how))) return false
  }
  return true
}

function fitsRide(holds: Map<string, Hold>, boarding: Boarding): boolean {
  for (const [row, how] of boarding.holds) {
    const other = holds.get(row)
    if (other !== undefined && (other !== how || isAlone(how))) return false
  }
  for (const [row, how] of boarding.holds) holds.set(row, how)
  return true
}

function holdRows(held: Map<string, Held>, ride: readonly Waiting[]): void {
  for (const { boarding } of ride) {
    for (const [row, how] of boarding.holds) {
      const other = held.get(row)
      if (other === undefined) held.set(row, { how, count: 1 })
      else other.count += 1
    }
  }
}

function releaseRows(held: Map<string, Held>, ride: readonly Waiting[]): void {
  for (const { boarding } of ride) {
    for (const row of boarding.holds.keys()) {
      const other = held.get(row)
      if (other !== undefined && other.count > 1) other.count -= 1
      else held.delete(row)
    }
  }
}

async function fly(state: State, lane: Lane, ride: readonly Waiting[]): Promise<void> {
  try {
    const reached = lane.ready() || (await lane.connect())
    const ridden = reached ? await lane.ride(payload(ride)) : undefined
    land(state, lane, ride)
    state.landed()
    // PostgreSQL works on the next ride while we answer this one; for fewer it is better to hear these callers out first.
    if (state.waiting.length * 2 >= ride.length) leave(state)
    if (ridden === undefined) return unreachable(state, ride)
    const again = decide(state.shape, ride, ridden)
    if (again.pauseMs > 0) await state.sleep(again.pauseMs)
    state.apart.push(...again.apart)
    if (again.together.length > 0) state.waiting = [...again.together, ...state.waiting]
  } catch (error) {
    land(state, lane, ride)
    for (const one of ride) one.reject(error)
  }
  leaveSoon(state)
}

/** The lane is free, and so are the rows. */
function land(state: State, lane: Lane, ride: readonly Waiting[]): void {
  if (state.flying === 0 || state.idle.includes(lane)) return
  state.flying -= 1
  state.idle.push(lane)
  releaseRows(state.held, ride)
}

function unreachable(state: State, ride: readonly Waiting[]): void {
  const all = [...ride, ...state.apart.flat(), ...state.waiting]
  state.apart.length = 0
  state.waiting = []
  for (const one of all) one.reject(new Unavailable('the database cannot be reached'))
}

/** `{"insert": {"bindings": [[tag, …], …]}}`: a tag is the commit's place in the ride × 1024 + the write's place in the commit. */
function payload(ride: readonly Waiting[]): string {
  const verbs = new Map<string, Map<string, string[]>>()
  for (const [place, { boarding }] of ride.entries()) {
    for (const { verb, table, write, text } of boarding.rows) {
      const tables = verbs.get(verb) ?? new Map<string, string[]>()
      verbs.set(verb, tables)
      const row = `[${place * 1024 + write}${text}`
      const rows = tables.get(table)
      if (rows === undefined) tables.set(table, [row])
      else rows.push(row)
    }
  }
  const ofVerb = (tables: Map<string, string[]>): string => [...tables].map(([name, rows]) => `"${name}":[${rows.join()}]`).join()
  return `{${[...verbs].map(([verb, tables]) => `"${verb}":{${ofVerb(tables)}}`).join()}}`
}

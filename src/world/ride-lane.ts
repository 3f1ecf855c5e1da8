/** One dedicated connection on which rides travel, and the way to find out what became of a ride whose answer was lost. */
import { randomBytes } from 'node:crypto'
import { Client, type ClientConfig, DatabaseError } from 'pg'
import { z } from 'zod'
import type { RideFunction } from './ride-sql.ts'

const refusalsShape = z
  .array(z.tuple([z.number(), z.string(), z.string(), z.enum(['exists', 'moved', 'missing', 'bound', 'check', 'reference']), z.boolean()]))
  .nullable()
/** Tag, table, constraint, kind, and whether it stands whatever else travels. */
export type Refusals = NonNullable<z.output<typeof refusalsShape>>

export type Ridden =
  | { readonly fate: 'landed'; readonly refusals: Refusals }
  /** The database refused: nothing was written. */
  | { readonly fate: 'failed'; readonly error: DatabaseError }
  /** The connection was lost on the way, and it is certain that nothing was written. */
  | { readonly fate: 'lost' }
  /** Closed while it was not known. */
  | { readonly fate: 'unknown'; readonly error: unknown }

export type Lane = {
  /** Whether a ride can leave now. */
  ready(): boolean
  /** Connects if it is not; resolves false if the database cannot be reached. */
  connect(): Promise<boolean>
  ride(writes: string): Promise<Ridden>
  close(): Promise<void>
}

export type LaneInput = {
  readonly connection: ClientConfig
  readonly rideFunction: RideFunction
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** A ride without an answer for so long is treated as lost. */
  readonly answerMs: number
}

// Plans are made once and kept: with single-use plans a lone ride costs twice as much. The next settings leave the planner no choice but
// to take each element, in the order of the ride's keys, and look its row up by index: a plan made while a table is small would read
// the whole table, and be kept.
export const laneSettings = `set plan_cache_mode = force_generic_plan;
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
set enable_material = off;
set enable_memoize = off;
set enable_bitmapscan = off;
set enable_indexonlyscan = off;
set jit = off;
set timezone = 'UTC';
set datestyle = 'ISO';
set idle_in_transaction_session_timeout = 0`

const connectMs = 10_000
/**
 * Rides of a lane after which its plans are made anew: those made while a table had no rows or one may take any index that has the
 * key somewhere, which a table that fills quickly would pay for until it is next analysed.
 */
const replanAt: ReadonlySet<number> = new Set([8, 64, 512, 4_096, 32_768])

export function createLane(input: LaneInput): Lane {
  let client: Client | undefined
  let connecting: Promise<boolean> | undefined
  let closed = false
  let pauseMs = 0
  let notBefore = 0
  let rides = 0
  const text = `select "${input.rideFunction.schema}"."${input.rideFunction.name}"($1, $2) as answer`

  const drop = (dead: Client): void => {
    if (client === dead) client = undefined
    dead.end().catch(() => undefined)
  }
  const open = async (): Promise<boolean> => {
    const fresh = await openClient(input.connection, drop)
    if (fresh === undefined) {
      pauseMs = Math.min(Math.max(pauseMs * 2, 50), 2_000)
      notBefore = performance.now() + pauseMs
      return false
    }
    pauseMs = 0
    rides = 0
    if (closed) drop(fresh)
    else client = fresh
    return !closed
  }
  const connect = (): Promise<boolean> => {
    if (client !== undefined) return Promise.resolve(true)
    // Down a moment ago: answered at once instead of storming a server that is coming up.
    if (performance.now() < notBefore || closed) return Promise.resolve(false)
    connecting ??= open().finally(() => {
      connecting = undefined
    })
    return connecting
  }
  const ride = async (writes: string): Promise<Ridden> => {
    const on = client
    if (on === undefined) return { fate: 'lost' }
    const id = rideId(input.now())
    let answer: unknown
    try {
      const result = await withDeadline(on, input.answerMs, on.query<{ answer: unknown }>({ name: 'ride', text, values: [id, writes] }))
      answer = result.rows[0]?.answer
      rides += 1
      if (replanAt.has(rides)) await on.query('discard plans').catch(() => undefined)
    } catch (error) {
      if (error instanceof DatabaseError && !endsSession(error)) return { fate: 'failed', error }
      drop(on)
      return await lookUp(input, id, () => closed)
    }
    return landed(answer)
  }
  const close = async (): Promise<void> => {
    closed = true
    const last = client
    client = undefined
    await last?.end()
  }
  return { ready: () => client !== undefined, connect, ride, close }
}

const landed = (answer: unknown): Ridden => ({ fate: 'landed', refusals: refusalsShape.parse(answer ?? null) ?? [] })

/** Undefined if the database cannot be reached. */
async function openClient(connection: ClientConfig, drop: (dead: Client) => void): Promise<Client | undefined> {
  const client = new Client({ connectionTimeoutMillis: connectMs, ...connection })
  client.on('error', () => drop(client))
  client.on('end', () => drop(client))
  try {
    await client.connect()
    await client.query(laneSettings)
    return client
  } catch (error) {
    client.end().catch(() => undefined)
    if (isUnreachable(error)) return undefined
    throw error
  }
}

/**
 * On a new connection, inserts the ride's id itself. This waits for a ride that is still under way. If the id is there, the ride
 * landed, and its answer stands beside it; if not, the ride never can land, for its own insert will fail.
 */
async function lookUp(input: LaneInput, id: string, closed: () => boolean): Promise<Ridden> {
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
    try {
      return await lookOnce(input, id)
    } catch (error) {
      if (closed() || !isUnreachable(error)) return { fate: 'unknown', error }
      await input.sleep(pauseMs)
    }
  }
}

async function lookOnce({ connection, rideFunction }: LaneInput, id: string): Promise<Ridden> {
  const rides = `"${rideFunction.schema}".rides`
  const client = new Client({ connectionTimeoutMillis: connectMs, ...connection })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const taken = await client.query(`insert into ${rides} (id, at) values ($1, clock_timestamp()) on conflict do nothing`, [id])
    if (taken.rowCount === 1) return { fate: 'lost' }
    const found = await client.query<{ answer: unknown }>(`select answer from ${rides} where id = $1`, [id])
    return landed(found.rows[0]?.answer)
  } finally {
    client.end().catch(() => undefined)
  }
}

/** Time-ordered, so the index of rides stays small and warm: 48 bits of milliseconds, 80 of chance. */
function rideId(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function withDeadline<T>(client: Client, ms: number, answer: Promise<T>): Promise<T> {
  const timer = setTimeout(() => client.connection.stream.destroy(new Error('no answer from the database')), ms)
  return answer.finally(() => clearTimeout(timer))
}

/** Class 08: connection. 57P01–57P05: the server ended the session, perhaps after it had committed. */
const endsSession = (error: DatabaseError): boolean =>
  error.severity === 'FATAL' || error.severity === 'PANIC' || /^(08|57P)/.test(error.code ?? '')

/** What may pass by itself. A wrong password, name or right is a mistake in the configuration. */
export function isUnreachable(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^(08|53|57)/.test(error.code ?? '')
}

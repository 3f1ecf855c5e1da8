/** The store on PostgreSQL: commits ride (ride.ts), reads go over a small pool of ordinary connections. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientBase, type ClientConfig, Pool } from 'pg'
import { createStation } from './ride.ts'
import { board } from './ride-boarding.ts'
import { createLane, type Lane, laneSettings } from './ride-lane.ts'
import { rideFunctionSql } from './ride-sql.ts'
import { type Store, Unavailable } from './store.ts'
import { layoutOf } from './store-layout.ts'
import { createReader } from './store-read.ts'
import type { StoreShape } from './store-write.ts'
import type { AnyTable } from './table.ts'

export type PostgresStoreInput = {
  readonly connection: ClientConfig
  readonly schema: string
  readonly tables: readonly AnyTable[]
  /** The table that `record` writes to. Without it this store records nothing. */
  readonly eventsTable?: string
  /** Rides in flight at the same time, each on a connection of its own. A second one pays from about 64 callers. */
  readonly lanes?: number
  /** Connections for reading. */
  readonly readers?: number
  /** Commits that may wait for a ride; beyond it they are refused as `Unavailable`. */
  readonly waitingMax?: number
  /** After so long without an answer a ride counts as lost and is looked up. */
  readonly answerMs?: number
  /** Unix milliseconds, for time-ordered ride ids. */
  readonly now?: () => number
}

export type PostgresStore = Store & {
  /** Connects ahead of the first commit. Throws `Unavailable`. */
  connect(): Promise<void>
  /** Forgets rides of more than an hour ago, at most 10,000 at a time; answers how many. The store does so itself now and then. */
  forgetRides(): Promise<number>
}

export function createPostgresStore(input: PostgresStoreInput): PostgresStore {
  const layout = layoutOf(input.tables)
  const rideFunction = rideFunctionSql(input.schema, input.tables)
  const events = input.eventsTable === undefined ? undefined : layout.byName.get(input.eventsTable)
  if (input.eventsTable !== undefined && events === undefined) throw new TypeError(`no table ${input.eventsTable} among the tables`)
  const shape: StoreShape = { layout, events }
  const lanes: Lane[] = Array.from({ length: input.lanes ?? 2 }, () =>
    createLane({
      connection: input.connection,
      rideFunction,
      now: input.now ?? Date.now,
      sleep: async ms => sleep(ms),
      answerMs: input.answerMs ?? 30_000,
    }),
  )
  const pool = readingPool(input)
  let landed = 0
  const station = createStation({
    shape,
    lanes,
    waitingMax: input.waitingMax ?? 10_000,
    sleep: async ms => sleep(ms),
    landed() {
      landed += 1
      // What cannot be forgotten now will be later.
      if (landed % ridesPerForgetting === 0) forgetRides(pool, input.schema).catch(() => 0)
    },
  })
  const reader = createReader(pool, input.schema, layout)
  let closing: Promise<unknown> | undefined
  return {
    ...reader,
    commit: async writes => (writes.length === 0 ? { ok: true } : await station.commit(board(shape, writes))),
    async connect() {
      const reached = await Promise.all(lanes.map(lane => lane.connect()))
      if (reached.includes(false)) throw new Unavailable('the database cannot be reached')
    },
    forgetRides: () => forgetRides(pool, input.schema),
    async close() {
      closing ??= Promise.all([station.close(), pool.end()])
      await closing
    },
  }
}

/** Forgetting may take twenty times as many at once, so it catches up after a pause. */
const ridesPerForgetting = 500

async function forgetRides(pool: Pool, schema: string): Promise<number> {
  const gone = await pool.query(
    `delete from "${schema}".rides
      where id in (
        select id
          from "${schema}".rides
         order by id
         limit 10000
      )
        and at < clock_timestamp() - interval '1 hour'`,
  )
  return gone.rowCount ?? 0
}

function readingPool(input: PostgresStoreInput): Pool {
  const onConnect = async (client: ClientBase): Promise<void> => {
    await client.query(laneSettings)
  }
  const pool = new Pool({ ...input.connection, max: input.readers ?? 4, onConnect })
  pool.on('error', () => undefined)
  return pool
}

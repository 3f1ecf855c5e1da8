/** `bindery verify`: every instrument and binding recomputed from its facts, on the database that `npm start` would use. It changes nothing. */
import { join } from 'node:path'
import { Client, type ClientConfig, Pool } from 'pg'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { auditAfter } from '../src/instruments/audit.ts'
import { type InstrumentKey, instrumentsAfter } from '../src/instruments/queries.ts'
import type { Difference } from '../src/instruments/verify.ts'
import { tables } from '../src/tables.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { prepareHome } from '../src/world/embedded-folder.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'

export type Reached = { readonly connection: ClientConfig; readonly close: () => Promise<unknown> }
export type Total = { readonly instruments: number; readonly bindings: number; readonly differences: number }

/** Prints each difference and then how many there are. The exit code: 1 if there are any. */
export async function verify({ json }: { readonly json: boolean }, print: (line: string) => void): Promise<number> {
  const reached = await reachDatabase()
  try {
    const total = await verifyAll(reached.connection, one => print(json ? JSON.stringify(one) : sentence(one)))
    print(json ? JSON.stringify(total) : `${total.instruments} instruments, ${total.bindings} bindings, ${total.differences} differences`)
    return total.differences === 0 ? 0 : 1
  } finally {
    await reached.close()
  }
}

const sentence = ({ of, column, stored, right }: Difference): string =>
  `${of}: ${column} is ${JSON.stringify(stored)}, by its facts ${JSON.stringify(right)}`

/** Reads as the role that may only read. */
export async function verifyAll(connection: ClientConfig, tell: (difference: Difference) => void): Promise<Total> {
  const reading = asRole(connection, roles.watcher)
  const store = createPostgresStore({ connection: reading, schema: 'bindery', tables, eventsTable: 'events' })
  const pool = new Pool({ ...reading, options: `${reading.options ?? ''} -c search_path=bindery`, max: 1 })
  try {
    const total = { instruments: 0, bindings: 0, differences: 0 }
    let place: InstrumentKey | undefined
    do {
      const page = await auditAfter({ store }, (after, limit) => instrumentsAfter(pool, after, limit), place)
      for (const one of page.differences) tell(one)
      total.instruments += page.instruments
      total.bindings += page.bindings
      total.differences += page.differences.length
      place = page.next
    } while (place !== undefined)
    return total
  } finally {
    await Promise.all([pool.end(), store.close()])
  }
}

/** The database that `npm start` would use. */
export async function reachDatabase(): Promise<Reached> {
  const { databaseUrl, dataFolder, archiveFolder } = loadConfig([...channels.values()])
  if (databaseUrl === undefined) return reachEmbedded(dataFolder, archiveFolder)
  return { connection: { connectionString: databaseUrl.reveal() }, close: async () => {} }
}

/** The embedded server: the one that runs, if there is one, else started for as long as this takes. */
async function reachEmbedded(dataFolder: string, archiveFolder: string | undefined): Promise<Reached> {
  const folder = join(dataFolder, 'database')
  const connection = { host: prepareHome(folder).socketFolder, port: 5432, user: 'bindery', database: 'bindery' }
  if (await answers(connection)) return { connection, close: async () => {} }
  const server = await startEmbedded({ dataFolder: folder, archiveFolder })
  return { connection: server.connection, close: () => server.stop() }
}

async function answers(connection: ClientConfig): Promise<boolean> {
  const client = new Client(connection)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

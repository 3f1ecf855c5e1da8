/**
 * The questions that a running installation asks of its tables, asked of what a simulated history left behind: so that they are held against
 * histories that nobody thought of, and none of them cries out over something that is as it should be.
 */
import { Client } from 'pg'
import { given } from '../src/invariants/given.ts'
import { invariants } from '../src/invariants/list.ts'
import { tables } from '../src/tables.ts'
import { vaultInvariants } from '../src/vault/queries-invariants.ts'
import { vaultTables } from '../src/vault/tables.ts'
import { bookPool, type Checked, check } from '../src/world/ask.ts'
import type { Given, Invariant } from '../src/world/invariant.ts'
import { testDatabase } from '../src/world/testing.ts'
import { copyRows } from '../src/world/testing-copy.ts'
import { customersPerInstrument, type Simulated } from './world.ts'

export type Production = {
  /** What is found in the rows of a finished run. */
  ask(simulated: Simulated): Promise<readonly string[]>
  /** One question about the rows as they are by now. */
  askOne(invariant: Invariant): Promise<Checked>
  /** To the database in which they are, as its owner. */
  readonly client: Pick<Client, 'query'>
  close(): Promise<void>
}

export const everything: readonly Invariant[] = [...invariants, ...vaultInvariants]

/** The worker of the simulation looks once an hour when all is quiet. */
const lateMs = 2 * 3_600_000

export async function createProduction(): Promise<Production> {
  const database = await testDatabase({ on: 'embedded' })
  const client = new Client(database.connection)
  await client.connect()
  const books = { bindery: bookPool(database.connection, 'bindery'), vault: bookPool(database.connection, 'vault') }
  let at: Given = given({ now: 0, customersMax: customersPerInstrument })
  const askOne = (one: Invariant): Promise<Checked> => check(books[one.book], one, at)
  return {
    client,
    askOne,
    async ask(simulated) {
      await copyRows(client, 'bindery', tables, table => simulated.all(table))
      await copyRows(client, 'vault', vaultTables, table => simulated.sealed.rows(table))
      const known = given({ now: simulated.scheduler.now(), customersMax: customersPerInstrument })
      at = { ...known, lateMs, skewMs: known.skewMs + simulated.clock.errorMs() }
      const found: string[] = []
      for (const one of everything) {
        const { findings, unfinished, found: count } = await askOne(one)
        if (unfinished !== undefined) found.push(`${one.id} ${one.name} could not be asked: ${unfinished}`)
        for (const { subject, shown } of findings)
          found.push(`${one.id} ${one.name} (1 of ${count}): ${subject} ${JSON.stringify(shown)}. Never: ${one.never}`)
      }
      return found
    },
    async close() {
      await Promise.all([client.end(), books.bindery.end(), books.vault.end()])
      await database.close()
    },
  }
}

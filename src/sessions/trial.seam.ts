/** For tests: binding over PostgreSQL, with the channels' simulators and the vault in memory, and browsers that have a session's secret. */
import { after } from 'node:test'
import { Pool } from 'pg'
import type { Channel, ChannelName } from '../channels/channel.ts'
import { createEventQueries } from '../events/queries.ts'
import { type Trial, trial } from '../instruments/trial.seam.ts'
import { tables } from '../tables.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'

export type Stored = Trial & {
  /** Everything that is kept, as text. */
  dump(): Promise<string>
}

export async function trialOnPostgres(of: readonly (ChannelName | Channel)[]): Promise<Stored> {
  const database = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
  const store = createPostgresStore({ connection: database.connection, schema: 'bindery', tables, eventsTable: 'events' })
  const reader = new Pool({ ...database.connection, options: '-c search_path=bindery', max: 2 })
  const on = await trial(of, { store, queries: createEventQueries(reader), reader })
  after(async () => {
    await reader.end()
    await store.close()
    await database.close()
  })
  const dump = async (): Promise<string> => {
    const parts = await Promise.all(tables.map(({ name }) => reader.query(`select to_jsonb(t) as row from bindery.${name} t`)))
    return parts.map(one => JSON.stringify(one.rows)).join('\n')
  }
  return { ...on, dump }
}

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }
export type Browser = {
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

/** One device with a session's secret, or somebody who says so. */
export const browser = (on: Pick<Trial, 'address'>, secret: string, page: Readonly<Record<string, string>> = {}): Browser => ({
  call: async (method, path, body, headers = {}) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(`${on.address}${path}`, {
      method,
      redirect: 'manual',
      headers: { authorization: `Bearer ${secret}`, ...type, ...page, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : { text } }
  },
})

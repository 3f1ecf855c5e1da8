/**
 * Reading for one tenant: each question says whose rows it may see, and the database holds it to that (row-security.ts). A question that
 * forgets its `where tenant = …` answers with rows of that tenant or none, never with another's.
 */
import { type ClientConfig, escapeLiteral, Pool, type QueryResultRow } from 'pg'
import { asRole, roles } from './migrate.ts'
import type { Log } from './world.ts'

export type TenantQuestion = { readonly tenant: string; readonly name?: string; readonly text: string; readonly values: unknown[] }
export type TenantReader = {
  query<R extends QueryResultRow>(asked: TenantQuestion): Promise<{ readonly rows: readonly R[] }>
}

/** What says for the rest of a transaction whose rows may be seen. */
export const asTenant = (tenant: string): string => `set local bindery.tenant = ${escapeLiteral(tenant)}`

/** `pool`: connections of the role `bindery_reader`. The tenant is set for one transaction only: no connection remembers it. */
export const createTenantReader = (pool: Pick<Pool, 'connect'>): TenantReader => ({
  query: async <R extends QueryResultRow>({ tenant, ...question }: TenantQuestion) => {
    const client = await pool.connect()
    try {
      await client.query(`begin read only; ${asTenant(tenant)}`)
      const { rows } = await client.query<R>(question)
      await client.query('commit')
      client.release()
      return { rows }
    } catch (error) {
      client.release(true)
      throw error
    }
  },
})

export type Readers = {
  /** Of one tenant at a time. */
  readonly own: Pool
  /** Of everybody's rows: what is due, what is to be verified. */
  readonly all: Pool
  close(): Promise<void>
}

const connectionsMax = 4

/** Plain queries name tables without their schema. */
export function createReaders(connection: ClientConfig, log: Pick<Log, 'warn'>): Readers {
  const poolOf = (role: 'reader' | 'watcher'): Pool => {
    const { options = '', ...rest } = asRole(connection, roles[role])
    const pool = new Pool({ ...rest, options: `${options} -c search_path=bindery`, max: connectionsMax })
    pool.on('error', error => log.warn('a reading connection broke', { error: error.message }))
    return pool
  }
  const [own, all] = [poolOf('reader'), poolOf('watcher')]
  return { own, all, close: async () => void (await Promise.all([own.end(), all.end()])) }
}

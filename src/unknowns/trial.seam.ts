/** For tests: binding over PostgreSQL, lists read by the role that sees one tenant's rows, and a channel that answers what the test wants. */
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { Pool } from 'pg'
import type { BindOutcome, Bound, Channel, LookUpOutcome, RevokeOutcome, Told } from '../channels/channel.ts'
import { createEventQueries } from '../events/queries.ts'
import { type OperationRow, operations } from '../instruments/tables.ts'
import { day, scripted, type Trial, trial, visa } from '../instruments/trial.seam.ts'
import { tables } from '../tables.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { createTenantReader } from '../world/tenant-reader.ts'
import { testDatabase } from '../world/testing.ts'

export type Says = { bind: () => BindOutcome; lookUp: () => LookUpOutcome; revoke: () => RevokeOutcome }
export type Line = Readonly<Record<string, unknown>> & { readonly id: string; readonly kind: string; readonly cause: string }
export type Doubtful = Trial & {
  /** What the channel answers; changed by the test. */
  readonly says: Says
  /** How often it was asked. */
  readonly asked: { bind: number; lookUp: number; revoke: number }
  /** Of everybody's rows. */
  readonly pool: Pool
  list(query?: string): Promise<readonly Line[]>
  operation(id: string): Promise<OperationRow>
  /** A bind whose answer never came, and which the worker has given up looking for: the operation. */
  parked(body?: Readonly<Record<string, unknown>>): Promise<{ readonly instrument: string; readonly operation: string }>
}

export const lost = { kind: 'uncertain', cause: 'no answer' } as const
export const bound = (token: string): Bound => ({ kind: 'bound', token, references: {} })
export const told = (event: string, news: Told['news'], more: Partial<Told> = {}): Told => ({
  ...{ event, type: news?.kind ?? '', names: [] },
  ...(news === undefined ? {} : { news }),
  ...more,
})

export async function doubtful(more: Partial<Channel> = {}): Promise<Doubtful> {
  const says: Says = { bind: () => lost, lookUp: () => lost, revoke: () => ({ kind: 'revoked' }) }
  const asked = { bind: 0, lookUp: 0, revoke: 0 }
  const counted = <T>(what: keyof typeof asked, answer: () => T) => {
    asked[what] += 1
    return answer()
  }
  const one = scripted('one', {
    repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 3 } },
    bind: async () => counted('bind', says.bind),
    lookUp: async () => counted('lookUp', says.lookUp),
    revoke: async () => counted('revoke', says.revoke),
    ...more,
  })
  const database = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
  const connection = asRole(database.connection, roles.rider)
  const store = createPostgresStore({ connection, schema: 'bindery', tables, eventsTable: 'events' })
  const poolOf = (role: (typeof roles)[keyof typeof roles]) => {
    const { options = '', ...rest } = asRole(database.connection, role)
    const pool = new Pool({ ...rest, options: `${options} -c search_path=bindery`, max: 2 })
    // A connection that is ending when its database goes says so.
    pool.on('error', () => {})
    return pool
  }
  const [own, all] = [poolOf(roles.reader), poolOf(roles.watcher)]
  const on = await trial([one], { store, queries: createEventQueries(all), reader: createTenantReader(own) })
  after(async () => {
    await Promise.all([own.end(), all.end()])
    await store.close()
    await database.close()
  })
  const list: Doubtful['list'] = async (query = '') => {
    const { status, body } = await on.call('GET', `/v1/unknowns${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    const lines: readonly Line[] = JSON.parse(JSON.stringify(body.data))
    return lines
  }
  const parked: Doubtful['parked'] = async body => {
    says.bind = () => lost
    const { id: instrument } = await on.bind(body ?? { card: { capture: await on.capture(visa) } })
    for (let days = 0; days < 4; days += 1) {
      on.advance(day)
      await on.work()
    }
    const line = (await list('?kind=parked&limit=100')).find(found => found.instrument === instrument)
    return { instrument, operation: line?.id ?? assert.fail(`not parked: ${instrument}`) }
  }
  const operation = async (id: string) => (await on.world.store.get(operations, { id })) ?? assert.fail(`no operation ${id}`)
  return { ...on, says, asked, pool: all, list, operation, parked }
}

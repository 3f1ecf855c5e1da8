/** For tests and benchmarks: a deployment's own database, and the two channels whose tokens are moved. */
import { randomBytes } from 'node:crypto'
import { type ClientConfig, Pool } from 'pg'
import type { ChannelAccount } from '../channels/channel.ts'
import { createTenant } from '../http/auth.ts'
import { type TrialWorld, trialWorldOver } from '../http/trial.seam.ts'
import { scripted } from '../instruments/trial.seam.ts'
import { tables } from '../tables.ts'
import { createPostgresStore, type PostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { testDatabase } from '../world/testing.ts'
import { importsDue } from './carry.ts'
import { createExport, exportsDue, readExport } from './export.ts'
import { createImport, type NewImport, readImport, receivePart, startImport } from './import.ts'
import { unpack } from './pack.ts'
import { createSnapshots } from './queries.ts'
import { reportPieces } from './report.ts'
import { type ExportRow, exportParts, type Format, type ImportRow } from './tables.ts'

export type Deployment = {
  readonly world: TrialWorld<PostgresStore>
  readonly tenant: string
  readonly pool: Pool
  readonly connection: ClientConfig
  importParts(parts: Iterable<Buffer>, more?: Partial<NewImport>): Promise<ImportRow>
  /** Until it is done, with as many workers. */
  finish(row: ImportRow, workers?: number): Promise<ImportRow>
  report(row: ImportRow): Promise<readonly Readonly<Record<string, unknown>>[]>
  export(format?: Format): Promise<{ readonly row: ExportRow; readonly parts: readonly string[] }>
  close(): Promise<void>
}

const account: ChannelAccount = { address: 'https://aa.sim', secrets: {}, settings: {}, webhookSecrets: [] }

/** A world over that database, with the two channels. */
export function worldOn(connection: ClientConfig): { readonly world: TrialWorld<PostgresStore>; readonly store: PostgresStore } {
  const store = createPostgresStore({ connection, schema: 'bindery', tables, eventsTable: 'events' })
  const world = Object.assign(trialWorldOver(store), {
    channels: new Map(['aa', 'bb'].map(name => [name, scripted(name, {})])),
    account: () => account,
    random: randomBytes,
    sleep: () => new Promise<void>(resolve => setImmediate(resolve)),
  })
  return { world, store }
}

export async function deployment(): Promise<Deployment> {
  const { connection, close } = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
  const pool = new Pool({ ...connection, options: '-c search_path=bindery', max: 4 })
  const { world, store } = worldOn(connection)
  const tenant = await createTenant(world, { name: 'Mover' })
  const owner = { tenant, mode: 'test' } as const
  const finish: Deployment['finish'] = async (row, workers = 1) => {
    for (;;) {
      const now = await readImport(world, { ...owner, id: row.id })
      if (now.status !== 'running') return now
      world.advance(1)
      await Promise.all(Array.from({ length: workers }, () => importsDue(world, 8)))
    }
  }
  return {
    world,
    tenant,
    pool,
    connection,
    finish,
    importParts: async (parts, more = {}) => {
      const input = {
        format: 'csv',
        encoding: 'utf-8',
        mapping: {},
        channel: 'aa',
        sourceName: 'old',
        dryRun: false,
        notices: 'each',
      } as const
      const { id } = await createImport(world, { ...owner, ...input, ...more })
      let number = 0
      for (const body of parts) {
        number += 1
        await receivePart(world, await readImport(world, { ...owner, id }), { number, body, digestHeader: undefined })
      }
      return startImport(world, await readImport(world, { ...owner, id }))
    },
    report: async row => {
      let text = ''
      for await (const piece of reportPieces(world, row, { format: 'jsonl', outcome: undefined })) text += piece
      return text
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line))
    },
    export: async (format = 'jsonl') => {
      const made = await createExport(world, { ...owner, format })
      await exportsDue(world, createSnapshots(pool))
      const row = await readExport(world, made)
      const parts: string[] = []
      for (let number = 1; number <= row.parts; number += 1) {
        const part = await store.get(exportParts, { export: row.id, attempt: row.attempt, number, tenant })
        parts.push(part === undefined ? '' : await unpack(part.content))
      }
      return { row, parts }
    },
    close: async () => {
      await pool.end()
      await store.close()
      await close()
    },
  }
}

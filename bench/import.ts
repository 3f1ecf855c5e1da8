/**
 * Rows an import takes a second, on one PostgreSQL with fsync on, and how that grows: files of rising size into the same deployment, one after
 * the other. Every row is a customer, an instrument, a binding, a fact, two names, an identity and an event. `received`: reading, checking and
 * keeping the parts; `taken`: what the worker does. Memory is this process's, which is server and worker at once.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTenant } from '../src/http/auth.ts'
import { trialWorldOver } from '../src/http/trial.seam.ts'
import { scripted } from '../src/instruments/trial.seam.ts'
import { importsDue } from '../src/moving/carry.ts'
import { createImport, readImport, receivePart, startImport } from '../src/moving/import.ts'
import { splitFile } from '../src/moving/split.ts'
import { tables } from '../src/tables.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { liveClock } from '../src/world/live.ts'
import { migrate } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import { rideFunctionSql } from '../src/world/ride-sql.ts'

export type ImportLine = {
  readonly rows: number
  readonly received_per_second: number
  readonly taken_per_second: number
  readonly rss_mb: number
}
export type ImportBench = {
  readonly bench: 'import'
  readonly sizes: readonly ImportLine[]
  readonly slowdown: number
  readonly rss_growth: number
}

export async function benchImport(of: { readonly sizes: readonly number[]; readonly say: (line: string) => void }): Promise<ImportBench> {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-'))
  // As root the database runs as somebody else, who must be able to pass through.
  chmodSync(folder, 0o711)
  const server = await startEmbedded({ dataFolder: join(folder, 'database') })
  try {
    await migrate({ connection: server.connection, extraSql: [rideFunctionSql('bindery', tables).sql] })
    const store = createPostgresStore({ connection: server.connection, schema: 'bindery', tables, eventsTable: 'events' })
    const account = { address: 'https://old.sim', secrets: {}, settings: {}, webhookSecrets: [] }
    const world = Object.assign(trialWorldOver(store), liveClock(), {
      channels: new Map([['old', scripted('old', {})]]),
      account: () => account,
    })
    const owner = { tenant: await createTenant(world, { name: 'Bench' }), mode: 'test' as const }
    const lines: ImportLine[] = []
    for (const [run, rows] of of.sizes.entries()) {
      const line = await once(world, owner, run, rows)
      of.say(JSON.stringify(line))
      lines.push(line)
    }
    await store.close()
    const [first, last] = [lines[0], lines.at(-1)]
    return {
      bench: 'import',
      sizes: lines,
      slowdown: round((first?.taken_per_second ?? 0) / (last?.taken_per_second ?? 1)),
      rss_growth: round((last?.rss_mb ?? 0) / (first?.rss_mb ?? 1)),
    }
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const round = (value: number): number => Math.round(value * 100) / 100

async function once(
  world: Parameters<typeof createImport>[0],
  owner: { readonly tenant: string; readonly mode: 'test' },
  run: number,
  rows: number,
): Promise<ImportLine> {
  const settings = {
    format: 'csv',
    encoding: 'utf-8',
    mapping: {},
    channel: 'old',
    sourceName: 'bench',
    dryRun: false,
    notices: 'each',
  } as const
  const { id } = await createImport(world, { ...owner, ...settings })
  const peak = { rss: 0 }
  const watch = setInterval(() => {
    peak.rss = Math.max(peak.rss, process.memoryUsage.rss())
  }, 100)
  const began = performance.now()
  let number = 0
  for await (const body of splitFile(chunks(run, rows), 'csv')) {
    number += 1
    await receivePart(world, await readImport(world, { ...owner, id }), { number, body, digestHeader: undefined })
  }
  const received = performance.now()
  let row = await startImport(world, await readImport(world, { ...owner, id }))
  for (; row.status === 'running'; row = await readImport(world, { ...owner, id })) await importsDue(world, 1)
  clearInterval(watch)
  if (row.tally.imported !== rows) throw new Error(`of ${rows} rows ${row.tally.imported} were imported: ${JSON.stringify(row.tally)}`)
  const perSecond = (ms: number): number => Math.round((rows * 1_000) / ms)
  return {
    rows,
    received_per_second: perSecond(received - began),
    taken_per_second: perSecond(performance.now() - received),
    rss_mb: Math.round(peak.rss / 1_048_576),
  }
}

/** A customer has two cards; every tenth card is one that another customer has too. */
async function* chunks(run: number, rows: number): AsyncGenerator<Buffer> {
  yield Buffer.from('customer,token,brand,last4,expiry,fingerprint,references.setup_intent,network_transaction_id,created_at\n')
  for (let at = 0; at < rows; ) {
    let text = ''
    for (const end = Math.min(rows, at + 1_000); at < end; at += 1)
      text += `run${run}-customer-${at >> 1},pm_${run}_${at}_abcdefghijkl,visa,${String(at % 10_000).padStart(4, '0')},12/${29 + (at % 3)},fp_${run}_${at % 10 === 0 ? at % 1_000 : `x${at}`},seti_${run}_${at},MCC${at % 1_000}A1B2,2025-03-04\n`
    yield Buffer.from(text)
  }
}

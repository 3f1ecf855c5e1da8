/**
 * How the cost of a bind, a look-up, a webhook and the daily sweep of what falls due grows with the number of instruments: the same code on two
 * databases of one server, one with a few instruments and one with many, measured in turns. One caller at a time, so that nothing waits for
 * anybody but the database.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import { startEmbedded } from '../src/world/embedded.ts'
import { type Child, startChild } from './child.ts'
import { median } from './measure.ts'

export const scaleKinds = ['bind', 'look_up', 'webhook', 'sweep'] as const
export type ScaleKind = (typeof scaleKinds)[number]
export type ScaleOptions = {
  readonly few: number
  readonly many: number
  readonly rounds: number
  /** Of each kind, in each round. */
  readonly count: number
  readonly say: (line: string) => void
}
export type ScaleLine = {
  readonly bench: 'scale'
  readonly few: number
  readonly many: number
  /** Milliseconds of one, the median of the rounds' medians, with few and with many; and the one over the other. */
  readonly ms: Readonly<Record<ScaleKind, readonly [number, number]>>
  readonly growth: Readonly<Record<ScaleKind, number>>
  readonly database_mb: number
}

const settings = { checkpoint_timeout: '1h', max_wal_size: '16GB', shared_buffers: '1GB', maintenance_work_mem: '512MB' }
const times = z.array(z.number())

export async function benchScale(options: ScaleOptions): Promise<ScaleLine> {
  const closing: (() => unknown)[] = []
  try {
    const folder = mkdtempSync(join(tmpdir(), 'bindery-scale-'))
    chmodSync(folder, 0o711)
    closing.unshift(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const database = await startEmbedded({ dataFolder: join(folder, 'database'), settings })
    closing.unshift(() => database.stop())
    const { host = '', user = '' } = database.connection
    const control = new pg.Client({ ...database.connection, database: 'postgres' })
    await control.connect()
    closing.unshift(() => control.end())
    const open = async (name: 'few' | 'many'): Promise<Child> => {
      await control.query(`create database ${name}`)
      mkdirSync(join(folder, name))
      const databaseUrl = `postgres://${user}@localhost/${name}?host=${encodeURIComponent(host)}`
      const child = await startChild('scale-server.ts', { databaseUrl, folder: join(folder, name) })
      closing.unshift(() => child.stop())
      options.say(`filling with ${options[name].toLocaleString('en')} instruments`)
      await child.ask({ do: 'fill', count: options[name] })
      return child
    }
    const sizes = { few: await open('few'), many: await open('many') }
    const { rows } = await control.query<{ mb: number }>(`select (pg_database_size('many') / 1048576)::int as mb`)
    return { ...(await measure(sizes, options)), database_mb: rows[0]?.mb ?? 0 }
  } finally {
    for (const close of closing) await close()
  }
}

async function measure(sizes: Readonly<Record<'few' | 'many', Child>>, options: ScaleOptions): Promise<Omit<ScaleLine, 'database_mb'>> {
  const found: Record<ScaleKind, { few: number[]; many: number[] }> = {
    bind: { few: [], many: [] },
    look_up: { few: [], many: [] },
    webhook: { few: [], many: [] },
    sweep: { few: [], many: [] },
  }
  for (let round = -1; round < options.rounds; round += 1)
    // The first round warms up; then each size goes first in turn.
    for (const kind of scaleKinds)
      for (const size of round % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const)) {
        const took = median(times.parse(await sizes[size].ask({ do: kind, count: options.count })))
        if (round >= 0) found[kind][size].push(took)
      }
  const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
  const each = <T>(of: (kind: ScaleKind) => T): Record<ScaleKind, T> => ({
    bind: of('bind'),
    look_up: of('look_up'),
    webhook: of('webhook'),
    sweep: of('sweep'),
  })
  for (const kind of scaleKinds)
    options.say(
      `${kind}: few ${found[kind].few.map(one => one.toFixed(2)).join(' ')} · many ${found[kind].many.map(one => one.toFixed(2)).join(' ')} ms`,
    )
  return {
    bench: 'scale',
    few: options.few,
    many: options.many,
    ms: each(kind => [rounded(median(found[kind].few), 3), rounded(median(found[kind].many), 3)] as const),
    growth: each(kind => rounded(median(found[kind].many) / median(found[kind].few), 2)),
  }
}

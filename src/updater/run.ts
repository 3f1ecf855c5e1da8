/**
 * A run: a file of inquiries goes out, a file of results comes in, and each instrument is told what its updater advises. Every step is durable
 * before the next: the lines before the file is written, the file before it leaves, the results before anybody is told, the cursor as they are.
 */

import { fieldProblem, Problem } from '../core/problem.ts'
import { fileLinesMax } from '../core/updater-file.ts'
import { customerNow } from '../instruments/customer.ts'
import { expiryOf } from '../instruments/expiry.ts'
import { leaseMs } from '../instruments/operation.ts'
import { type InstrumentRow, instruments } from '../instruments/tables.ts'
import { add, insert, moveTo, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { nextAskAt, policyOf, type Verdict, verdict } from './policy.ts'
import {
  type UpdaterLineRow,
  type UpdaterRunRow,
  type UpdateScheduleRow,
  updaterCounts,
  updaterLines,
  updaterRuns,
  updateSchedules,
} from './tables.ts'

export type Left = { readonly instrument: string; readonly because: string }
export type Begun = { readonly run: UpdaterRunRow; readonly left: readonly Left[] }
type Owner = { readonly tenant: string; readonly mode: Mode }
/** `now`: by its customer's clock. */
type Candidate = { readonly instrument: InstrumentRow; readonly schedule: UpdateScheduleRow | undefined; readonly now: number }

/** Of those that are named, or of those whose time has come. Throws `unprocessable` where nothing is to be asked. */
export async function beginRun(
  world: World,
  of: Owner & { readonly instruments: readonly string[] | undefined; readonly how: 'batch' | 'online'; readonly request: string | null },
): Promise<Begun> {
  const updater = of.mode === 'test' ? world.network?.name : world.settings.liveUpdater
  if (updater === undefined) throw new Problem('unprocessable', 'no account updater is set up for this mode')
  if (of.how === 'online' && of.mode === 'live') throw new Problem('unprocessable', `${updater} is asked in files only`)
  const found = await candidatesOf(world, of)
  const judged = found.map(one => ({ ...one, said: judge(world, one, of.how) }))
  const asked = judged.filter(one => one.said.ask)
  const left = judged.flatMap(({ instrument, said }) => (said.ask ? [] : [{ instrument: instrument.id, because: said.because }]))
  if (asked.length === 0) {
    const [first] = left
    const why = first === undefined ? 'no instrument is due' : `it ${first.because}`
    throw of.instruments === undefined ? new Problem('unprocessable', why) : fieldProblem('/instruments', why, 'unprocessable')
  }
  const now = world.now()
  const run: UpdaterRunRow = {
    tenant: of.tenant,
    id: nextId(world, 'run', of.tenant),
    mode: of.mode,
    updater,
    kind: of.how,
    status: 'writing',
    lines: asked.length,
    told: 0,
    inquiries: null,
    results: null,
    cause: null,
    tries: 1,
    request: of.request,
    created_at: now,
    updated_at: now,
    due_at: now + leaseMs,
    clock: null,
    version: 1,
  }
  const lines = asked.map(({ instrument }, index) => lineOf(run, instrument, index + 1))
  const writes: Write[] = [
    insert(updaterRuns, run),
    ...lines.map(one => insert(updaterLines, one)),
    ...asked.map(one => askedNow(world, one)),
    counting(run, 'inquiry', asked.length),
  ]
  const result = await world.store.commit(writes)
  if (!result.ok) throw new Problem('conflict', 'one of the instruments is being asked about already')
  return { run: await writeFile(world, run), left }
}

async function candidatesOf(
  world: World,
  of: Owner & { readonly instruments: readonly string[] | undefined },
): Promise<readonly Candidate[]> {
  const queued =
    of.instruments === undefined ? await world.store.find(updateSchedules, { queue: `${of.tenant}/${of.mode}` }, fileLinesMax) : []
  const ids = of.instruments ?? queued.map(one => one.instrument)
  const rows = await Promise.all(
    ids.map(async (id, index): Promise<Candidate[]> => {
      const [instrument, schedule] = await Promise.all([
        world.store.get(instruments, { tenant: of.tenant, id }),
        world.store.get(updateSchedules, { tenant: of.tenant, instrument: id }),
      ])
      if (instrument !== undefined && instrument.mode === of.mode)
        return [{ instrument, schedule, now: await customerNow(world, instrument) }]
      if (of.instruments === undefined) return []
      throw fieldProblem(`/instruments/${index}`, 'is not an instrument of yours', 'unprocessable')
    }),
  )
  return rows.flat()
}

const judge = (world: World, { instrument, schedule, now }: Candidate, how: 'batch' | 'online'): Verdict =>
  verdict({ instrument, schedule, how, policy: policyOf(world.settings, schedule) }, now)

const lineOf = (run: UpdaterRunRow, instrument: InstrumentRow, line: number): UpdaterLineRow => ({
  tenant: run.tenant,
  run: run.id,
  line,
  instrument: instrument.id,
  card_version: instrument.card_version,
  about: expiryOf(instrument.display) ?? null,
  next_version: null,
  advice: null,
  told_at: null,
  version: 1,
})

/** That it was asked about, before it is: whoever makes a run at the same time is refused by this row. */
function askedNow(world: World, { instrument, schedule, now }: Candidate): Write {
  const due_at = nextAskAt(policyOf(world.settings, schedule), now)
  if (schedule !== undefined)
    return moveTo(updateSchedules, schedule, { ...schedule, asked_at: now, inquiries: schedule.inquiries + 1, queue: null, due_at })
  return insert(updateSchedules, { ...newSchedule(instrument), asked_at: now, inquiries: 1, due_at })
}

export const newSchedule = (instrument: InstrumentRow): UpdateScheduleRow => ({
  tenant: instrument.tenant,
  instrument: instrument.id,
  mode: instrument.mode,
  policy: null,
  days_min: null,
  asked_at: null,
  inquiries: 0,
  queue: null,
  due_at: null,
  clock: instrument.clock,
  version: 1,
})

/** Counted in the commit that makes it so, hence once. */
export function counting(run: UpdaterRunRow, what: UpdaterLineRow['advice'] | 'inquiry', number: number): Write {
  const month = new Date(run.created_at).toISOString().slice(0, 7)
  return add(
    updaterCounts,
    { tenant: run.tenant, mode: run.mode, updater: run.updater, month, what: what ?? '-' },
    { number: BigInt(number) },
  )
}

/** The vault writes the file; also after a crash, when none of it has left yet. */
export async function writeFile(world: World, run: UpdaterRunRow): Promise<UpdaterRunRow> {
  const lines = await linesOf(world, run)
  const on = new Date(run.created_at).toISOString().slice(0, 10).replaceAll('-', '')
  const asked = lines.map(one => ({ line: one.line, instrument: one.instrument, instrumentVersion: one.card_version }))
  const { tenant, mode, updater, id } = run
  const { file, left } = await world.vault.updater.writeInquiries({ tenant, mode, updater, run: id, on, lines: asked })
  const gone = lines.filter(one => left.includes(one.line))
  const over = gone.length === lines.length
  const after: UpdaterRunRow = {
    ...run,
    inquiries: file,
    updated_at: world.now(),
    ...(over ? { status: 'failed', cause: 'of none of these is a card sealed', due_at: null } : ready(run, world.now())),
  }
  const writes = [
    moveTo(updaterRuns, run, after),
    ...gone.map(one => moveTo(updaterLines, one, { ...one, advice: '-', told_at: world.now() })),
    ...(gone.length === 0 ? [] : [counting(run, 'inquiry', -gone.length)]),
  ]
  if (!(await world.store.commit(writes)).ok) throw new Problem('conflict', 'the run is being carried on by somebody else')
  return { ...after, version: run.version + 1 }
}

const ready = (run: UpdaterRunRow, now: number): Pick<UpdaterRunRow, 'status' | 'due_at'> =>
  run.kind === 'online' ? { status: 'asking', due_at: now + leaseMs } : { status: 'open', due_at: null }

export async function linesOf(world: World, run: Pick<UpdaterRunRow, 'tenant' | 'id'>): Promise<readonly UpdaterLineRow[]> {
  const rows = await world.store.find(updaterLines, { run: run.id, tenant: run.tenant }, fileLinesMax)
  return rows.toSorted((a, b) => a.line - b.line)
}

/**
 * Takes the file of results if all of it fits; else throws a problem naming the line, and nothing has changed. The same file again changes
 * nothing either; another one is refused.
 */
export async function acceptResults(world: World, run: UpdaterRunRow, file: string, pointer = '/file'): Promise<UpdaterRunRow> {
  if (run.results !== null) {
    if (run.results === file) return run
    throw new Problem('conflict', 'other results were taken for this run')
  }
  if (run.status !== 'open' && run.status !== 'asking') throw new Problem('conflict', `the run is ${run.status}`)
  const lines = (await linesOf(world, run)).flatMap(one => (one.advice === '-' ? [] : [one.line]))
  const { tenant, mode, updater, id } = run
  const read = await world.vault.updater.readAdvices({ tenant, mode, updater, run: id, file, lines })
  if (read.kind === 'refused') {
    const where = read.line === 0 ? '' : `line ${read.line} `
    throw fieldProblem(pointer, `nothing of it was believed: ${where}${read.detail}`, 'unprocessable')
  }
  const after: UpdaterRunRow = { ...run, status: 'telling', results: file, updated_at: world.now(), due_at: world.now() + leaseMs }
  if (!(await world.store.commit([moveTo(updaterRuns, run, after)])).ok) throw new Problem('conflict', 'the run changed meanwhile')
  return { ...after, version: run.version + 1 }
}

/**
 * Tells each instrument of a run what its updater advises, line by line. What is new of a card is sealed by the vault before anybody hears of
 * it. A crash in the middle goes on at the cursor, and what was told before it is known: each line is a fact of its own name.
 */

import { takeName } from '../instruments/lineage.ts'
import { leaseMs } from '../instruments/operation.ts'
import type { OwnNews } from '../instruments/own.ts'
import { type InstrumentRow, instruments } from '../instruments/tables.ts'
import { tellInstrument } from '../instruments/tell.ts'
import { move, moveTo } from '../world/store.ts'
import type { AdvicesRead, Captured, World } from '../world/world.ts'
import { counting, linesOf } from './run.ts'
import { type UpdaterLineRow, type UpdaterRunRow, updaterLines, updaterRuns } from './tables.ts'

/** So many at a time: their commits share rides, and a crash repeats no more than these. */
const pageLines = 50
const collisionsMax = 20
type Told = Extract<AdvicesRead, { kind: 'read' }>['advices'][number]

/** Everything that is left to tell; returns the run as it is then. */
export async function tellRun(world: World, run: UpdaterRunRow): Promise<UpdaterRunRow> {
  if (run.status !== 'telling' || run.results === null) return run
  const lines = await linesOf(world, run)
  const { tenant, mode, updater, id, results: file } = run
  const asked = lines.flatMap(one => (one.advice === '-' ? [] : [one.line]))
  const read = await world.vault.updater.readAdvices({ tenant, mode, updater, run: id, file, lines: asked })
  if (read.kind === 'refused') return over(world, run, { status: 'failed', cause: `results do not read any more: ${read.detail}` })
  const advised = new Map(read.advices.map(one => [one.line, one]))
  let now = run
  while (now.told < lines.length) {
    const page = lines.slice(now.told, now.told + pageLines)
    await tellPage(world, { run: now, file, asked }, page, advised)
    const next = { told: now.told + page.length, due_at: world.now() + leaseMs }
    // Somebody else goes on with it: their lease began when ours had lapsed.
    if (!(await world.store.commit([move(updaterRuns, now, next)])).ok) return now
    now = { ...now, ...next, version: now.version + 1 }
  }
  return over(world, now, { status: 'done', cause: null })
}

async function over(world: World, run: UpdaterRunRow, how: Pick<UpdaterRunRow, 'status' | 'cause'>): Promise<UpdaterRunRow> {
  const after = { ...run, ...how, due_at: null, updated_at: world.now() }
  return (await world.store.commit([moveTo(updaterRuns, run, after)])).ok ? { ...after, version: run.version + 1 } : run
}

type Telling = { readonly run: UpdaterRunRow; readonly file: string; readonly asked: readonly number[] }

async function tellPage(world: World, of: Telling, page: readonly UpdaterLineRow[], advised: ReadonlyMap<number, Told>): Promise<void> {
  const open = page.filter(one => one.told_at === null && advised.has(one.line))
  const numbered = await Promise.all(open.map(line => (isNew(advised.get(line.line)) ? reserve(world, line) : line)))
  const wanted = numbered.flatMap(one =>
    one.next_version === null
      ? []
      : [{ line: one.line, instrument: one.instrument, from: one.card_version, instrumentVersion: one.next_version }],
  )
  const { tenant, mode, updater, id } = of.run
  const sealed =
    wanted.length === 0
      ? []
      : await world.vault.updater.sealAdvices({ tenant, mode, updater, run: id, file: of.file, lines: of.asked, wanted })
  const cards = new Map(sealed.map(one => [one.line, one.card]))
  await Promise.all(
    numbered.map(line => {
      const told = advised.get(line.line)
      return told === undefined ? undefined : tellLine(world, of.run, line, told, cards.get(line.line))
    }),
  )
}

const isNew = (told: Told | undefined): boolean => told?.advice === 'A' || told?.advice === 'E'

/** A number of its own for what the vault is to seal: given out once, whatever crashes. */
async function reserve(world: World, line: UpdaterLineRow): Promise<UpdaterLineRow> {
  if (line.next_version !== null) return line
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const instrument = await world.store.get(instruments, { tenant: line.tenant, id: line.instrument })
    if (instrument === undefined) throw new TypeError(`no instrument ${line.instrument}`)
    const next_version = instrument.versions + 1
    const writes = [move(instruments, instrument, { versions: next_version }), move(updaterLines, line, { next_version })]
    if ((await world.store.commit(writes)).ok) return { ...line, next_version, version: line.version + 1 }
  }
  throw new TypeError(`${line.instrument} keeps changing`)
}

async function tellLine(world: World, run: UpdaterRunRow, line: UpdaterLineRow, told: Told, card: Captured | undefined): Promise<void> {
  const news: OwnNews = {
    kind: 'advised',
    advice: told.advice,
    ...(line.about === null ? {} : { about: line.about }),
    ...(told.expiry === undefined ? {} : { expiry: told.expiry }),
    ...(told.last4 === undefined ? {} : { last4: told.last4 }),
    ...(card === undefined || line.next_version === null ? {} : { cardVersion: line.next_version }),
  }
  const fact = {
    source: `updater:${run.updater}`,
    event: `${run.id}:${line.line}`,
    news,
    ...(run.request === null ? {} : { request: run.request }),
  }
  // The customer who types the new card finds the instrument that had the old one.
  if (told.advice === 'A' && card?.kind === 'card') await takeName(world, await current(world, line), 'card', card.fingerprint)
  const instrument = await current(world, line)
  // The customer is forgotten: nothing more is learned of them.
  const facts = instrument.own.erasure === undefined ? [fact] : []
  const companions = () => [
    moveTo(updaterLines, line, { ...line, advice: told.advice, told_at: world.now() }),
    counting(run, told.advice, 1),
  ]
  await tellInstrument(world, { tenant: run.tenant, instrument: instrument.id, facts, companions })
}

async function current(world: World, line: UpdaterLineRow): Promise<InstrumentRow> {
  const row = await world.store.get(instruments, { tenant: line.tenant, id: line.instrument })
  if (row === undefined) throw new TypeError(`no instrument ${line.instrument}`)
  return row
}

/** A batch of rows: each judged after the ones before it, and the writes that make it so. The batch ends early where a row has to wait. */
import { createHash } from 'node:crypto'
import type { ChannelName } from '../channels/channel.ts'
import { newCustomer } from '../instruments/customer.ts'
import { decide } from '../instruments/decide.ts'
import { ended } from '../instruments/instrument.ts'
import { mindsOf, readRows } from '../instruments/learn.ts'
import { type CustomerRow, customers, identities, instruments } from '../instruments/tables.ts'
import type { ToSealAs } from '../world/card-files.ts'
import { expect, insert, moveTo, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { born, eventOf, sealsOf, sourceOf, vaultedWrites } from './born.ts'
import type { Entry } from './entries.ts'
import { unknownChannel } from './import.ts'
import { type Court, type Draft, emptyDraft, identitiesOf, identityName, judge, type Known, tokenName, type Verdict } from './judge.ts'
import type { TakenRow } from './row.ts'
import { type ImportRow, importMarks, type Tally } from './tables.ts'

/** One line of the report. `field` and `detail`: of what was refused. */
export type Outcome = {
  readonly line: number
  readonly token: string | null
  readonly outcome: 'imported' | 'merged' | 'unchanged' | 'refused'
  readonly field?: string
  readonly detail?: string
  readonly customer?: string
  readonly instrument?: string
  readonly binding?: string
}
/** `seals`: numbers that have to be sealed before the writes are made. */
export type Batch = { readonly writes: readonly Write[]; readonly outcomes: readonly Outcome[]; readonly seals: readonly ToSealAs[] }

/** A commit holds 1,000 writes; one row makes at most this many, beside its references' names. */
const writesMax = 950

export async function takeBatch(world: World, of: ImportRow, entries: readonly Entry[], known: Known): Promise<Batch> {
  const draft = emptyDraft()
  const court = courtOf(world, of)
  const writes: Write[] = []
  const outcomes: Outcome[] = []
  const seals: ToSealAs[] = []
  for (const entry of entries) {
    const { line } = entry
    if (!('row' in entry)) {
      outcomes.push({ line, token: entry.token, outcome: 'refused', ...entry.fault })
      continue
    }
    const verdict = judge(entry.row, known, draft, court)
    if (verdict.kind === 'later') break
    const done = of.dry_run
      ? rehearsed(of, entry.row, verdict, { known, draft, court })
      : await act(world, of, { line, row: entry.row, verdict }, { known, draft })
    if (writes.length > 0 && writes.length + done.writes.length > writesMax) break
    writes.push(...done.writes)
    seals.push(...(done.seals ?? []))
    outcomes.push({ line, token: entry.row.token ?? null, ...done.outcome })
  }
  return { writes, outcomes, seals }
}

const courtOf = (world: World, of: ImportRow): Court => ({
  channelOf: name => unknownChannel(world, name, of.mode) ?? world.channels.get(name) ?? 'is not a channel',
  channel: of.channel,
  sourceName: of.source_name,
  dry: of.dry_run,
})

type Done = {
  readonly writes: readonly Write[]
  readonly outcome: Omit<Outcome, 'line' | 'token'>
  readonly seals?: readonly ToSealAs[]
}
type Before = { readonly known: Known; readonly draft: Draft }
type Judged = { readonly line: number; readonly row: TakenRow; readonly verdict: Exclude<Verdict, { kind: 'later' }> }

const said = ({ kind }: Verdict): Outcome['outcome'] =>
  kind === 'fresh' ? 'imported' : kind === 'joins' || kind === 'alias' ? 'merged' : kind === 'unchanged' ? 'unchanged' : 'refused'

async function act(world: World, of: ImportRow, { line, row, verdict }: Judged, { known, draft }: Before): Promise<Done> {
  if (verdict.kind === 'refused') return { writes: [], outcome: { outcome: 'refused', ...verdict.fault } }
  if (verdict.kind === 'unchanged') {
    const numbered = await number(world, of, { line, row, verdict }, { known, draft })
    if (numbered !== undefined) return numbered
    const at = verdict.at === undefined ? {} : { instrument: verdict.at.instrument, binding: verdict.at.id }
    return { writes: [], outcome: { outcome: 'unchanged', ...at } }
  }
  if (verdict.kind === 'alias') return alias(world, of, { line, row, verdict }, draft)
  const owner = ownerOf(world, of, row, verdict.channel, { known, draft })
  const held = verdict.kind === 'joins' ? verdict.held : undefined
  const birth = { of, line, row, channel: verdict.channel, customer: owner.customer, held }
  const { writes, instrument, binding, seals } = born(world, birth, known, draft)
  remember(of, row, verdict.channel, draft)
  if (held !== undefined) draft.moved.add(held.instrument.id)
  return {
    seals,
    writes: [...owner.writes, ...writes],
    outcome: { outcome: said(verdict), customer: owner.customer.id, instrument, binding },
  }
}

function remember(of: ImportRow, row: TakenRow, channel: ChannelName, draft: Draft): readonly string[] {
  const names = [
    ...(row.token === undefined ? [] : [tokenName(channel, row.token)]),
    ...identitiesOf(row, channel, of.source_name).map(one => identityName(row.customer, one)),
  ]
  const fresh = names.filter(name => !draft.made.has(name))
  for (const name of fresh) draft.made.set(name, row.customer)
  return fresh
}

/** The customer is here, was made by an earlier row, or is made now. The channel's own customer object is kept for the next bind there. */
function ownerOf(
  world: World,
  of: ImportRow,
  row: TakenRow,
  channel: ChannelName,
  { known, draft }: Before,
): { readonly customer: CustomerRow; readonly writes: readonly Write[] } {
  const made = draft.customers.get(row.customer)
  if (made !== undefined) return { customer: made, writes: [] }
  const there = known.customers.get(row.customer)
  const named = row.channelCustomer === undefined ? {} : { [channel]: row.channelCustomer }
  if (there !== undefined) {
    const isNew = row.channelCustomer !== undefined && there.channel_customers[channel] === undefined && !draft.moved.has(there.id)
    if (!isNew) return { customer: there, writes: [expect(customers, there)] }
    draft.moved.add(there.id)
    return {
      customer: there,
      writes: [moveTo(customers, there, { ...there, channel_customers: { ...there.channel_customers, ...named } })],
    }
  }
  const { tenant, mode } = of
  const fresh = newCustomer(world, { tenant, mode, reference: row.customer, clock: null, metadata: {} })
  const customer: CustomerRow = { ...fresh, channel_customers: named }
  draft.customers.set(row.customer, customer)
  return { customer, writes: [insert(customers, customer)] }
}

/** What came without its number before, and has it in the card file now: the number is added, and nothing else changes. */
async function number(
  world: World,
  of: ImportRow,
  { line, row, verdict }: { readonly line: number; readonly row: TakenRow; readonly verdict: Extract<Verdict, { kind: 'unchanged' }> },
  { known, draft }: Before,
): Promise<Done | undefined> {
  const { vaulted } = row
  if (vaulted === undefined || verdict.at === undefined) return undefined
  const instrument = await world.store.get(instruments, { tenant: of.tenant, id: verdict.at.instrument })
  if (instrument === undefined || instrument.sharing !== null || ended.includes(instrument.status)) return undefined
  const identity = { kind: 'card' as const, value: vaulted.fingerprint }
  const name = identityName(row.customer, identity)
  // The same card is another instrument of this customer already: two that are one are merged elsewhere.
  if (draft.moved.has(instrument.id) || draft.made.has(name) || known.held.has(name)) return undefined
  draft.moved.add(instrument.id)
  draft.made.set(name, row.customer)
  const after = { ...instrument, sharing: identity, updated_at: world.now() }
  const key = { tenant: of.tenant, customer: instrument.customer, ...identity }
  return {
    writes: [
      moveTo(instruments, instrument, after),
      insert(identities, { ...key, instrument: instrument.id, created_at: world.now() }),
      ...vaultedWrites(instrument, after),
    ],
    seals: sealsOf(of, line, row, instrument),
    outcome: { outcome: 'merged', customer: instrument.customer, instrument: instrument.id, binding: verdict.at.id },
  }
}

/** One more token of what lives there by another: its news finds the binding, and the report says where it went. */
async function alias(
  world: World,
  of: ImportRow,
  { line, row, verdict }: { readonly line: number; readonly row: TakenRow; readonly verdict: Extract<Verdict, { kind: 'alias' }> },
  draft: Draft,
): Promise<Done> {
  const { binding } = verdict
  const rows = await readRows(world, binding.tenant, binding.id)
  const kind = `former_${createHash('sha256')
    .update(row.token ?? '')
    .digest('hex')
    .slice(0, 12)}`
  const news = { kind: 'updated' as const, references: { [kind]: row.token ?? '' } }
  const told = { source: sourceOf(of), event: eventOf(line), news, rank: 1 as const }
  const { writes } = decide(rows, { facts: [told] }, mindsOf(world)(rows))
  remember(of, row, verdict.channel, draft)
  draft.moved.add(binding.instrument)
  const outcome = { outcome: 'merged' as const, customer: binding.customer, instrument: binding.instrument, binding: binding.id }
  return { writes, outcome }
}

/** A dry run writes down only what later rows of the file would meet. */
function rehearsed(of: ImportRow, row: TakenRow, verdict: Judged['verdict'], { known, draft }: Before & { readonly court: Court }): Done {
  if (verdict.kind === 'refused') return { writes: [], outcome: { outcome: 'refused', ...verdict.fault } }
  if (verdict.kind === 'unchanged') return { writes: [], outcome: { outcome: 'unchanged' } }
  const names = remember(of, row, verdict.channel, draft).filter(name => !known.marks.has(name))
  const marks = names.map(name => insert(importMarks, { import: of.id, name, tenant: of.tenant, customer: row.customer }))
  return { writes: marks, outcome: { outcome: said(verdict) } }
}

export function tallied(before: Tally, outcomes: readonly Outcome[]): Tally {
  const count = (what: Outcome['outcome']): number => before[what] + outcomes.filter(one => one.outcome === what).length
  return {
    read: before.read + outcomes.length,
    imported: count('imported'),
    merged: count('merged'),
    unchanged: count('unchanged'),
    refused: count('refused'),
  }
}

/**
 * Why an instrument is in this state: every fact with who told it and what it led to (the ignored ones with their reason), every operation
 * with its attempts, in the order we came to know them.
 */
import type { World } from '../world/world.ts'
import { foldBinding } from './binding.ts'
import { asFact } from './fact.ts'
import {
  type BindingRow,
  bindings,
  type FactRow,
  facts,
  type InboxRow,
  type InstrumentFactRow,
  type InstrumentRow,
  inbox,
  instrumentFacts,
  type OperationRow,
  operations,
} from './tables.ts'

const instant = (ms: number): string => new Date(ms).toISOString()

export type TimelineEntry = {
  readonly at: string
  readonly effective_at: string
  readonly type: 'instrument.created' | 'operation.started' | 'fact'
  readonly binding: string | null
  readonly channel: string | null
  readonly what: string
  readonly source: string
  /** The source's own id: a webhook's delivery, or our operation's answer. */
  readonly source_event: string | null
  readonly operation: string | null
  readonly request: string | null
  readonly applied: boolean
  readonly ignored_because: string | null
  readonly details: Readonly<Record<string, unknown>>
}

export async function timeline(world: World, instrument: InstrumentRow): Promise<readonly TimelineEntry[]> {
  const rows = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  const [own, ...each] = await Promise.all([
    world.store.find(instrumentFacts, { tenant: instrument.tenant, instrument: instrument.id }),
    ...rows.map(row => bindingEntries(world, row)),
  ])
  return [created(instrument), ...own.map(ownEntry), ...each.flat()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

async function bindingEntries(world: World, binding: BindingRow): Promise<readonly TimelineEntry[]> {
  const by = { tenant: binding.tenant, binding: binding.id }
  const [told, asked, kept] = await Promise.all([
    world.store.find(facts, by),
    world.store.find(operations, by),
    world.store.find(inbox, by),
  ])
  const { folded } = foldBinding(told.map(asFact))
  const reasons = new Map(folded.ignored.map(one => [one.fact.order.id, one.reason]))
  return [
    ...asked.map(row => operationEntry(binding, row)),
    ...told.map(row => factEntry(binding, row, reasons.get(row.standing.id))),
    ...kept.map(row => keptEntry(binding, row)),
  ]
}

function created(instrument: InstrumentRow): TimelineEntry {
  return {
    at: instant(instrument.created_at),
    effective_at: instant(instrument.created_at),
    type: 'instrument.created',
    binding: null,
    channel: null,
    what: 'created',
    source: 'caller',
    source_event: null,
    operation: null,
    request: null,
    applied: true,
    ignored_because: null,
    details: { kind: instrument.kind, what: labelOf(instrument.display), status: instrument.status },
  }
}

/** `visa ending 4242`, `gcash`, `sepa_debit ending 3000`. */
const labelOf = ({ brand, scheme, last4, handle }: InstrumentRow['display']): string =>
  [scheme ?? brand ?? 'not known yet', ...(last4 === undefined ? [] : [`ending ${last4}`]), ...(handle === undefined ? [] : [handle])].join(
    ' ',
  )

function operationEntry(binding: BindingRow, row: OperationRow): TimelineEntry {
  return {
    at: instant(row.created_at),
    effective_at: instant(row.created_at),
    type: 'operation.started',
    binding: binding.id,
    channel: row.channel,
    what: row.verb,
    source: 'bindery',
    source_event: null,
    operation: row.id,
    request: row.request,
    applied: true,
    ignored_because: null,
    details: {
      status: row.status,
      attempts: row.tries,
      cause: row.cause,
      due_at: row.due_at === null ? null : instant(row.due_at),
      fell_over_from: row.input.chain ?? null,
      route: row.verb === 'bind' ? binding.route : null,
    },
  }
}

function ownEntry(row: InstrumentFactRow): TimelineEntry {
  const { kind: _kind, ...details } = row.news
  return {
    at: instant(row.seen_at),
    effective_at: instant(row.effective_at),
    type: 'fact',
    binding: null,
    channel: null,
    what: row.kind,
    source: row.source,
    source_event: row.source_event,
    operation: null,
    request: row.request,
    applied: true,
    ignored_because: null,
    details,
  }
}

function factEntry(binding: BindingRow, row: FactRow, ignored: string | undefined): TimelineEntry {
  const { kind: _kind, ...details } = row.news
  return {
    at: instant(row.seen_at),
    effective_at: instant(row.effective_at),
    type: 'fact',
    binding: binding.id,
    channel: binding.channel,
    what: row.kind,
    source: row.source,
    source_event: row.source_event,
    operation: row.operation,
    request: row.request,
    applied: ignored === undefined,
    ignored_because: ignored ?? null,
    details,
  }
}

/** News that is not learned: not yet, or never. */
function keptEntry(binding: BindingRow, row: InboxRow): TimelineEntry {
  const { kind: _kind, ...details } = row.told.news ?? { kind: 'returned' }
  return {
    at: instant(row.received_at),
    effective_at: instant(Math.min(row.told.moment?.atMs ?? row.received_at, lastDate)),
    type: 'fact',
    binding: binding.id,
    channel: binding.channel,
    what: row.told.news?.kind ?? 'returned',
    source: `${row.channel}:${row.mode}`,
    source_event: row.event,
    operation: null,
    request: null,
    applied: false,
    ignored_because: row.cause ?? 'its turn comes',
    details,
  }
}
/** 9999-12-31T23:59:59.999Z: what a channel dates later cannot be written as a date. */
const lastDate = 253_402_300_799_999

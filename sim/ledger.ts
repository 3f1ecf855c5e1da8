/** All rows at the end of a run, and what may be known about them by more than one invariant. */
import type { ChannelName } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import type { Books } from '../src/channels/simulator.ts'
import { deliveries, events } from '../src/events/tables.ts'
import { erasures } from '../src/instruments/erasure.ts'
import { forgetEvent } from '../src/instruments/forget.ts'
import { sharings } from '../src/instruments/sharing.ts'
import type { BindingRow, FactRow, InstrumentFactRow, InstrumentRow, OperationRow } from '../src/instruments/tables.ts'
import { bindings, facts, identities, inbox, instrumentFacts, instruments, operations } from '../src/instruments/tables.ts'
import { type CountRow, safeguardCounts } from '../src/safeguards/tables.ts'
import type { Row } from '../src/world/table.ts'
import type { Simulated } from './world.ts'

export type Ledger = {
  readonly instruments: readonly InstrumentRow[]
  readonly bindings: readonly BindingRow[]
  readonly operations: readonly OperationRow[]
  readonly facts: readonly FactRow[]
  readonly instrumentFacts: readonly InstrumentFactRow[]
  readonly identities: readonly Row<typeof identities>[]
  readonly events: readonly Row<typeof events>[]
  readonly deliveries: readonly Row<typeof deliveries>[]
  readonly inbox: readonly Row<typeof inbox>[]
  readonly sharings: readonly Row<typeof sharings>[]
  readonly counts: readonly CountRow[]
  readonly simulated: Simulated
}

export type Invariant = { readonly name: string; readonly holds: (ledger: Ledger) => readonly string[] }
export type Held = Books['held'][number]

export const ledgerOf = (simulated: Simulated): Ledger => ({
  instruments: simulated.all(instruments),
  bindings: simulated.all(bindings),
  operations: simulated.all(operations),
  facts: simulated.all(facts),
  instrumentFacts: simulated.all(instrumentFacts),
  identities: simulated.all(identities),
  events: simulated.all(events),
  deliveries: simulated.all(deliveries),
  inbox: simulated.all(inbox),
  sharings: simulated.all(sharings),
  counts: simulated.all(safeguardCounts),
  simulated,
})

export const channelList: readonly ChannelName[] = [...channels.keys()]

export const by = <T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row])
  return groups
}

export const open = (row: OperationRow): boolean => row.status === 'open' || row.status === 'waiting'
export const alive = (row: BindingRow): boolean => row.status === 'active' || row.status === 'suspended'

/** Planned for a time that has not come by its clock, and never tried: nothing is owed. */
export const planned = (row: OperationRow, now: number): boolean =>
  row.verb === 'refresh' && row.tries === 0 && row.due_at !== null && row.due_at > now

/** Ours, by every name that a channel has for what it holds or did: its token, our operation or binding, or a name it gave. */
export function bindingNamed(ledger: Ledger, channel: ChannelName, names: readonly string[]): BindingRow | undefined {
  const here = ledger.bindings.filter(row => row.channel === channel)
  for (const name of names) {
    if (name === '') continue
    const operation = ledger.operations.find(row => row.id === name)
    const found =
      here.find(row => row.token === name && alive(row)) ??
      here.find(row => row.id === name || row.id === operation?.binding) ??
      here.find(row => row.token === name || Object.values(row.names).includes(name))
    if (found !== undefined) return found
  }
  return undefined
}

/** Its token, or, where that was erased, what the channel stored for it. */
function tokensOf(ledger: Ledger, binding: BindingRow): readonly string[] {
  if (binding.token !== null || ledger.instruments.find(row => row.id === binding.instrument)?.own.erasure !== 'erased')
    return binding.token === null ? [] : [binding.token]
  const asked = new Set([binding.id, ...ledger.operations.flatMap(row => (row.binding === binding.id ? [row.id] : []))])
  const { held, effects } = ledger.simulated.network.books(binding.channel)
  return [...held, ...effects].flatMap(one => (asked.has(one.reference) ? [one.token] : []))
}

/** Whether the channel said one thing and the opposite by this event; of what was erased the event is known by what stands in its place. */
function contradicted({ simulated }: Ledger, { source, source_event }: FactRow, { id, channel }: BindingRow): boolean {
  const { contradictions } = simulated.network
  if (!source_event.startsWith('forgotten:')) return contradictions.has(`${channel} ${source_event}`)
  const events = [...contradictions].flatMap(one => (one.startsWith(`${channel} `) ? [one.slice(channel.length + 1)] : []))
  return events.some(event => forgetEvent({ binding: id, source, event }) === source_event)
}

/** A bank brought back what we keep no name of any more: a person was asked. */
const broughtBack = (ledger: Ledger, binding: BindingRow): boolean =>
  ledger.inbox.some(
    row =>
      row.status === 'parked' &&
      row.channel === binding.channel &&
      row.told.news?.kind === 'reinstated' &&
      tokensOf(ledger, binding).some(token => row.told.names.includes(token)),
  )

/** By its customer's test clock the token lapsed, by the channel's, which is real, not yet; and the channel gives no newer one in time. */
const lapsedAhead = ({ instruments, facts: told }: Ledger, { id, instrument, status }: BindingRow): boolean => {
  const mine = told.filter(row => row.binding === id)
  return (
    status === 'expired' &&
    instruments.some(row => row.id === instrument && row.clock !== null) &&
    mine.some(({ source, news }) => source === 'clock' && 'lapsedAtMs' in news) &&
    !mine.some(({ news }) => 'refreshAtMs' in news)
  )
}

/**
 * What we know that we do not know: a person was asked, or the channel is still to answer; the channel said one thing and the opposite; it
 * changed something and told nobody; it keeps what nobody can ask it to give up; or a test clock ran ahead of it.
 */
export function excused(ledger: Ledger, binding: BindingRow): boolean {
  const { quiet } = ledger.simulated
  const tokens = tokensOf(ledger, binding)
  const kept = binding.status === 'revoked' && channels.get(binding.channel)?.revoke === undefined
  // An erasure went on without its answer, and says so to a person.
  const orphaned = ledger.simulated.all(erasures).some(row => row.orphans.some(one => one.binding === binding.id))
  return (
    kept ||
    orphaned ||
    broughtBack(ledger, binding) ||
    lapsedAhead(ledger, binding) ||
    ledger.operations.some(row => row.binding === binding.id && (row.status === 'parked' || row.status === 'waiting')) ||
    ledger.facts.some(row => row.binding === binding.id && contradicted(ledger, row, binding)) ||
    tokens.some(token => quiet.has(token))
  )
}

/**
 * The one way a binding changes after it was made: facts are added, the binding folded anew, its instrument derived, its operations settled
 * or scheduled and the event recorded, in one commit. If anyone else changed the binding meanwhile the commit is refused, and the decision
 * is taken again on what is true now.
 */
import { Problem } from '../core/problem.ts'
import { lastSwitches } from '../safeguards/switches.ts'
import { type Committed, type Insert, moveTo, refusedBy, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { customerNow } from './customer.ts'
import { type Change, type Decision, decide, type Minds, type Rows } from './decide.ts'
import { passOn } from './defaults.ts'
import { eventOf, firstOfEach, type NewFact, tellsTheSame } from './fact.ts'
import { forgetEvent, isForgotten } from './forget.ts'
import { ended, isOver } from './instrument.ts'
import { twinWrite } from './lineage.ts'
import { spreadMindsOf } from './propagate.ts'
import { customersDefault, customersMax, holdsPlace, sharingBound } from './sharing.ts'
import { type BindingRow, bindings, channelNames, facts, identities, instruments, operations } from './tables.ts'
import { twins } from './twins.ts'

/** What one `find` gives at most. A fold of a part must never be committed. */
const rowsMax = 1_000

/** Retries when others change the same binding at the same time. */
const collisionsMax = 50

export type Learning = {
  readonly tenant: string
  readonly binding: string
  readonly change: Change
  /** Rows that are known because they were just written; read if absent. */
  readonly rows?: Rows | undefined
  /** Writes that must go in the same commit, once the outcome is known. */
  readonly companions?: ((decision: Decision) => readonly Write[]) | undefined
}

export async function learn(world: World, input: Learning): Promise<Decision> {
  let crowded = false
  let rows = input.rows ?? (await readRows(world, input.tenant, input.binding))
  const minds = mindsOf(world, await customerNow(world, rows.instrument))
  let companions = input.companions
  /** Facts that another binding was told: a redelivery whose name has moved says nothing new. */
  const elsewhere = new Set<string>()
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const change = unknownYet(rows, input.change, elsewhere)
    const contradicted = input.change.facts.filter(one => contradicts(rows, one))
    const nothingNew = change.facts.length === 0 && change.attempt === undefined
    const decided = nothingNew ? asItStands(rows) : decide({ ...rows, crowded }, change, await withLimit(world, rows, minds(rows)))
    const decision = { ...decided, contradicted }
    const extra = companions?.(decision) ?? []
    const writes = [...(await takeNames(world, rows.binding, decision, tries)), ...extra]
    if (writes.length === 0) return decision
    const result = await world.store.commit(writes)
    if (result.ok) {
      if (decision.instrument.preferred && isOver(decision.instrument.status)) await passOn(world, decision.instrument)
      return decision
    }
    // The caller's own row went its way (its lease lapsed and someone else answered): the outcome stands all the same.
    if (onlyLater(result, writes.length - extra.length)) companions = undefined
    crowded ||= refusedBy(result, sharingBound)
    for (const event of refusedFacts(result, writes)) elsewhere.add(event)
    rows = await readRows(world, input.tenant, input.binding)
  }
  throw new Problem('conflict', 'too many changes to one binding at once')
}

/** Only what has ended may take its place among those who share it anew; nobody else need know how many may. */
async function withLimit(world: World, { instrument }: Rows, minds: Minds): Promise<Minds> {
  return instrument.sharing === null || holdsPlace(instrument.status)
    ? minds
    : { ...minds, customersMax: await customersMax(world, instrument) }
}

/**
 * Everything a decision about one binding needs. Read in this order: whoever changes a sibling afterwards moves the instrument, and whoever
 * adds a fact moves the binding, so that the commit's versions vouch for all that was read after them.
 */
export async function readRows(world: World, tenant: string, binding: string): Promise<Rows> {
  const row = await world.store.get(bindings, { tenant, id: binding })
  if (row === undefined) throw new TypeError(`no binding ${binding}`)
  const instrument = await world.store.get(instruments, { tenant, id: row.instrument })
  if (instrument === undefined) throw new TypeError(`no instrument ${row.instrument}`)
  const [all, told, asked] = await Promise.all([
    world.store.find(bindings, { tenant, instrument: row.instrument }),
    world.store.find(facts, { tenant, binding }),
    world.store.find(operations, { tenant, binding }),
  ])
  if (told.length >= rowsMax || asked.length >= rowsMax || all.length >= rowsMax)
    throw new TypeError(`too much is known of binding ${binding} to decide on all of it`)
  return { instrument, binding: row, siblings: all.filter(one => one.id !== binding), facts: told, operations: asked }
}

/** `customerNow`: where something is planned for the customer or waits for it. */
export function mindsOf(world: World, customerNow?: number): (rows: Rows) => Minds {
  return rows => ({
    ...spreadMindsOf(world, rows.binding.mode),
    customerNow: customerNow ?? world.now(),
    canLookUp: name => world.channels.get(name)?.lookUp !== undefined,
    isOff: name => lastSwitches(world).off(rows.binding, 'channel', name) !== undefined,
    canRefresh: name => world.channels.get(name)?.refresh !== undefined,
    mandates: name => world.channels.get(name)?.mandates,
    customersMax: customersDefault,
  })
}

/** Facts that are not among the rows already: a repeated delivery says nothing new. */
function unknownYet(rows: Rows, change: Change, elsewhere: ReadonlySet<string>): Change {
  const had = new Set(rows.facts.map(one => `${one.source}/${one.source_event}`))
  const { binding, instrument } = rows
  const keptAs = (told: NewFact): string =>
    isForgotten(instrument)
      ? `${told.source}/${forgetEvent({ binding: binding.id, source: told.source, event: told.event })}`
      : eventOf(told)
  return {
    ...change,
    facts: firstOfEach(change.facts.filter(one => !had.has(keptAs(one)) && !elsewhere.has(eventOf(one)))),
  }
}

/** A channel's notice says the same however often it is delivered; what our own calls are answered may differ in their names. */
const contradicts = (rows: Rows, told: NewFact): boolean =>
  told.rank === 2 &&
  !isForgotten(rows.instrument) &&
  rows.facts.some(
    one =>
      one.standing.id === eventOf(told) &&
      one.standing.rank === 2 &&
      (!tellsTheSame(one.news, told.news, rows.instrument.clock) || one.standing.at !== (told.moment?.atMs ?? 0)),
  )

function refusedFacts(result: Committed, writes: readonly Write[]): readonly string[] {
  if (result.ok) return []
  return result.refused.flatMap(({ constraint, write }) => {
    const refused = writes[write]
    return constraint === 'facts_source_event' && refused?.verb === 'insert' ? [`${refused.row.source}/${refused.row.source_event}`] : []
  })
}

/** The decision to do nothing. */
export const asItStands = (rows: Rows): Decision => ({
  writes: [],
  instrument: rows.instrument,
  bindings: [...rows.siblings, rows.binding],
  next: [],
})

export const inOrder = (rows: readonly BindingRow[]): readonly BindingRow[] => [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))

const onlyLater = (result: Committed, from: number): boolean => !result.ok && result.refused.every(one => one.write >= from)

/**
 * Where several instruments of the customer are told that they are this wallet or account the oldest is: which one heard of it first does not
 * matter. They are one then, and the worker merges them. One that has ended hands it on.
 */
async function takeIdentity(world: World, write: Insert): Promise<readonly Write[]> {
  const { tenant, customer, kind, value, instrument } = write.row
  const names = [tenant, customer, kind, value, instrument].map(one => (typeof one === 'string' ? one : ''))
  if (names.includes('')) throw new TypeError('an identity without a name')
  const [owner = '', person = '', what = '', name = '', next = ''] = names
  const held = await world.store.get(identities, { tenant: owner, customer: person, kind: what, value: name })
  if (held === undefined) return [write]
  if (held.instrument === next) return []
  const former = await world.store.get(instruments, { tenant: owner, id: held.instrument })
  const move = moveTo(identities, held, { ...held, instrument: next })
  if (former === undefined || ended.includes(former.status)) return [move]
  const known = [held.instrument, next].toSorted()
  const twin = await world.store.get(twins, { tenant: owner, later: known[1] ?? '', older: known[0] ?? '' })
  return [...(next < held.instrument ? [move] : []), ...(twin === undefined ? [twinWrite(world, former, next)] : [])]
}

/**
 * A name that several bindings are told (a channel gave the same token again) is the youngest's, whichever was told it first; what is being
 * given up takes none that another has, since that one may live by it.
 */
async function takeNames(world: World, binding: BindingRow, decision: Decision, tries: number): Promise<readonly Write[]> {
  if (tries === 0) return decision.writes
  const givenUp = decision.next.some(one => one.verb === 'revoke')
  const out: Write[] = []
  for (const write of decision.writes) {
    if (write.verb === 'insert' && write.table === identities) {
      out.push(...(await takeIdentity(world, write)))
      continue
    }
    const name = write.verb === 'insert' && write.table === channelNames ? write.row.name : undefined
    if (typeof name !== 'string') {
      out.push(write)
      continue
    }
    const held = await world.store.get(channelNames, { channel: binding.channel, mode: binding.mode, name })
    if (held === undefined) out.push(write)
    else if (held.binding < binding.id && !givenUp)
      out.push(moveTo(channelNames, held, { ...held, tenant: binding.tenant, binding: binding.id }))
  }
  return out
}

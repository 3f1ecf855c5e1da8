/**
 * The one way a binding changes after it was made: facts are added, the binding folded anew, its instrument derived, its operations settled
 * or scheduled and the event recorded, in one commit. If anyone else changed the binding meanwhile the commit is refused, and the decision
 * is taken again on what is true now.
 */
import { Problem } from '../core/problem.ts'
import { type Committed, type Insert, insert, moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { type Change, type Decision, decide, type Minds, type Rows } from './decide.ts'
import { passOn } from './defaults.ts'
import type { NewFact } from './fact.ts'
import { forgetEvent, isForgotten } from './forget.ts'
import { ended, isOver } from './instrument.ts'
import { returnUrlOf } from './return.ts'
import { type BindingRow, bindings, channelNames, facts, identities, instruments, operations } from './tables.ts'

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
  const minds = mindsOf(world)
  let rows = input.rows ?? (await readRows(world, input.tenant, input.binding))
  let companions = input.companions
  /** Facts that another binding was told: a redelivery whose name has moved says nothing new. */
  const elsewhere = new Set<string>()
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const change = unknownYet(rows, input.change, elsewhere)
    const nothingNew = change.facts.length === 0 && change.attempt === undefined
    const decision = nothingNew ? asItStands(rows) : decide(rows, change, minds(rows))
    const extra = companions?.(decision) ?? []
    const writes = [...(await takeNames(world, rows.binding, decision.writes, tries)), ...extra]
    if (writes.length === 0) return decision
    const result = await world.store.commit(writes)
    if (result.ok) {
      if (decision.instrument.preferred && isOver(decision.instrument.status)) await passOn(world, decision.instrument)
      return decision
    }
    // The caller's own row went its way (its lease lapsed and someone else answered): the outcome stands all the same.
    if (onlyLater(result, writes.length - extra.length)) companions = undefined
    for (const event of refusedFacts(result, writes)) elsewhere.add(event)
    rows = await readRows(world, input.tenant, input.binding)
  }
  throw new Problem('conflict', 'too many changes to one binding at once')
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

export function mindsOf(world: World): (rows: Rows) => Minds {
  return rows => ({
    now: world.now(),
    mint: (prefix, near) => nextId(world, prefix, near),
    returnUrl: operation => returnUrlOf(world, operation),
    canLookUp: name => world.channels.get(name)?.lookUp !== undefined,
    canRefresh: name => world.channels.get(name)?.refresh !== undefined,
    open: name => world.channels.get(name)?.bind !== undefined && world.account(name, rows.binding.mode) !== undefined,
  })
}

/** Facts that are not among the rows already: a repeated delivery says nothing new. */
function unknownYet(rows: Rows, change: Change, elsewhere: ReadonlySet<string>): Change {
  const had = new Set(rows.facts.map(one => `${one.source}/${one.source_event}`))
  const { binding, instrument } = rows
  const nameOf = ({ source, event }: NewFact): string =>
    `${source}/${isForgotten(instrument) ? forgetEvent({ binding: binding.id, source, event }) : event}`
  return { ...change, facts: change.facts.filter(one => !had.has(nameOf(one)) && !elsewhere.has(`${one.source}/${one.event}`)) }
}

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
 * Where another instrument of the customer is this wallet or account already it stays so; that they are one is told by a fact of its own,
 * not here. One that has ended hands it on.
 */
async function takeIdentity(world: World, write: Insert): Promise<readonly Write[]> {
  const { tenant, customer, kind, value, instrument } = write.row
  const names = [tenant, customer, kind, value, instrument].map(one => (typeof one === 'string' ? one : ''))
  if (names.includes('')) throw new TypeError('an identity without a name')
  const [owner = '', person = '', what = '', name = '', next = ''] = names
  const held = await world.store.get(identities, { tenant: owner, customer: person, kind: what, value: name })
  if (held === undefined) return [write]
  const former = await world.store.get(instruments, { tenant: owner, id: held.instrument })
  return former !== undefined && ended.includes(former.status) ? [moveTo(identities, held, { ...held, instrument: next })] : []
}

/** A name that another binding holds (a channel gave the same token again) moves to the binding that was told it last. */
async function takeNames(world: World, binding: BindingRow, writes: readonly Write[], tries: number): Promise<readonly Write[]> {
  if (tries === 0) return writes
  const out: Write[] = []
  for (const write of writes) {
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
    if (held === undefined)
      out.push(insert(channelNames, { channel: binding.channel, mode: binding.mode, name, tenant: binding.tenant, binding: binding.id }))
    else if (held.binding !== binding.id) out.push(moveTo(channelNames, held, { ...held, tenant: binding.tenant, binding: binding.id }))
  }
  return out
}

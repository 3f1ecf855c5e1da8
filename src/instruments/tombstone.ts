/**
 * The last step of an erasure: what was kept and told of an instrument is taken out of every row. Its own rows change in one commit, with the
 * fact and the notice that say so, so that at no moment the facts of an instrument fold to something else than what is stored.
 */
import { type References, unfindable } from '../channels/channel.ts'
import { events } from '../events/tables.ts'
import { idempotency } from '../http/tables.ts'
import { insert, moveTo, remove, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { forgottenToken } from './binding.ts'
import { type ErasureRow, erasures, looksAfterMs } from './erasure.ts'
import { forgetBinding, forgetFact, forgetNamed, forgetOperation, forgetOwnFact, forgetShown } from './forget.ts'
import { forgetters } from './forgotten.ts'
import { hiddenName } from './hiddenName.ts'
import { derive } from './instrument.ts'
import { notice } from './notice.ts'
import { foldOwn } from './own.ts'
import {
  type BindingRow,
  bindings,
  channelNames,
  type FactRow,
  facts,
  type InstrumentRow,
  identities,
  inbox,
  instrumentFacts,
  instruments,
  type OperationRow,
  operations,
} from './tables.ts'
import { asOwnFact, mindsAt, ownFactRow, readOwnRows } from './tell.ts'

/** Notices that are taken in one commit; the last ones go with the rest. */
const page = 50

/** Everything that is known of one binding. */
type Leg = { readonly binding: BindingRow; readonly told: readonly FactRow[]; readonly asked: readonly OperationRow[] }

/** Undefined: somebody changed something meanwhile; it is tried again in its turn. */
export async function tombstone(world: World, from: ErasureRow): Promise<ErasureRow | undefined> {
  await forgetKept(world, from)
  const row = await forgetNotices(world, from)
  if (row === undefined) return undefined
  const { tenant, subject } = row
  const rows = await readOwnRows(world, tenant, subject)
  const legs = await Promise.all(rows.bindings.map(one => readLeg(world, one)))
  const others = await Promise.all(forgetters.map(one => one(world, rows.instrument)))
  const now = world.now()
  const told = ownFactRow(world, rows.instrument, { source: 'bindery', event: 'erased', news: { kind: 'erased' } })
  const ownFacts = rows.facts.map(forgetOwnFact)
  const all = legs.map(one => forgetBinding(one.binding, one.told))
  const own = foldOwn([...ownFacts, told].map(asOwnFact))
  // Its place among those who share the card was handed back when the erasure began.
  const left = { ...rows.instrument, captured: {}, metadata: {}, policy: {}, sharing: null, own }
  const derived: InstrumentRow = { ...left, ...derive(left, all), updated_at: now }
  const directory = await directoryWrites(world, rows.instrument, legs)
  const { hidden } = directory
  const after = { ...row, stage: 'erased' as const, hidden, erased_at: now, cause: null, due_at: now + looksAfterMs[0] }
  const more = { erasure: { stage: 'erased', orphans: row.orphans } }
  const notices = notice(
    { before: { instrument: rows.instrument, all: rows.bindings }, instrument: derived, all, more },
    mindsAt(world, now),
  )
  const instrument: InstrumentRow = { ...derived, sequence: notices.sequence }
  const writes: Write[] = [
    moveTo(erasures, row, after),
    ...legs.flatMap((one, i) => legWrites(one, all[i] ?? one.binding)),
    ...rows.facts.map((one, i) => moveTo(instrumentFacts, one, ownFacts[i] ?? one)),
    insert(instrumentFacts, told),
    ...directory.writes,
    ...others.flat(),
    ...(await noticeWrites(world, { tenant, subject, from: row.told_to + 1, to: rows.instrument.sequence })),
    moveTo(instruments, rows.instrument, instrument),
    ...notices.writes,
  ]
  return (await world.store.commit(writes)).ok ? { ...after, version: row.version + 1 } : undefined
}

async function readLeg(world: World, binding: BindingRow): Promise<Leg> {
  const at = { tenant: binding.tenant, binding: binding.id }
  const [told, asked] = await Promise.all([world.store.find(facts, at), world.store.find(operations, at)])
  return { binding, told, asked }
}

/** What was still planned (a refresh, or what was given up waiting for) is at its end. */
function legWrites({ binding, told, asked }: Leg, after: BindingRow): readonly Write[] {
  const ended = asked.map(one => ({ ...forgetOperation(one), status: 'settled' as const, due_at: null }))
  return [
    moveTo(bindings, binding, after),
    ...told.map(one => moveTo(facts, one, forgetFact(one))),
    ...asked.map((one, i) => moveTo(operations, one, ended[i] ?? one)),
  ]
}

/** By what it was recognised goes; in the place of what its channels call it, or ever called it, something stands that nobody can read. */
async function directoryWrites(world: World, instrument: InstrumentRow, legs: readonly Leg[]) {
  const { tenant, customer, id } = instrument
  const mine = (await world.store.find(identities, { tenant, customer })).filter(one => one.instrument === id)
  const named = (await Promise.all(legs.map(one => hide(world, one)))).flat()
  const fresh = new Map(named.map(one => [`${one.hidden.channel} ${one.hidden.name}`, one.hidden]))
  const there = await Promise.all(
    [...fresh.values()].map(({ channel, mode, name }) => world.store.get(channelNames, { channel, mode, name })),
  )
  return {
    writes: [
      ...mine.map(one => remove(identities, one)),
      ...named.flatMap(one => (one.held === undefined ? [] : [remove(channelNames, one.held)])),
      ...[...fresh.values()].filter((_, i) => there[i] === undefined).map(one => insert(channelNames, one)),
    ],
    hidden: [...fresh.values()].map(({ channel, mode, name }) => ({ channel, mode, name })),
  }
}

/** Each name beside its row, if it has one. What has passed to another binding is that one's. */
async function hide(world: World, { binding, told, asked }: Leg) {
  const { channel, mode, tenant, id } = binding
  const names = new Set([...findable(binding.names), ...(binding.token === null ? [] : [binding.token])])
  for (const { input } of asked) if (input.token !== undefined) names.add(input.token)
  for (const { news } of told) {
    if ('token' in news && news.token !== undefined) names.add(news.token)
    if ('references' in news) for (const name of findable(news.references ?? {})) names.add(name)
  }
  const list = [...names].filter(name => name !== forgottenToken)
  const rows = await Promise.all(list.map(name => world.store.get(channelNames, { channel, mode, name })))
  return list.flatMap((name, i) => {
    const held = rows[i]
    if (held !== undefined && held.binding !== id) return []
    return [{ held, hidden: { channel, mode, name: hiddenName(world, { channel, mode }, name), tenant, binding: id } }]
  })
}

const findable = (names: References): readonly string[] =>
  Object.entries(names).flatMap(([kind, name]) => (unfindable.has(kind) ? [] : [name]))

/** Notices, page by page until few are left. */
async function forgetNotices(world: World, from: ErasureRow): Promise<ErasureRow | undefined> {
  let row = from
  for (;;) {
    const { tenant, subject } = row
    const sequence = (await world.store.get(instruments, { tenant, id: subject }))?.sequence ?? 0
    const to = Math.min(row.told_to + page, sequence)
    if (sequence - row.told_to <= page) return row
    const writes = await noticeWrites(world, { tenant, subject, from: row.told_to + 1, to })
    const result = await world.store.commit([moveTo(erasures, row, { ...row, told_to: to }), ...writes])
    if (!result.ok) return undefined
    row = { ...row, told_to: to, version: row.version + 1 }
  }
}

async function noticeWrites(
  world: World,
  of: { readonly tenant: string; readonly subject: string; readonly from: number; readonly to: number },
): Promise<readonly Write[]> {
  const numbers = Array.from({ length: Math.max(0, of.to - of.from + 1) }, (_, i) => of.from + i)
  const found = await Promise.all(
    numbers.map(sequence => world.store.find(events, { instrument: of.subject, sequence, tenant: of.tenant }, 1)),
  )
  return found.flat().map(one => moveTo(events, one, { ...one, data: forgetNamed(one.data) }))
}

/** What is kept beside it: answers under Idempotency-Keys, and news as channels delivered it. Each in a commit of its own; done twice, nothing. */
export async function forgetKept(world: World, { tenant, subject }: Pick<ErasureRow, 'tenant' | 'subject'>): Promise<void> {
  const answers = await world.store.find(idempotency, { resource: subject, tenant })
  for (const one of answers) {
    const body = one.body === null ? null : JSON.stringify(forgetShown(JSON.parse(one.body)))
    if (body !== one.body) await world.store.commit([moveTo(idempotency, one, { ...one, body })])
  }
  const legs = await world.store.find(bindings, { tenant, instrument: subject })
  for (const one of await Promise.all(legs.map(leg => readLeg(world, leg)))) await forgetDelivered(world, one)
}

/** What it told is known by now, or waits for its day or for a person; an event's own name may be made of a token. */
async function forgetDelivered(world: World, { binding: { channel, mode, id, tenant }, told, asked }: Leg): Promise<void> {
  const names = new Set(told.flatMap(one => (one.source === `${channel}:${mode}` ? [one.source_event] : [])))
  for (const { input } of asked) if (input.event !== undefined) names.add(input.event)
  const rows = await Promise.all([...names].map(event => world.store.get(inbox, { channel, mode, event })))
  const waiting = await world.store.find(inbox, { binding: id, tenant })
  const all = [...rows.filter(one => one !== undefined && one.status !== 'waiting' && one.binding === null), ...waiting]
  for (const one of all) if (one !== undefined) await world.store.commit([remove(inbox, one)])
}

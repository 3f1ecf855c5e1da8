/**
 * The list of what other tables know of an instrument: each gives the writes that take it out, for the commit in which the instrument is
 * forgotten. Whoever adds a table with something personal of an instrument adds a line here.
 */
import { networkTokens, tokenRequests } from '../network/tables.ts'
import { portalLinks } from '../portal/tables.ts'
import { bindingSessions } from '../sessions/tables.ts'
import { settlements } from '../unknowns/tables.ts'
import { updaterLines, updateSchedules } from '../updater/tables.ts'
import { moveTo, remove, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { dependents } from './dependent.ts'
import { type InstrumentRow, instrumentFacts } from './tables.ts'

export type Forgetter = (world: World, of: Pick<InstrumentRow, 'tenant' | 'mode' | 'id' | 'customer'>) => Promise<readonly Write[]>

const forgetDependents: Forgetter = async (world, { tenant, id }) =>
  (await world.store.find(dependents, { tenant, instrument: id })).map(one => remove(dependents, one))

/** By which it was bound, or was to be replaced: what the customer typed is known by its hash, and agreed to by its terms. */
const forgetSessions: Forgetter = async (world, { tenant, id, customer }) =>
  (await world.store.find(bindingSessions, { customer, tenant }))
    .filter(one => one.instrument === id)
    .map(one => moveTo(bindingSessions, one, { ...one, submitted: null, terms: null }))

/** Which end of its card was asked about. The lines stay: their run counts them. */
const forgetUpdates: Forgetter = async (world, { tenant, id }) => {
  const [lines, schedule] = await Promise.all([
    world.store.find(updaterLines, { instrument: id, tenant }),
    world.store.get(updateSchedules, { tenant, instrument: id }),
  ])
  return [
    ...lines.map(one => moveTo(updaterLines, one, { ...one, about: null })),
    ...(schedule === undefined ? [] : [remove(updateSchedules, schedule)]),
  ]
}

/** What the card network calls it. */
const forgetNetworkTokens: Forgetter = async (world, { tenant, mode, id }) => {
  const [asked, told] = await Promise.all([
    world.store.find(tokenRequests, { instrument: id, tenant }),
    world.store.find(instrumentFacts, { tenant, instrument: id }),
  ])
  const names = new Set(told.flatMap(({ news }) => (news.kind === 'network_token' ? [news.reference] : [])))
  const known = await Promise.all([...names].map(reference => world.store.get(networkTokens, { reference, mode })))
  return [
    ...asked.map(one => moveTo(tokenRequests, one, { ...one, reference: null, status: 'settled', due_at: null })),
    ...known.flatMap(one => (one?.instrument === id ? [remove(networkTokens, one)] : [])),
  ]
}

/** What a person wrote about it. Who settled what stays. */
const forgetEvidence: Forgetter = async (world, { tenant, id }) =>
  (await world.store.find(settlements, { instrument: id, tenant })).map(one => moveTo(settlements, one, { ...one, evidence: null }))

export const forgetters: readonly Forgetter[] = [forgetDependents, forgetSessions, forgetUpdates, forgetNetworkTokens, forgetEvidence]

/** Of a customer, beside their instruments. */
export async function customersOwn(
  world: World,
  { tenant, id }: { readonly tenant: string; readonly id: string },
): Promise<readonly Write[]> {
  const [sessions, links] = await Promise.all([
    world.store.find(bindingSessions, { customer: id, tenant }),
    world.store.find(portalLinks, { customer: id, tenant }),
  ])
  return [...sessions.map(one => remove(bindingSessions, one)), ...links.map(one => remove(portalLinks, one))]
}

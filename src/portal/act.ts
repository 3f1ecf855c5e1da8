/** What a customer sees and does by a link. The endpoints and the pages call the same functions. */
import { Problem } from '../core/problem.ts'
import { makeDefault, readDefault } from '../instruments/defaults.ts'
import { dependentsOf } from '../instruments/dependent.ts'
import { ended } from '../instruments/instrument.ts'
import { type BindingRow, bindings, type InstrumentRow, instruments } from '../instruments/tables.ts'
import { unbind } from '../instruments/unbind.ts'
import { readPlan } from '../instruments/unbindPlan.ts'
import { alone } from '../sessions/current.ts'
import { openSession } from '../sessions/open.ts'
import { viewForClient } from '../sessions/view.ts'
import type { World } from '../world/world.ts'
import { allowed } from './link.ts'
import type { LinkRow } from './tables.ts'

export type Held = { readonly row: InstrumentRow; readonly shown: ReturnType<typeof viewForClient>; readonly preferred: boolean }

/** What has ended, or never was, is no longer the customer's. */
const isHeld = ({ status }: InstrumentRow): boolean => !ended.includes(status) && status !== 'failed'

/** The newest first. */
export async function heldBy(world: World, link: LinkRow): Promise<readonly Held[]> {
  allowed(link, 'list')
  const { tenant, customer, mode } = link
  const [rows, preferred] = await Promise.all([
    world.store.find(instruments, { customer, tenant }),
    readDefault(world, { tenant, id: customer }),
  ])
  const held = rows.filter(row => row.mode === mode && isHeld(row)).toSorted((a, b) => (a.id < b.id ? 1 : -1))
  const legs = await Promise.all(held.map(row => legsOf(world, row)))
  return held.map((row, i) => ({ row, shown: viewForClient(row, legs[i] ?? []), preferred: row.id === preferred?.instrument }))
}

const legsOf = (world: World, { tenant, id }: InstrumentRow): Promise<readonly BindingRow[]> =>
  world.store.find(bindings, { tenant, instrument: id })

/** Throws `not_found` for what is not this customer's, whoever else's it is. */
export async function readHeld(world: World, link: LinkRow, id: string): Promise<InstrumentRow> {
  const row = await world.store.get(instruments, { tenant: link.tenant, id })
  if (row === undefined || row.customer !== link.customer || row.mode !== link.mode || !isHeld(row))
    throw new Problem('not_found', 'no such instrument')
  return row
}

export async function prefer(world: World, link: LinkRow, id: string): Promise<void> {
  allowed(link, 'set_default')
  const { tenant, customer } = await readHeld(world, link, id)
  await makeDefault(world, { tenant, id: customer }, id, row => {
    if (row?.status !== 'active') throw new Problem('conflict', `it cannot be the default: it is ${row?.status ?? 'gone'}`)
  })
}

/** What relies on it, in words for its customer. */
export async function reliesOn(world: World, row: InstrumentRow): Promise<readonly string[]> {
  return (await dependentsOf(world, row)).map(one => one.title ?? one.reference)
}

/** Opens a session whose instrument takes the place of this one. */
export async function replace(world: World, link: LinkRow, id: string): ReturnType<typeof openSession> {
  allowed(link, 'replace')
  const row = await readHeld(world, link, id)
  const { tenant, mode, customer, return_url: returnUrl } = link
  return openSession(world, {
    ...{ tenant, mode, customer, returnUrl, kinds: [row.kind], channels: null, origins: undefined },
    ...{ consentText: null, terms: null, replaces: row.id },
  })
}

/** Throws `conflict`, naming what depends on it, until the customer has confirmed. */
export async function giveUp(
  world: World,
  link: LinkRow,
  of: { readonly id: string; readonly confirmed: boolean; readonly request: string },
): Promise<InstrumentRow> {
  allowed(link, 'unbind')
  const row = await readHeld(world, link, of.id)
  const dependents = of.confirmed ? [] : await reliesOn(world, row)
  if (dependents.length > 0)
    throw new Problem('conflict', `others depend on it: ${dependents.slice(0, 10).join(', ')}. Confirm to give it up all the same.`, {
      errors: [{ pointer: '/confirm', detail: 'must be true: others depend on it' }],
    })
  // Of what the customer has seen and agreed to, as it is now.
  const consent = of.confirmed ? { confirm: (await readPlan(world, row)).token } : {}
  await unbind(world, { tenant: link.tenant, instrument: row, request: of.request, consent }, alone)
  return row
}

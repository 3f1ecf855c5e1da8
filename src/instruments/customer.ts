/** A customer of the tenant: the owner of instruments, with a clock of its own. */
import { Problem } from '../core/problem.ts'
import { type Committed, insert, move, refusedBy, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import type { Change } from './decide.ts'
import type { Reuse } from './reuse.ts'
import { type CustomerRow, clocks, customers, type OperationRow } from './tables.ts'

/** The time of a customer, or of an instrument of its: the real one, or its sandbox test clock's. Unix milliseconds. */
export async function customerNow(world: World, customer: { readonly tenant: string; readonly clock: string | null }): Promise<number> {
  if (customer.clock === null) return world.now()
  const clock = await world.store.get(clocks, { tenant: customer.tenant, id: customer.clock })
  return clock?.now_at ?? world.now()
}

export type NewCustomer = Pick<CustomerRow, 'tenant' | 'mode' | 'reference' | 'clock' | 'metadata'> & { readonly reuse?: Reuse }

export const newCustomer = (world: World, input: NewCustomer): CustomerRow => ({
  ...input,
  id: nextId(world, 'cus'),
  channel_customers: {},
  created_at: world.now(),
  reuse: input.reuse ?? {},
  erased_at: null,
  version: 1,
})

export async function createCustomer(
  world: World,
  input: NewCustomer,
  /** Rides in the same commit: the answer that is kept under the request's Idempotency-Key. */
  companions: { readonly writes: (row: CustomerRow) => readonly Write[]; readonly check: (result: Committed) => void },
): Promise<CustomerRow> {
  const row = newCustomer(world, input)
  const result = await world.store.commit([insert(customers, row), ...companions.writes(row)])
  companions.check(result)
  if (refusedBy(result, 'customers_reference'))
    throw new Problem('conflict', 'another customer has this reference', { errors: [{ pointer: '/reference', detail: 'is taken' }] })
  if (refusedBy(result, 'customers_clock'))
    throw new Problem('unprocessable', 'no such test clock', { errors: [{ pointer: '/clock', detail: 'is not a test clock of yours' }] })
  if (!result.ok) throw new Problem('conflict', 'the customer could not be created')
  return row
}

/** The customer, if it is this tenant's and of this mode. */
export async function readCustomer(
  world: World,
  at: { readonly tenant: string; readonly mode: Mode; readonly id: string },
): Promise<CustomerRow | undefined> {
  const row = await world.store.get(customers, { tenant: at.tenant, id: at.id })
  return row?.mode === at.mode ? row : undefined
}

/** Changes what the caller may change of it. An erased customer is not changed any more. */
export async function changeCustomer(
  world: World,
  at: { readonly tenant: string; readonly mode: Mode; readonly id: string },
  change: Partial<Pick<CustomerRow, 'metadata' | 'reuse'>>,
): Promise<CustomerRow> {
  for (let tries = 0; tries < keepingsMax; tries += 1) {
    const row = await readCustomer(world, at)
    if (row === undefined) throw new Problem('not_found', 'no such customer')
    if (row.erased_at !== null) throw new Problem('conflict', 'the customer was erased')
    if ((await world.store.commit([move(customers, row, change)])).ok) return { ...row, ...change }
  }
  throw new Problem('conflict', 'the customer keeps changing')
}

/** As many as may be told at once of one customer, bound at several channels. */
const keepingsMax = 16

/** The channel made a customer object for us: the customer's next binding there uses it. Losing this costs a second object, no more. */
export async function keepChannelCustomer(world: World, operation: OperationRow, change: Change): Promise<void> {
  const named = change.facts
    .map(one => ('references' in one.news ? one.news.references?.customer : undefined))
    .find(one => one !== undefined)
  if (named === undefined || operation.input.channelCustomer === named) return
  for (let tries = 0; tries < keepingsMax; tries += 1) {
    const row = await world.store.get(customers, { tenant: operation.tenant, id: operation.customer })
    if (row === undefined || row.erased_at !== null || row.channel_customers[operation.channel] !== undefined) return
    const after = { channel_customers: { ...row.channel_customers, [operation.channel]: named } }
    if ((await world.store.commit([move(customers, row, after)])).ok) return
  }
}

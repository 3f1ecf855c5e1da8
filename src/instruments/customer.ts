/** A customer of the tenant: the owner of instruments, with a clock of its own. */
import { Problem } from '../core/problem.ts'
import { type Committed, insert, refusedBy, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { type CustomerRow, clocks, customers } from './tables.ts'

/** The customer's time: the real one, or its sandbox test clock's. Unix milliseconds. */
export async function customerNow(world: World, customer: Pick<CustomerRow, 'tenant' | 'clock'>): Promise<number> {
  if (customer.clock === null) return world.now()
  const clock = await world.store.get(clocks, { tenant: customer.tenant, id: customer.clock })
  return clock?.now_at ?? world.now()
}

export async function createCustomer(
  world: World,
  input: {
    readonly tenant: string
    readonly mode: Mode
    readonly reference: string | null
    readonly clock: string | null
    readonly metadata: Readonly<Record<string, string>>
  },
  /** Rides in the same commit: the answer that is kept under the request's Idempotency-Key. */
  companions: { readonly writes: (row: CustomerRow) => readonly Write[]; readonly check: (result: Committed) => void },
): Promise<CustomerRow> {
  const row = {
    tenant: input.tenant,
    id: nextId(world, 'cus'),
    mode: input.mode,
    reference: input.reference,
    clock: input.clock,
    channel_customers: {},
    metadata: input.metadata,
    created_at: world.now(),
    version: 1,
  }
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

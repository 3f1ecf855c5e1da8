/** The lists of customers and instruments. */
import { z } from 'zod'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { listOf, listQuery, listShape, pageOf } from '../http/list.ts'
import { id, reference } from '../http/schemas.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { World } from '../world/world.ts'
import { viewCustomer } from './customers.ts'
import { instrumentStatuses } from './instrument.ts'
import { listCustomers, listInstruments, type Placed } from './queries.ts'
import { customerShape, instrumentShape } from './shapes.ts'
import { bindings, customers, instruments } from './tables.ts'
import { viewInstrument } from './view.ts'

export const listEndpoints = (reader: TenantReader): readonly Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/instruments',
    name: 'listInstruments',
    summary: 'List instruments, newest first',
    tag: 'Instruments',
    auth: 'secret',
    action: 'instruments.read',
    params: nothing,
    query: z.strictObject({ ...listQuery, customer: id('cus').optional(), status: z.enum(instrumentStatuses).optional() }),
    body: nothing,
    answers: { 200: { description: 'A page.', schema: listShape(instrumentShape) } },
    handle: async ({ world, caller }, { query }) => {
      const page = pageOf('instruments', query)
      const found = await listInstruments(reader, caller, { ...page, customer: query.customer, status: query.status })
      const rows = await Promise.all(found.map(one => readInstrument(world, caller.tenant, one)))
      return { status: 200, body: listOf('instruments', page, rows.flat(), { position: row => row.position, show: row => row.shown }) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/customers',
    name: 'listCustomers',
    summary: 'List customers, newest first',
    tag: 'Customers',
    auth: 'secret',
    action: 'customers.read',
    params: nothing,
    query: z.strictObject({ ...listQuery, reference: reference().optional() }),
    body: nothing,
    answers: { 200: { description: 'A page.', schema: listShape(customerShape) } },
    handle: async ({ world, caller }, { query }) => {
      const page = pageOf('customers', query)
      const found = await listCustomers(reader, caller, { ...page, reference: query.reference })
      const rows = await Promise.all(
        found.map(async one => ({ one, row: await world.store.get(customers, { tenant: caller.tenant, id: one.id }) })),
      )
      const shown = rows.flatMap(({ one, row }) => (row === undefined ? [] : [{ position: one.position, shown: viewCustomer(row) }]))
      return { status: 200, body: listOf('customers', page, shown, { position: row => row.position, show: row => row.shown }) }
    },
  }),
]

async function readInstrument(world: World, tenant: string, at: Placed) {
  const [row, bound] = await Promise.all([
    world.store.get(instruments, { tenant, id: at.id }),
    world.store.find(bindings, { tenant, instrument: at.id }),
  ])
  return row === undefined ? [] : [{ position: at.position, shown: viewInstrument(row, bound) }]
}

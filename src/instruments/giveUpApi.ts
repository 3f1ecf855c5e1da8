/** The endpoints of giving up: who relies on an instrument, and erasure. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { id, reference, text, timestamp } from '../http/schemas.ts'
import { readInstrument } from './api.ts'
import { readCustomer } from './customer.ts'
import { dependentKinds, dependentsOf, deregister, register, viewDependent } from './dependent.ts'
import { erase, stillAsked } from './erase.ts'
import { eraseCustomer } from './eraseCustomer.ts'
import { type ErasureRow, erasureStages, erasures, viewErasure } from './erasure.ts'
import { channelName, customerParams, instrumentParams } from './schemas.ts'
import { bindings, instruments } from './tables.ts'

const tag = 'Giving up'
const instant = z.iso.datetime()

const dependentShape = z
  .object({
    id: z.string(),
    object: z.literal('dependent'),
    instrument: z.string(),
    reference: z.string(),
    kind: z.enum(dependentKinds),
    title: z.string().nullable(),
    next_charge_at: instant.nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Dependent' })

const dependentBody = z.strictObject({
  reference: reference().describe('Your own name for it. Registered again it is the same dependent, and what is known of it changes.'),
  kind: z.enum(dependentKinds),
  title: text(200).optional().describe('For people: what the customer would call it.'),
  next_charge_at: timestamp.optional(),
})

const orphanShape = z.object({
  binding: z.string(),
  channel: channelName,
  operation: z.string(),
  verb: z.string(),
  cause: z.string(),
})
const erasureShape = z
  .object({
    object: z.literal('erasure'),
    subject: z.string().describe('The instrument or the customer.'),
    customer: z.string(),
    livemode: z.boolean(),
    stage: z.enum(erasureStages),
    waits_for: z.array(orphanShape.extend({ parked: z.boolean().describe('A person has to look.') })),
    orphans: z.array(orphanShape).describe('What no channel had confirmed when the limit was reached: it may still be held there.'),
    cause: z.string().nullable(),
    created_at: instant,
    limit_at: instant.describe('Until then channels are waited for.'),
    erased_at: instant.nullable(),
  })
  .meta({ id: 'Erasure' })
const erasureAnswers = {
  200: { description: 'It is erased.', schema: erasureShape },
  202: { description: 'It has begun: nothing can be done with it any more. The rest follows by itself.', schema: erasureShape },
}

const dependentEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/dependents',
    name: 'registerDependent',
    summary: 'Register who relies on an instrument',
    description: 'A subscription, a wallet, an order. Before the instrument is unbound you are asked what is to become of them.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams,
    query: nothing,
    body: dependentBody,
    answers: {
      201: { description: 'The dependent.', schema: dependentShape },
      200: { description: 'It was registered already.', schema: dependentShape },
    },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const { reference: name, kind, title = null, next_charge_at = null } = body
      const { created, dependent } = await register(context.world, instrument, { reference: name, kind, title, next_charge_at })
      return { status: created ? 201 : 200, body: viewDependent(dependent) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/dependents',
    name: 'listDependents',
    summary: 'List who relies on an instrument',
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'All of them.', schema: z.object({ object: z.literal('list'), data: z.array(dependentShape) }) } },
    handle: async (context, { params }) => {
      const rows = await dependentsOf(context.world, await readInstrument(context, params.id))
      return { status: 200, body: { object: 'list', data: rows.map(viewDependent) } }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/instruments/{id}/dependents/{dependent}',
    name: 'removeDependent',
    summary: 'It relies on the instrument no more',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams.extend({ dependent: id('dep') }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'As it was.', schema: dependentShape } },
    handle: async (context, { params }) => {
      const row = await deregister(context.world, await readInstrument(context, params.id), params.dependent)
      return { status: 200, body: viewDependent(row) }
    },
  }),
]

const erasing = {
  tag,
  auth: 'secret',
  action: 'instruments.write',
  query: nothing,
  body: nothing,
} as const

const erasureEndpoints: readonly Endpoint[] = [
  endpoint({
    ...erasing,
    method: 'POST',
    path: '/v1/instruments/{id}/erase',
    name: 'eraseInstrument',
    action: 'instruments.erase',
    summary: 'Erase an instrument',
    description:
      'It is unbound everywhere, its keys in the vault are destroyed, and what was known of it is taken out: ids, statuses and reasons stay. Nobody is asked to agree; who relied on it is told in `instrument.erasing`.',
    params: instrumentParams,
    answers: erasureAnswers,
    handle: async (context, { params }) => {
      const instrument = await ownInstrument(context, params.id)
      return answer(context, await erase(context.world, { tenant: instrument.tenant, id: instrument.id, request: context.requestId }))
    },
  }),
  endpoint({
    ...erasing,
    method: 'GET',
    path: '/v1/instruments/{id}/erasure',
    name: 'getInstrumentErasure',
    action: 'instruments.read',
    summary: 'How far the erasure of an instrument is',
    params: instrumentParams,
    answers: { 200: { description: 'The erasure.', schema: erasureShape } },
    handle: async (context, { params }) => show(context, params.id),
  }),
  endpoint({
    ...erasing,
    method: 'POST',
    path: '/v1/customers/{id}/erase',
    name: 'eraseCustomer',
    action: 'customers.erase',
    summary: 'Erase a customer with all their instruments',
    description: "Customers' objects at the channels themselves stay there, without anything that could be charged.",
    params: customerParams,
    answers: erasureAnswers,
    handle: async (context, { params }) => {
      const { tenant, mode } = context.caller
      if ((await readCustomer(context.world, { tenant, mode, id: params.id })) === undefined)
        throw new Problem('not_found', 'no such customer')
      return answer(context, await eraseCustomer(context.world, { tenant, id: params.id, request: context.requestId }))
    },
  }),
  endpoint({
    ...erasing,
    method: 'GET',
    path: '/v1/customers/{id}/erasure',
    name: 'getCustomerErasure',
    action: 'customers.read',
    summary: 'How far the erasure of a customer is',
    params: customerParams,
    answers: { 200: { description: 'The erasure.', schema: erasureShape } },
    handle: async (context, { params }) => show(context, params.id),
  }),
]

export const giveUpEndpoints: readonly Endpoint[] = [...dependentEndpoints, ...erasureEndpoints]

/** The row itself, even if it was merged: its own traces are to go. */
async function ownInstrument(context: Context, of: string) {
  const { tenant, mode } = context.caller
  const row = await context.world.store.get(instruments, { tenant, id: of })
  if (row === undefined || row.mode !== mode) throw new Problem('not_found', 'no such instrument')
  return row
}

async function show(context: Context, subject: string): Promise<Answer> {
  const { tenant, mode } = context.caller
  const row = await context.world.store.get(erasures, { tenant, subject })
  if (row === undefined || row.mode !== mode) throw new Problem('not_found', 'no erasure of it was asked for')
  return { ...(await answer(context, row)), status: 200 }
}

async function answer({ world }: Context, row: ErasureRow): Promise<Answer> {
  const legs =
    row.stage === 'revoking' && row.subject !== row.customer
      ? await world.store.find(bindings, { tenant: row.tenant, instrument: row.subject })
      : []
  return { status: row.stage === 'erased' ? 200 : 202, body: viewErasure(row, await stillAsked(world, legs)) }
}

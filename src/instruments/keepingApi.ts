/** The endpoints by which a tenant keeps instruments in order: defaults, policy, blocking. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { id, metadata, text } from '../http/schemas.ts'
import { readInstrument } from './api.ts'
import { block, changeInstrument, unblock } from './change.ts'
import { readCustomer } from './customer.ts'
import { type DefaultRow, defaultReasons, makeDefault, readDefault, readSuccession, setSuccession } from './defaults.ts'
import { isOver } from './instrument.ts'
import { policyBody } from './policyBody.ts'
import { successions } from './reuse.ts'
import { customerParams, instrumentParams, redisplay } from './schemas.ts'
import { instrumentShape } from './shapes.ts'
import type { CustomerRow } from './tables.ts'
import { viewInstrument } from './view.ts'

const tag = 'Keeping'
const shown = { description: 'The instrument.', schema: instrumentShape }

const defaultShape = z
  .object({
    object: z.literal('default'),
    customer: z.string(),
    instrument: z.string().nullable(),
    because: z
      .enum(defaultReasons)
      .nullable()
      .describe('asked · next_best: its predecessor ended · none_left: nothing could take over · no_succession: nothing should'),
    updated_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Default' })
const viewDefault = (customer: string, row: Omit<DefaultRow, 'version'> | undefined) => ({
  object: 'default' as const,
  customer,
  instrument: row?.instrument ?? null,
  because: row?.because ?? null,
  updated_at: row === undefined ? null : new Date(row.updated_at).toISOString(),
})

const successionShape = z.object({ object: z.literal('default_succession'), succession: z.enum(successions) })
const successionSays =
  'What follows when a default ends: `next_best`: what it was replaced by; else of the active ones first those that do not end soon, then those of the same kind, then the one bound last. `none`: none, until you say so.'

const defaultEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/customers/{id}/default',
    name: 'setDefaultInstrument',
    summary: "Say which instrument is a customer's default",
    description: 'A customer has one at most. With `null` there is none.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: customerParams,
    query: nothing,
    body: z.strictObject({ instrument: id('ins').nullable() }),
    answers: { 200: { description: 'The default.', schema: defaultShape } },
    handle: async (context, { params, body }) => {
      const customer = await needCustomer(context, params.id)
      const row = await makeDefault(context.world, customer, body.instrument ?? undefined, one => {
        if (one === undefined || one.customer !== customer.id)
          throw fieldProblem('/instrument', 'is not an instrument of this customer', 'unprocessable')
        if (isOver(one.status)) throw fieldProblem('/instrument', `is ${one.status}`, 'unprocessable')
      })
      return { status: 200, body: viewDefault(customer.id, row) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/customers/{id}/default',
    name: 'getDefaultInstrument',
    summary: "Read which instrument is a customer's default",
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: customerParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The default.', schema: defaultShape } },
    handle: async (context, { params }) => {
      const customer = await needCustomer(context, params.id)
      return { status: 200, body: viewDefault(customer.id, await readDefault(context.world, customer)) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/default_succession',
    name: 'setDefaultSuccession',
    summary: 'Say what follows when a default ends',
    description: `${successionSays} A customer's own \`reuse.succession\` goes before it.`,
    tag,
    auth: 'secret',
    action: 'policies.write',
    params: nothing,
    query: nothing,
    body: z.strictObject({ succession: z.enum(successions) }),
    answers: { 200: { description: 'The rule.', schema: successionShape } },
    handle: async ({ world, caller }, { body }) => {
      await setSuccession(world, { tenant: caller.tenant, mode: caller.mode, succession: body.succession })
      return { status: 200, body: { object: 'default_succession', succession: body.succession } }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/default_succession',
    name: 'getDefaultSuccession',
    summary: 'Read what follows when a default ends',
    description: successionSays,
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The rule.', schema: successionShape } },
    handle: async ({ world, caller }) => ({
      status: 200,
      body: { object: 'default_succession', succession: await readSuccession(world, caller) },
    }),
  }),
]

const changeEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'PATCH',
    path: '/v1/instruments/{id}',
    name: 'changeInstrument',
    summary: 'Change what an instrument may be used for, whether it may be shown again, or its metadata',
    description: 'What is not named stays. A policy and metadata are replaced as a whole; `{}` empties them.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams,
    query: nothing,
    body: z.strictObject({
      policy: policyBody.optional(),
      allow_redisplay: redisplay.optional(),
      metadata: metadata.optional(),
    }),
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const { tenant, id: name } = await readInstrument(context, params.id)
      const change = {
        ...(body.policy === undefined ? {} : { policy: body.policy }),
        ...(body.allow_redisplay === undefined ? {} : { allow_redisplay: body.allow_redisplay }),
        ...(body.metadata === undefined ? {} : { metadata: body.metadata }),
      }
      const { instrument, bindings } = await changeInstrument(context.world, { tenant, id: name }, change)
      return { status: 200, body: viewInstrument(instrument, bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/block',
    name: 'blockInstrument',
    summary: 'Block an instrument',
    description: 'It may not be charged until you unblock it. Its bindings stay as they are.',
    tag,
    auth: 'secret',
    action: 'instruments.block',
    params: instrumentParams,
    query: nothing,
    body: z.strictObject({ reason: text(200).describe('For your own people; it is not shown to the customer.') }),
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const { tenant, id: name } = await readInstrument(context, params.id)
      const { instrument, bindings } = await block(context.world, { tenant, id: name, reason: body.reason, request: context.requestId })
      return { status: 200, body: viewInstrument(instrument, bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/unblock',
    name: 'unblockInstrument',
    summary: 'Unblock an instrument',
    tag,
    auth: 'secret',
    action: 'instruments.block',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async (context, { params }) => {
      const { tenant, id: name } = await readInstrument(context, params.id)
      const { instrument, bindings } = await unblock(context.world, { tenant, id: name, request: context.requestId })
      return { status: 200, body: viewInstrument(instrument, bindings) }
    },
  }),
]

export const keepingEndpoints: readonly Endpoint[] = [...defaultEndpoints, ...changeEndpoints]

async function needCustomer({ world, caller }: Context, of: string): Promise<CustomerRow> {
  const row = await readCustomer(world, { tenant: caller.tenant, mode: caller.mode, id: of })
  if (row === undefined) throw new Problem('not_found', 'no such customer')
  return row
}

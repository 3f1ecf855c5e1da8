/** The endpoints of customers, and of the grants by which their cards reach the vault. */
import { signGrant } from '../core/grant.ts'
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from '../http/endpoint.ts'
import { refusedBy } from '../world/store.ts'
import { changeCustomer, createCustomer, readCustomer } from './customer.ts'
import { reuseOf, viewReuse } from './keepingBodies.ts'
import { customerBody, customerParams, customerPatch, grantBody } from './schemas.ts'
import { customerShape, grantShape } from './shapes.ts'
import type { CustomerRow } from './tables.ts'

export const viewCustomer = (row: Omit<CustomerRow, 'version'>) => ({
  id: row.id,
  object: 'customer' as const,
  livemode: row.mode === 'live',
  reference: row.reference,
  clock: row.clock,
  metadata: row.metadata,
  reuse: viewReuse(row.reuse),
  erased_at: row.erased_at === null ? null : new Date(row.erased_at).toISOString(),
  created_at: new Date(row.created_at).toISOString(),
})

export const customerEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/customers',
    name: 'createCustomer',
    summary: 'Create a customer',
    tag: 'Customers',
    auth: 'secret',
    action: 'customers.write',
    params: nothing,
    query: nothing,
    body: customerBody,
    answers: { 201: { description: 'The customer.', schema: customerShape } },
    once: 'own',
    recover: (context, resource) => showCustomer(context, resource),
    handle: async (context, { body }) => {
      const { world, caller, once } = context
      const input = {
        tenant: caller.tenant,
        mode: caller.mode,
        reference: body.reference ?? null,
        clock: body.clock ?? null,
        metadata: body.metadata ?? {},
        reuse: reuseOf(body.reuse),
      }
      let answer: Answer | undefined
      const row = await createCustomer(world, input, {
        writes: created => {
          answer = { status: 201, body: viewCustomer(created) }
          return once.whole(answer)
        },
        check: result => {
          if (refusedBy(result, onceConstraint)) throw new OnceTaken()
        },
      })
      return answer ?? { status: 201, body: viewCustomer(row) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/customers/{id}',
    name: 'getCustomer',
    summary: 'Read a customer',
    tag: 'Customers',
    auth: 'secret',
    action: 'customers.read',
    params: customerParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The customer.', schema: customerShape } },
    handle: (context, { params }) => showCustomer(context, params.id),
  }),
  endpoint({
    method: 'PATCH',
    path: '/v1/customers/{id}',
    name: 'changeCustomer',
    summary: "Change a customer's metadata, or how their instruments may be used again",
    tag: 'Customers',
    auth: 'secret',
    action: 'customers.write',
    params: customerParams,
    query: nothing,
    body: customerPatch,
    answers: { 200: { description: 'The customer.', schema: customerShape } },
    handle: async ({ world, caller }, { params, body }) => {
      const change = {
        ...(body.metadata === undefined ? {} : { metadata: body.metadata }),
        ...(body.reuse === undefined ? {} : { reuse: reuseOf(body.reuse) }),
      }
      const row = await changeCustomer(world, { tenant: caller.tenant, mode: caller.mode, id: params.id }, change)
      return { status: 200, body: viewCustomer(row) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/capture_grants',
    name: 'createCaptureGrant',
    summary: 'Allow a card to be handed to the vault',
    description:
      'Post the card to `capture_url` with `Authorization: Bearer <grant>`; the vault answers with a reference, and the number never comes here.',
    tag: 'Instruments',
    auth: 'publishable',
    action: 'captures.grant',
    params: nothing,
    query: nothing,
    body: grantBody,
    answers: { 201: { description: 'The grant.', schema: grantShape } },
    handle: async (context, { body }) => ({
      status: 201,
      body: grant(context, body.captures ?? 1, (body.expires_in_seconds ?? 900) * 1_000, body.origins ?? []),
    }),
  }),
]

async function showCustomer({ world, caller }: Context, customer: string): Promise<Answer> {
  const row = await readCustomer(world, { tenant: caller.tenant, mode: caller.mode, id: customer })
  if (row === undefined) throw new Problem('not_found', 'no such customer')
  return { status: 200, body: viewCustomer(row) }
}

function grant({ world, caller }: Context, captures: number, lifeMs: number, origins: readonly string[]) {
  if (caller.kind === 'publishable' && captures > 1)
    throw new Problem('forbidden', 'a publishable key grants one capture at a time', {
      errors: [{ pointer: '/captures', detail: 'must be 1 with a publishable key' }],
    })
  const now = world.now()
  const expiresAt = now + lifeMs
  const token = signGrant(world.settings.grantKey, now, {
    tenant: caller.tenant,
    mode: caller.mode,
    captures,
    expiresAt,
    nonce: world.random(16).toString('base64url'),
    origins,
  })
  return {
    object: 'capture_grant' as const,
    grant: token,
    capture_url: world.settings.captureUrl,
    expires_at: new Date(expiresAt).toISOString(),
    captures,
  }
}

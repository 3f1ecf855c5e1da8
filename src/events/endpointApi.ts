/** The endpoints that keep webhook endpoints: create, read, change, enable and disable, delete, and their secrets. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from '../http/endpoint.ts'
import { listShape } from '../http/list.ts'
import { checkPublicUrl } from '../world/address.ts'
import { refusedBy, remove } from '../world/store.ts'
import {
  changeEndpoint,
  enableEndpoint,
  endpointsMax,
  needEndpoint,
  planEndpoint,
  rotateKeys,
  showEndpoint,
  type WebhookEndpoint,
} from './endpoint.ts'
import { openKeys } from './keys.ts'
import type { EventQueries } from './queries.ts'
import { createBody, deletedShape, endpointParams, endpointShape, secretShape, updateBody } from './schemas.ts'
import { webhookEndpoints } from './tables.ts'

const tag = 'Webhook endpoints'
const path = '/v1/webhook_endpoints/{id}'
const shown = { description: 'The webhook endpoint.', schema: endpointShape }
const plain = { tag, auth: 'secret', query: nothing } as const
const ofOne = { ...plain, params: endpointParams, body: nothing, answers: { 200: shown } }

export const endpointEndpoints = (queries: EventQueries): readonly Endpoint[] => [
  create(queries),
  list,
  endpoint({
    ...ofOne,
    method: 'GET',
    path,
    name: 'getWebhookEndpoint',
    action: 'webhooks.read',
    summary: 'Read a webhook endpoint',
    handle: async (context, { params }) => show(context, await need(context, params.id)),
  }),
  update,
  deleteEndpoint,
  endpoint({
    ...ofOne,
    method: 'POST',
    path: `${path}/enable`,
    name: 'enableWebhookEndpoint',
    action: 'webhooks.write',
    summary: 'Enable a webhook endpoint',
    description: 'It hears what is recorded from now on. What it missed can be replayed.',
    handle: async (context, { params }) =>
      show(context, await enableEndpoint(context.world, queries, nameOf(context, params.id), context.caller.mode)),
  }),
  endpoint({
    ...ofOne,
    method: 'POST',
    path: `${path}/disable`,
    name: 'disableWebhookEndpoint',
    action: 'webhooks.write',
    summary: 'Disable a webhook endpoint',
    description: 'Nothing more is sent to it, and what was waiting is skipped.',
    handle: async (context, { params }) => {
      const before = await need(context, params.id)
      if (before.status === 'disabled') return show(context, before)
      const set = { status: 'disabled', disabled_reason: 'requested' } as const
      return show(context, await changeEndpoint(context.world, nameOf(context, params.id), context.caller.mode, async () => ({ set })))
    },
  }),
  endpoint({
    ...ofOne,
    method: 'POST',
    path: `${path}/rotate_secret`,
    name: 'rotateWebhookSecret',
    action: 'webhooks.secret',
    summary: 'Rotate the keys of a webhook endpoint',
    description: 'New ones sign at once; the old ones sign beside them for 24 hours. Read the new secret at /secret.',
    handle: async (context, { params }) => show(context, await rotateKeys(context.world, nameOf(context, params.id), context.caller.mode)),
  }),
  readSecret,
]

const nameOf = ({ caller }: Context, id: string) => ({ tenant: caller.tenant, id })
const need = (context: Context, id: string): Promise<WebhookEndpoint> =>
  needEndpoint(context.world, nameOf(context, id), context.caller.mode)
const show = (context: Context, found: WebhookEndpoint): Answer => ({ status: 200, body: showEndpoint(found, context.world.now()) })

/** Loopback passes the schema, for the sandbox; whether this deployment allows it is known here. */
function checkUrl({ world }: Context, url: string | undefined): void {
  const problem = url === undefined ? undefined : checkPublicUrl(url, { allowLoopback: world.settings.allowLoopback })
  if (problem !== undefined) throw fieldProblem('/url', problem)
}

const create = (queries: EventQueries): Endpoint =>
  endpoint({
    ...plain,
    method: 'POST',
    path: '/v1/webhook_endpoints',
    name: 'createWebhookEndpoint',
    action: 'webhooks.write',
    summary: 'Create a webhook endpoint',
    description:
      'Requests are signed as Standard Webhooks 1.0.0 says, with HMAC (`v1`) and ed25519 (`v1a`). Read the secret at /secret: it is not part of this answer, which is kept for repetitions.',
    params: nothing,
    body: createBody,
    once: 'own',
    // Claim and answer ride in one commit, so nobody dies between them.
    recover: async (context, id) => show(context, await need(context, id)),
    answers: { 201: shown },
    handle: async (context, { body }) => {
      checkUrl(context, body.url)
      const { tenant, mode } = context.caller
      const { endpoint: made, writes } = await planEndpoint(context.world, queries, { tenant, mode }, body)
      const answer = { ...show(context, made), status: 201 }
      const result = await context.world.store.commit([...context.once.whole(answer), ...writes])
      if (result.ok) return answer
      if (refusedBy(result, onceConstraint)) throw new OnceTaken()
      throw new Problem('conflict', 'The webhook endpoint could not be created. Try again.')
    },
  })

const list: Endpoint = endpoint({
  ...plain,
  method: 'GET',
  path: '/v1/webhook_endpoints',
  name: 'listWebhookEndpoints',
  action: 'webhooks.read',
  summary: 'List webhook endpoints',
  description: `All of them: there are at most ${endpointsMax}.`,
  params: nothing,
  query: z.strictObject({}),
  body: nothing,
  answers: { 200: { description: 'All webhook endpoints.', schema: listShape(endpointShape) } },
  handle: async ({ world, caller }) => {
    const found = await world.store.find(webhookEndpoints, { tenant: caller.tenant, mode: caller.mode })
    const data = found.map(one => showEndpoint(one, world.now()))
    return { status: 200, body: { object: 'list', data, has_more: false, next_cursor: null } }
  },
})

const update: Endpoint = endpoint({
  ...ofOne,
  method: 'POST',
  path,
  name: 'updateWebhookEndpoint',
  action: 'webhooks.write',
  summary: 'Change a webhook endpoint',
  description: 'What waits for it goes to the new URL.',
  body: updateBody,
  handle: async (context, { params, body }) => {
    checkUrl(context, body.url)
    const { url, types, description } = body
    const change = async (before: WebhookEndpoint) => ({
      set: { url: url ?? before.url, types: types ?? before.types, description: description ?? before.description },
    })
    return show(context, await changeEndpoint(context.world, nameOf(context, params.id), context.caller.mode, change))
  },
})

const deleteEndpoint: Endpoint = endpoint({
  ...ofOne,
  method: 'DELETE',
  path,
  name: 'deleteWebhookEndpoint',
  action: 'webhooks.write',
  summary: 'Delete a webhook endpoint',
  answers: { 200: { description: 'It is gone.', schema: deletedShape } },
  handle: async (context, { params }) => {
    for (let tries = 1; tries <= 5; tries += 1) {
      const found = await need(context, params.id)
      // Its cursor stays: by it the deliveries that were still waiting are found, and skipped.
      if ((await context.world.store.commit([remove(webhookEndpoints, found)])).ok)
        return { status: 200, body: { id: found.id, object: 'webhook_endpoint', deleted: true } }
    }
    throw new Problem('conflict', 'The webhook endpoint keeps changing. Try again.')
  },
})

const readSecret: Endpoint = endpoint({
  ...ofOne,
  method: 'GET',
  path: `${path}/secret`,
  name: 'getWebhookSecret',
  action: 'webhooks.secret',
  summary: 'Read the secret of a webhook endpoint',
  description: 'The current one. It is sealed where it is kept and opened for this answer.',
  answers: { 200: { description: 'The secret.', schema: secretShape } },
  handle: async (context, { params }) => {
    const found = await need(context, params.id)
    const [current] = found.secrets
    if (current === undefined) throw new Problem('not_found', 'This webhook endpoint has no secret.')
    const { secret, publicKey } = await openKeys(context.world, found, current)
    return { status: 200, body: { object: 'webhook_secret', secret, public_key: publicKey }, headers: { 'cache-control': 'no-store' } }
  },
})

/** The keys of a tenant: who may come in, as what, as whom. Another key takes two persons: else one person could make themselves a second. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { createKey, revokeKey } from '../http/auth.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { roles } from '../http/role.ts'
import { id } from '../http/schemas.ts'
import { apiKeys } from '../http/tables.ts'
import type { Row } from '../world/table.ts'

const tag = 'API keys'
export const keysMax = 1_000
const shape = z
  .object({
    id: z.string(),
    object: z.literal('api_key'),
    livemode: z.boolean(),
    role: z.enum(roles),
    person: z.string().nullable(),
    hint: z.string().describe('The first letters of the key.'),
    created_at: z.iso.datetime(),
    revoked_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' })
const told = shape.extend({ key: z.string().describe('The key itself, told this once.') }).meta({ id: 'NewApiKey' })
const person = z
  .string('must be a text')
  .regex(/^[a-z0-9][a-z0-9._@+-]{0,199}$/, 'must be made of small letters, digits and . _ @ + -, such as ann@shop.example')

const view = (row: Row<typeof apiKeys>): z.output<typeof shape> => ({
  id: row.id,
  object: 'api_key',
  livemode: row.mode === 'live',
  ...{ role: row.role, person: row.person, hint: row.hint },
  created_at: new Date(row.created_at).toISOString(),
  revoked_at: row.revoked_at === null ? null : new Date(row.revoked_at).toISOString(),
})

async function need({ world, caller }: Context, key: string): Promise<Row<typeof apiKeys>> {
  const row = await world.store.get(apiKeys, { id: key })
  if (row === undefined || row.tenant !== caller.tenant || row.mode !== caller.mode)
    throw new Problem('not_found', 'There is no API key by that id.')
  return row
}

async function make(context: Context, wish: { readonly role: (typeof roles)[number]; readonly person: string | null }): Promise<Answer> {
  const { world, caller } = context
  const known = await world.store.find(apiKeys, { tenant: caller.tenant })
  if (known.length >= keysMax) throw new Problem('unprocessable', `A tenant has at most ${keysMax} keys.`)
  const kind = wish.role === 'browser' ? 'publishable' : 'secret'
  const made = await createKey(world, { tenant: caller.tenant, mode: caller.mode, kind, ...wish })
  return { status: 201, body: { ...view(await need(context, made.id)), key: made.key }, toldOnce: true }
}

export const keyEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/api_keys',
    name: 'createApiKey',
    summary: 'Make an API key of the same mode',
    description: 'With a role and, for people, the person: only keys that name a person can ask for and approve sensitive acts.',
    tag,
    auth: 'secret',
    action: 'keys.write',
    fourEyes: true,
    once: 'own',
    recover: async () => {
      throw new Problem('conflict', 'The key was told once, or not at all: revoke it and make another.')
    },
    params: nothing,
    query: nothing,
    body: z.strictObject({ role: z.enum(roles), person: person.optional() }),
    answers: { 201: { description: 'The key.', schema: told } },
    handle: (context, { body }) => make(context, { role: body.role, person: body.person ?? null }),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/api_keys',
    name: 'listApiKeys',
    summary: 'List the API keys of this mode',
    tag,
    auth: 'secret',
    action: 'keys.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'All of them.', schema: z.object({ object: z.literal('list'), data: z.array(shape) }) } },
    handle: async ({ world, caller }) => {
      const rows = await world.store.find(apiKeys, { tenant: caller.tenant })
      return { status: 200, body: { object: 'list', data: rows.filter(row => row.mode === caller.mode).map(view) } }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/api_keys/{id}',
    name: 'revokeApiKey',
    summary: 'Revoke an API key',
    description: 'Takes effect within ten seconds everywhere. One person is enough: what is lost must be stopped at once.',
    tag,
    auth: 'secret',
    action: 'keys.write',
    params: z.strictObject({ id: id('key') }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The key, revoked.', schema: shape } },
    handle: async (context, { params }) => {
      const row = await need(context, params.id)
      await revokeKey(context.world, { tenant: row.tenant, id: row.id })
      return { status: 200, body: view(await need(context, params.id)) }
    },
  }),
]

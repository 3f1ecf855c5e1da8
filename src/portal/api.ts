/** The endpoints of portal links, for the server that makes them, and of what a customer does with one. */
import { z } from 'zod'
import { type Answer, type Bearer, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from '../http/endpoint.ts'
import { id } from '../http/schemas.ts'
import { customerParams, instrumentParams, returnUrl } from '../instruments/schemas.ts'
import { clientInstrumentShape, sessionShape } from '../sessions/schemas.ts'
import { hostedUrl } from '../sessions/secret.ts'
import { viewSession } from '../sessions/view.ts'
import { refusedBy } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { giveUp, heldBy, prefer, replace } from './act.ts'
import { admitLink, createLink, linkLifeMsMax, linkUrl, ownLink, readLink, revokeLink } from './link.ts'
import { portalPages } from './pages.ts'
import { type LinkRow, rights } from './tables.ts'

const linkBody = z.strictObject({
  return_url: returnUrl.describe('Where the customer goes back to, and where a replacement is typed in.'),
  expires_in: z
    .int('must be a whole number of seconds')
    .min(60, 'must be at least 60 seconds')
    .max(linkLifeMsMax / 1_000, 'must be at most 24 hours')
    .optional()
    .describe('Seconds; an hour without it.'),
  may: z
    .array(z.enum(rights))
    .min(1)
    .max(rights.length)
    .refine(list => new Set(list).size === list.length, 'must not name a right twice')
    .optional()
    .describe('All of them without it.'),
  hosted: z
    .boolean('must be true or false')
    .optional()
    .describe('A replacement card is typed into the hosted page; without it at `return_url`, by a page of yours.'),
})
const instant = z.iso.datetime()
const linkShape = z
  .object({
    id: z.string(),
    object: z.literal('portal_link'),
    livemode: z.boolean(),
    customer: z.string(),
    url: z.string().optional().describe('For this customer only: it is a key. Absent once it has expired or was revoked.'),
    may: z.array(z.enum(rights)),
    return_url: z.string(),
    hosted: z.boolean(),
    expires_at: instant,
    revoked_at: instant.nullable(),
    created_at: instant,
  })
  .meta({ id: 'PortalLink' })
const heldShape = clientInstrumentShape.extend({ default: z.boolean() }).meta({ id: 'HeldInstrument' })
const listShape = z.object({ object: z.literal('list'), data: z.array(heldShape) })

const view = (row: LinkRow, url?: string) => ({
  id: row.id,
  object: 'portal_link' as const,
  livemode: row.mode === 'live',
  customer: row.customer,
  ...(url === undefined ? {} : { url }),
  may: row.may,
  return_url: row.return_url,
  hosted: row.hosted,
  expires_at: new Date(row.expires_at).toISOString(),
  revoked_at: row.revoked_at === null ? null : new Date(row.revoked_at).toISOString(),
  created_at: new Date(row.created_at).toISOString(),
})

const linkEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/customers/{id}/portal_links',
    name: 'createPortalLink',
    summary: "Make a link to a customer's own view",
    description: 'Whoever has the link is taken for the customer: send it to nobody else.',
    tag: 'Customer portal',
    auth: 'secret',
    action: 'portal.write',
    params: customerParams,
    query: nothing,
    body: linkBody,
    answers: { 201: { description: 'The link.', schema: linkShape } },
    once: 'own',
    recover: async ({ world }, id) => ({ status: 201, body: view(await readLink(world, id)) }),
    handle: async ({ world, once, caller: { tenant, mode } }, { params, body }) => {
      const { expires_in: seconds = 3_600, may = rights, return_url, hosted = false } = body
      const asked = { tenant, mode, customer: params.id, may, returnUrl: return_url, lifeMs: seconds * 1_000, hosted }
      const link = await createLink(world, asked, {
        // Kept without the address, which is a key: a repetition that finds it missing makes another link.
        writes: row => once.whole({ status: 201, body: view(row) }),
        check: result => {
          if (refusedBy(result, onceConstraint)) throw new OnceTaken()
        },
      })
      return { status: 201, body: view(link, linkUrl(world, link)), toldOnce: true }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/portal_links/{id}',
    name: 'getPortalLink',
    summary: 'Read a link, such as one by which a customer is asked (`asks.portal_link` of `instrument.needs_customer`)',
    description: 'Its `url` is told while it is alive.',
    tag: 'Customer portal',
    auth: 'secret',
    action: 'portal.read',
    params: z.strictObject({ id: id('ptl') }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The link.', schema: linkShape } },
    handle: async ({ world, caller: { tenant, mode } }, { params }) => {
      const link = await ownLink(world, { tenant, mode, id: params.id })
      const alive = link.revoked_at === null && link.expires_at > world.now()
      return { status: 200, body: view(link, alive ? linkUrl(world, link) : undefined) }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/portal_links/{id}',
    name: 'revokePortalLink',
    summary: 'Revoke a link at once',
    tag: 'Customer portal',
    auth: 'secret',
    action: 'portal.write',
    params: z.strictObject({ id: id('ptl') }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The link.', schema: linkShape } },
    handle: async ({ world, caller: { tenant, mode } }, { params }) => ({
      status: 200,
      body: view(await revokeLink(world, { tenant, mode, id: params.id })),
    }),
  }),
]

/** `Bearer ptl_…`: what stands behind `/portal/` in the link. */
const linkOf = (world: World, { authorization = '' }: Readonly<Partial<Record<string, string>>>): Promise<LinkRow> =>
  admitLink(world, /^Bearer (\S{1,200})$/i.exec(authorization)?.[1] ?? '')

const bearer: Bearer = {
  name: 'portalToken',
  crossOrigin: false,
  admit: async ({ world }, headers) => {
    await linkOf(world, headers)
  },
}
const theirs = { tag: 'Customer portal (customer)', auth: 'none', bearer, query: nothing } as const
const listed = { 200: { description: "The customer's instruments.", schema: listShape } }

async function list(world: World, link: LinkRow): Promise<Answer> {
  const data = (await heldBy(world, link)).map(one => ({ ...one.shown, default: one.preferred }))
  return { status: 200, body: { object: 'list', data } }
}
/** What was done is shown to whoever may see it. */
const listIfAllowed = async (world: World, link: LinkRow): Promise<Answer> =>
  link.may.includes('list') ? list(world, link) : { status: 200, body: { object: 'list', data: [] } }

const readers: readonly Endpoint[] = [
  endpoint({
    ...theirs,
    method: 'GET',
    path: '/v1/portal/instruments',
    name: 'listOwnInstruments',
    summary: 'What the customer of this link has',
    params: nothing,
    body: nothing,
    answers: listed,
    handle: async ({ world }, { headers }) => list(world, await linkOf(world, headers)),
  }),
]

const changes: readonly Endpoint[] = [
  endpoint({
    ...theirs,
    method: 'POST',
    path: '/v1/portal/instruments/{id}/default',
    name: 'preferOwnInstrument',
    summary: 'Make it the default',
    params: instrumentParams,
    body: nothing,
    answers: listed,
    handle: async ({ world }, { params, headers }) => {
      const link = await linkOf(world, headers)
      await prefer(world, link, params.id)
      return listIfAllowed(world, link)
    },
  }),
  endpoint({
    ...theirs,
    method: 'POST',
    path: '/v1/portal/instruments/{id}/replace',
    name: 'replaceOwnInstrument',
    summary: 'Open a session for what takes its place',
    description: 'Once the new one is bound the former is given up at its channels.',
    params: instrumentParams,
    body: nothing,
    answers: { 201: { description: 'The session, with its client secret.', schema: sessionShape } },
    handle: async ({ world }, { params, headers }) => {
      const { session, secret } = await replace(world, await linkOf(world, headers), params.id)
      return { status: 201, body: viewSession(session, { secret, url: hostedUrl(world, secret) }) }
    },
  }),
  endpoint({
    ...theirs,
    method: 'POST',
    path: '/v1/portal/instruments/{id}/unbind',
    name: 'unbindOwnInstrument',
    summary: 'Give it up',
    params: instrumentParams,
    body: z.strictObject({ confirm: z.boolean('must be true or false').optional().describe('Needed where others depend on it.') }),
    answers: listed,
    handle: async ({ world, requestId: request }, { params, body, headers }) => {
      const link = await linkOf(world, headers)
      await giveUp(world, link, { id: params.id, confirmed: body.confirm === true, request })
      return listIfAllowed(world, link)
    },
  }),
]

export const portalEndpoints: readonly Endpoint[] = [...linkEndpoints, ...readers, ...changes, ...portalPages]

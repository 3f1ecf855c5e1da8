/**
 * The customer's own view as plain pages: no script, forms that post and come back by a redirect, so that a reload repeats nothing. Whoever has
 * the link is the customer; that a form was sent from a page of ours is proven by a token bound to a cookie of this browser.
 */
import { z } from 'zod'
import { keyedHash, sameText } from '../core/keyed.ts'
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { returnedParameters } from '../instruments/schemas.ts'
import { hostedOrigin, hostedUrl } from '../sessions/secret.ts'
import { viewForClient } from '../sessions/view.ts'
import type { World } from '../world/world.ts'
import { giveUp, heldBy, prefer, readHeld, reliesOn, replace } from './act.ts'
import { admitLink } from './link.ts'
import { confirmPage, listPage, type Message, messages, problemPage } from './paper.ts'
import type { LinkRow } from './tables.ts'

const html = 'text/html; charset=utf-8'
const page = (description: string) => ({ description, contentType: html })
const answers = {
  200: page('The page.'),
  303: page('On to the page, or to where the replacement is typed in.'),
  400: page('The form is not one of ours.'),
  401: page('The link is not known, or has expired.'),
  403: page('The link does not allow it, or the form came from elsewhere.'),
  404: page('There is no such instrument.'),
  409: page('It cannot be done as it stands.'),
  422: page('It cannot be done.'),
}
const described = { tag: 'Customer portal (pages)', auth: 'none', rawBody: true, body: nothing, answers } as const
const token = z.string().max(120)
const params = z.strictObject({ token })
/** What else stands in a link by the time it is opened (mail programs add to it) is nobody's business. */
const query = returnedParameters

type Headers = Readonly<Partial<Record<string, string>>>

export const portalPages: readonly Endpoint[] = [
  endpoint({
    ...described,
    method: 'GET',
    path: '/portal/{token}',
    name: 'showPortal',
    summary: "The customer's own view",
    params,
    query,
    handle: async ({ world }, input) =>
      shown(world, async () => {
        const link = await admitLink(world, input.params.token)
        const proof = proofFor(world, link, input.headers)
        const held = link.may.includes('list') ? await heldBy(world, link) : []
        const of = { link, token: input.params.token, csrf: proof.csrf, held, message: messageOf(input.query.done) }
        return paper(world, link, 200, listPage(of), proof)
      }),
  }),
  endpoint({
    ...described,
    method: 'GET',
    path: '/portal/{token}/unbind/{id}',
    name: 'showPortalUnbind',
    summary: 'Ask before giving it up',
    params: z.strictObject({ token, id: z.string().max(40) }),
    query,
    handle: async ({ world }, input) =>
      shown(world, async () => {
        const link = await admitLink(world, input.params.token)
        const proof = proofFor(world, link, input.headers)
        const row = await readHeld(world, link, input.params.id)
        const dependents = await reliesOn(world, row)
        const page = { link, token: input.params.token, csrf: proof.csrf, shown: viewForClient(row, []), dependents }
        return paper(world, link, 200, confirmPage(page), proof)
      }),
  }),
  form('default', 'Make it the default', async (context, { link, id }) => {
    await prefer(context.world, link, id)
    return undefined
  }),
  form('replace', 'Go and type in what takes its place', async (context, { link, id }) => {
    const { session, secret } = await replace(context.world, link, id)
    if (link.hosted && session.kinds?.includes('card')) return hostedUrl(context.world, secret)
    const onward = new URL(link.return_url)
    onward.searchParams.set('binding_session', session.id)
    onward.searchParams.set('replaces', id)
    // Behind the #, so that it reaches the page and no server's log.
    onward.hash = `client_secret=${secret}`
    return onward.href
  }),
  form('unbind', 'Give it up', async (context, { link, id }) => {
    await giveUp(context.world, link, { id, confirmed: true, request: context.requestId })
    return undefined
  }),
]

type Formed = { readonly link: LinkRow; readonly id: string }

/** `act` gives the address to go on to, if it is not the page again. */
function form(name: Message, summary: string, act: (context: Context, of: Formed) => Promise<string | undefined>): Endpoint {
  return endpoint({
    ...described,
    method: 'POST',
    path: `/portal/{token}/${name}`,
    name: `portal${name[0]?.toUpperCase()}${name.slice(1)}`,
    summary,
    params,
    query: nothing,
    handle: async (context, { params, headers, raw }) =>
      shown(context.world, async () => {
        const link = await admitLink(context.world, params.token)
        const fields = readForm(context.world, link, headers, raw)
        const onward = await act(context, { link, id: fields.get('id') ?? '' })
        return {
          status: 303,
          body: '',
          headers: { location: onward ?? `/portal/${params.token}?done=${name}`, ...headersFor(context.world, link) },
        }
      }),
  })
}

/** Throws unless the form was sent by a page of ours in this browser. */
function readForm(world: World, link: LinkRow, headers: Headers, raw: Buffer): URLSearchParams {
  if (!/^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? ''))
    throw new Problem('invalid_request', 'this is not a form of ours')
  const from = headers['sec-fetch-site']
  const fields = new URLSearchParams(raw.toString('utf8'))
  const nonce = nonceIn(headers)
  const right = nonce === undefined ? '' : csrfOf(world, link, nonce)
  if ((from !== undefined && from !== 'same-origin') || right === '' || !sameText(fields.get('csrf') ?? '', right))
    throw new Problem('forbidden', 'this form is too old, or came from elsewhere: open your link again')
  return fields
}

const cookie = 'bindery_portal'
type Proof = { readonly csrf: string; readonly nonce: string }

const csrfOf = (world: World, { id }: LinkRow, nonce: string): string =>
  keyedHash(world.settings.grantKey, 'portal form', `${id}|${nonce}`).toString('base64url')

const nonceIn = ({ cookie: text = '' }: Headers): string | undefined =>
  new RegExp(`(?:^|; )${cookie}=([A-Za-z0-9_-]{22})(?:;|$)`).exec(text)?.[1]

/** The browser's own nonce if it has one: pages in two tabs stay good. */
function proofFor(world: World, link: LinkRow, headers: Headers): Proof {
  const nonce = nonceIn(headers) ?? world.random(16).toString('base64url')
  return { nonce, csrf: csrfOf(world, link, nonce) }
}

/** Nothing from anywhere but our style sheet; a form may lead back to where the customer came from, and a browser asks after redirects too. */
const headersFor = (world: World, link: LinkRow | undefined): Readonly<Record<string, string>> => ({
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'self'",
    'img-src data:',
    `form-action 'self'${link === undefined ? '' : ` ${new URL(link.return_url).origin}`}${link?.hosted === true ? ` ${hostedOrigin(world)}` : ''}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
})

const paper = (world: World, link: LinkRow, status: number, body: string, { nonce }: Proof): Answer => ({
  status,
  body,
  headers: {
    ...headersFor(world, link),
    'set-cookie': `${cookie}=${nonce}; Path=/portal; HttpOnly; SameSite=Strict; Max-Age=86400${link.mode === 'live' ? '; Secure' : ''}`,
  },
})

/** What goes wrong is a page too. */
async function shown(world: World, act: () => Promise<Answer>): Promise<Answer> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    world.log.info('a portal page was refused', { code: error.code })
    const status = error.status in answers ? error.status : 409
    return { status, body: problemPage(error), headers: headersFor(world, undefined) }
  }
}

const messageOf = (done: string | undefined): Message | undefined => messages.find(one => one === done)

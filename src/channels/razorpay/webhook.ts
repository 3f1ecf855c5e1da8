/**
 * Razorpay's webhooks: `X-Razorpay-Signature` is the hex HMAC-SHA256 of the raw body (the SDK's `validateWebhookSignature`);
 * `x-razorpay-event-id` is "unique per event" and the same for a repetition, but is not signed (razorpay.com/docs/webhooks/best-practices).
 * Repetitions come for 24 hours, replays from the dashboard for seven days, so nothing is rejected for its age.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { News, Told, WebhookReading, WebhookRequest, WebhookScheme } from '../channel.ts'
import { readJson } from '../json.ts'
import { shownOf, tokenNews } from './standing.ts'
import { noteIn, type Payment, payment, type Token, token } from './wire.ts'

export const webhookScheme: WebhookScheme = { algorithm: 'hmac-sha256', over: 'the raw body', header: 'x-razorpay-signature' }

const event = z.looseObject({
  entity: z.literal('event'),
  event: z.string().min(1),
  created_at: z.number().int().nonnegative(),
  payload: z.looseObject({
    token: z.looseObject({ entity: z.unknown() }).optional(),
    payment: z.looseObject({ entity: z.unknown() }).optional(),
  }),
})
type Event = z.infer<typeof event>

const answer = { status: 200, contentType: 'application/json', body: '{}' } as const

export function readWebhook(request: WebhookRequest): WebhookReading {
  const given = request.headers['x-razorpay-signature'] ?? ''
  if (!request.secrets.some(one => fits(request.body, given, one.reveal())))
    return { kind: 'rejected', reason: 'forged', detail: 'no signature fits: another secret, or a body that was re-serialised on its way' }
  const parsed = event.safeParse(readJson(request.body.toString('utf8')))
  if (!parsed.success) return { kind: 'rejected', reason: 'malformed', detail: 'signed, but no event of Razorpay' }
  const name = request.headers['x-razorpay-event-id'] ?? createHash('sha256').update(request.body).digest('hex').slice(0, 32)
  const told = toldOf(parsed.data, name)
  return told === undefined
    ? { kind: 'rejected', reason: 'malformed', detail: `a ${parsed.data.event} without what it is about` }
    : { kind: 'told', told: [told], answer }
}

function fits(body: Buffer, signature: string, secret: string): boolean {
  if (secret === '' || !/^[0-9a-f]{64}$/i.test(signature)) return false
  return timingSafeEqual(createHmac('sha256', secret).update(body).digest(), Buffer.from(signature, 'hex'))
}

function toldOf(of: Event, name: string): Told | undefined {
  const common = { event: name, type: of.event, moment: { atMs: of.created_at * 1_000 } }
  if (of.event.startsWith('token.')) {
    const read = token.safeParse(of.payload.token?.entity)
    if (!read.success) return bareToken(of, common)
    return { ...common, names: [read.data.id], ...withNews(tokenTold(of.event, read.data)) }
  }
  if (of.event.startsWith('payment.')) {
    const read = payment.safeParse(of.payload.payment?.entity)
    return read.success ? paymentTold(of.event, read.data, common) : undefined
  }
  return { ...common, names: [] }
}

const withNews = (news: News | undefined) => (news === undefined ? {} : { news })

/** Cards' tokens at the networks have a state of their own: `token.suspended`, `token.activated`, `token.deactivated`, `token.expiry_updated`. */
const networkToken = z.looseObject({
  id: z.string().regex(/^token_\w+$/),
  card: z.looseObject({ last4: z.string().nullish(), network: z.string().nullish() }).nullish(),
  expired_at: z.number().nullish(),
})
function bareToken(of: Event, common: Omit<Told, 'names'>): Told | undefined {
  const read = networkToken.safeParse(of.payload.token?.entity)
  if (!read.success) return undefined
  const { id, expired_at: ends } = read.data
  const known: Readonly<Record<string, News>> = {
    'token.suspended': { kind: 'suspended', reason: 'suspended_by_issuer' },
    'token.activated': { kind: 'resumed' },
    'token.deactivated': { kind: 'revoked', reason: 'deactivated' },
    'token.expiry_updated': { kind: 'updated', ...(typeof ends === 'number' ? { validUntilMs: ends * 1_000 } : {}) },
  }
  return { ...common, names: [id], ...withNews(known[of.event]) }
}

/**
 * By the event's own name where it has one: the entity is "a snapshot when the event occurred", and a mandate that goes on is `confirmed`
 * again.
 */
function tokenTold(name: string, of: Token): News | undefined {
  const news = tokenNews(of)
  if (name === 'token.resumed' && news?.kind === 'bound') return { kind: 'resumed' }
  if (name !== 'token.confirmed' && news?.kind === 'bound') return undefined
  return news?.kind === 'bound' ? { ...news, ...shownOf(of) } : news
}

/**
 * Only our authorisation payments carry our operation; what is collected later is not about the binding. One that failed decides nothing
 * by itself: an order may have several (a link whose answer was lost lapses while the customer holds the next), so we go and see.
 */
function paymentTold(name: string, of: Payment, common: Omit<Told, 'names'>): Told {
  const operation = noteIn(of.notes, 'operation')
  const binding = noteIn(of.notes, 'binding')
  const names = [of.id, of.order_id, of.token_id].flatMap(one => (typeof one === 'string' ? [one] : []))
  if (operation === undefined || binding === undefined) return { ...common, names }
  const references = {
    payment: of.id,
    ...(of.order_id ? { order: of.order_id } : {}),
    ...(of.customer_id ? { customer: of.customer_id } : {}),
    ...(of.token_id ? { token: of.token_id } : {}),
  }
  const made = name === 'payment.authorized' || name === 'payment.captured'
  const about = { ...common, operation, binding, names }
  if (name === 'payment.failed') return { ...about, returned: {} }
  return { ...about, ...withNews(made ? { kind: 'verifying', references } : undefined) }
}

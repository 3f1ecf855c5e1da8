/**
 * Webhooks from Stripe: `Stripe-Signature: t=…,v1=…` is the hex HMAC-SHA256 of `t.body` (docs.stripe.com/webhooks/signature), with one
 * `v1` for each secret while a secret is rotated.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Moment, News, Told, WebhookReading, WebhookRequest, WebhookScheme } from '../channel.ts'
import { readJson } from '../json.ts'
import { idOf, intentShape, mandateShape, methodShape, outcomeOf, shownOf } from './wire.ts'

/** The official libraries' default; here in both directions, since a clock far ahead is as wrong as one far behind. */
const toleranceMs = 300_000

export const webhookScheme: WebhookScheme = {
  algorithm: 'hmac-sha256',
  over: 'the time in seconds, a full stop, and the bytes of the body',
  header: 'stripe-signature',
  toleranceSeconds: toleranceMs / 1_000,
}

const eventShape = z.looseObject({
  id: z.string().min(1),
  object: z.literal('event'),
  type: z.string().min(1),
  created: z.number().int().min(0),
  data: z.looseObject({ object: z.looseObject({}) }),
})
type Event = z.infer<typeof eventShape>

/** What of a webhook counts: its headers and bytes, the clock, and the secrets. */
type Signed = Pick<WebhookRequest, 'headers' | 'body' | 'nowMs' | 'secrets'>

export function readWebhook(request: Signed): WebhookReading {
  const header = parseHeader(request.headers['stripe-signature'] ?? '')
  if (header === undefined) return { kind: 'rejected', reason: 'forged', detail: 'Stripe-Signature is missing or not readable' }
  if (!request.secrets.some(secret => fits(header, request.body, secret.reveal()))) {
    return { kind: 'rejected', reason: 'forged', detail: explain(header, request) }
  }
  if (Math.abs(request.nowMs - header.seconds * 1_000) > toleranceMs) {
    return { kind: 'rejected', reason: 'stale', detail: `signed at ${header.seconds}, more than ${toleranceMs / 1_000} s away` }
  }
  const event = eventShape.safeParse(readJson(request.body.toString('utf8')))
  if (!event.success) return { kind: 'rejected', reason: 'malformed', detail: 'not an event of Stripe' }
  return { kind: 'told', told: [tell(event.data)], answer: { status: 200, contentType: 'application/json', body: '{"received":true}' } }
}

type Header = { readonly seconds: number; readonly stamp: string; readonly signatures: readonly string[] }

function parseHeader(text: string): Header | undefined {
  const pairs = text.split(',').map(part => part.trim().split('='))
  const stamp = pairs.find(([name]) => name === 't')?.[1] ?? ''
  const signatures = pairs.flatMap(([name, value]) => (name === 'v1' && value !== undefined && /^[0-9a-f]{64}$/.test(value) ? [value] : []))
  return /^\d{1,12}$/.test(stamp) && signatures.length > 0 ? { seconds: Number(stamp), stamp, signatures } : undefined
}

/** Over the bytes as they came: decoding and encoding again may change them. */
function fits(header: Header, body: Buffer, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(`${header.stamp}.`).update(body).digest()
  return header.signatures.map(one => timingSafeEqual(Buffer.from(one, 'hex'), expected)).includes(true)
}

/** The commonest mistake in front of a webhook: something parsed the body and wrote it anew. Stripe writes with two spaces. */
function explain(header: Header, request: Signed): string {
  const value = parse(request.body.toString('utf8'))
  if (value === undefined) return 'no signature fits'
  const texts = [JSON.stringify(value, null, 2), JSON.stringify(value), `${JSON.stringify(value, null, 2)}\n`]
  const rewritten = texts.some(text => request.secrets.some(secret => fits(header, Buffer.from(text), secret.reveal())))
  return rewritten ? 'no signature fits: the body was re-serialised on its way' : 'no signature fits'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function tell(event: Event): Told {
  const about = { event: event.id, type: event.type, moment: { atMs: event.created * 1_000 } }
  if (event.type.startsWith('setup_intent.')) return tellIntent(event, about)
  if (event.type.startsWith('payment_method.')) return tellMethod(event, about)
  if (event.type === 'mandate.updated') return tellMandate(event, about)
  return { ...about, names: [] }
}

type About = { readonly event: string; readonly type: string; readonly moment: Moment }

const intentNews: ReadonlySet<string> = new Set(
  ['succeeded', 'requires_action', 'setup_failed', 'canceled'].map(name => `setup_intent.${name}`),
)

/** A setup intent is one operation of ours: its news answers that operation. */
function tellIntent(event: Event, about: About): Told {
  const intent = intentShape.safeParse(event.data.object)
  if (!intent.success) return { ...about, names: [] }
  const { bindery_operation: operation, bindery_binding: binding } = intent.data.metadata ?? {}
  const names = [intent.data.id, idOf(intent.data.payment_method)].filter(name => name !== undefined)
  const outcome = intentNews.has(event.type) ? outcomeOf(intent.data, {}) : undefined
  return {
    ...about,
    names,
    ...(operation ? { operation } : {}),
    ...(binding ? { binding } : {}),
    ...(outcome === undefined || outcome.kind === 'uncertain' ? {} : { news: outcome }),
  }
}

/**
 * docs.stripe.com/api/mandates/object: an inactive mandate cannot be used (and of SEPA and ACH none comes back, the payer agrees anew); a
 * pending one cannot be used yet.
 */
const mandateNews: ReadonlyMap<string, News> = new Map([
  ['inactive', { kind: 'revoked', reason: 'mandate_inactive' }],
  ['pending', { kind: 'suspended', reason: 'mandate_pending' }],
  ['active', { kind: 'resumed' }],
])

function tellMandate(event: Event, about: About): Told {
  const mandate = mandateShape.safeParse(event.data.object)
  if (!mandate.success) return { ...about, names: [] }
  const names = [mandate.data.id, idOf(mandate.data.payment_method)].filter(name => name !== undefined)
  const news = mandateNews.get(mandate.data.status)
  return { ...about, names, ...(news === undefined ? {} : { news }) }
}

/** News about a stored card or account comes from Stripe itself and answers nothing we asked. Names it by token and by our binding's mark. */
function tellMethod(event: Event, about: About): Told {
  const method = methodShape.safeParse(event.data.object)
  if (!method.success) return { ...about, names: [] }
  const binding = method.data.metadata?.bindery_binding
  const shown = shownOf(method.data)
  const blocked = method.data.us_bank_account?.status_details?.blocked
  const news: Readonly<Record<string, News>> = {
    // An account that the ACH network closed to debits is blocked by its fingerprint, for us too (`status_details.blocked`).
    'payment_method.updated': blocked
      ? { kind: 'suspended', reason: blocked.reason ?? 'blocked' }
      : { kind: 'updated', token: method.data.id, ...(shown === undefined ? {} : { shown }) },
    'payment_method.detached': { kind: 'revoked' },
  }
  // Until API version 2020-08-27 the updater's event was called `card_automatically_updated`.
  const name = /^payment_method\.(card_)?automatically_updated$/.test(event.type) ? 'payment_method.updated' : event.type
  const found = news[name]
  return {
    ...about,
    names: [method.data.id],
    ...(binding ? { binding } : {}),
    ...(found === undefined ? {} : { news: found }),
  }
}

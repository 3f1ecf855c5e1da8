/**
 * Adyen's webhooks, two kinds on one address:
 *
 * - Standard: `notificationItems[]`, each signed on its own in `additionalData.hmacSignature`, over eight of its fields only. The rest,
 *   the token and the date among it, is vouched for by TLS alone.
 * - Tokens: `recurring.token.*`, signed over the raw body in the header `HmacSignature`.
 *
 * Both: base64 of HMAC-SHA256, the key in hex. Source: docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
 * and the official library's `hmacValidator`, against which ours is tested.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Secret } from '../../core/secret.ts'
import type { Moment, News, Told, WebhookReading, WebhookRequest } from '../channel.ts'
import { readJson } from '../json.ts'
import { refusalCodeOf, refusalOf } from './refusals.ts'
import { merchantAccountOf, ourId } from './requests.ts'
import { boundOf, shopperOf, tokenOf, tokenPattern, word } from './wire.ts'

/** Adyen sends one item a request; more is allowed by the form. */
const itemsMax = 100
/**
 * Adyen repeats a delivery for up to 30 days (…/webhooks/troubleshoot) and signs no time of sending, so "stale" can only mean that the
 * event itself is older than any honest repetition. Known for token events, whose `createdAt` is signed; a standard item's date is not,
 * and nothing is concluded from it. Replays within the time are caught by the event's id.
 */
const ageMaxMs = 35 * 86_400_000

export const standardItem = z.object({
  pspReference: z.string().min(1),
  originalReference: z.string().optional(),
  merchantAccountCode: z.string(),
  merchantReference: z.string(),
  amount: z.object({ value: z.union([z.number(), z.string()]), currency: z.string() }),
  eventCode: z.string().min(1),
  success: z.union([z.string(), z.boolean()]),
  eventDate: z.string().optional(),
  reason: z.string().nullish(),
  additionalData: z.record(z.string(), z.unknown()).optional(),
})
export type StandardItem = z.infer<typeof standardItem>
const standard = z.object({
  notificationItems: z
    .array(z.object({ NotificationRequestItem: standardItem }))
    .min(1)
    .max(itemsMax),
})

const tokenEvent = z.object({
  type: z.string().min(1),
  eventId: z.string().min(1),
  createdAt: z.string(),
  data: z.object({
    merchantAccount: z.string().min(1),
    shopperReference: z.string().min(1),
    storedPaymentMethodId: z.string().regex(tokenPattern),
    type: z.string(),
  }),
})
type TokenEvent = z.infer<typeof tokenEvent>

export const signatureHeader = 'hmacsignature'

/** A key of fewer than 16 bytes, or that is not hex, signs nothing: the official libraries would read it as an empty key. */
function keyBytes(secret: Secret): Buffer | undefined {
  const text = secret.reveal()
  return /^(?:[0-9a-f]{2}){16,}$/i.test(text) ? Buffer.from(text, 'hex') : undefined
}

const signedFields = (of: StandardItem): readonly string[] => [
  of.pspReference,
  of.originalReference ?? '',
  of.merchantAccountCode,
  of.merchantReference,
  String(of.amount.value),
  of.amount.currency,
  of.eventCode,
  String(of.success),
]

const hmac = (key: Buffer, data: string | Buffer): Buffer => createHmac('sha256', key).update(data).digest()
/** Signatures as Adyen makes them, for the simulator: base64, whatever the key is worth. */
export const signBody = (key: string, body: string | Buffer): string => hmac(Buffer.from(key, 'hex'), body).toString('base64')
export const signItem = (key: string, of: StandardItem): string => signBody(key, signedFields(of).join(':'))

function fits(secrets: readonly Secret[], data: string | Buffer, signature: string): boolean {
  // As text: a decoder passes over what stands behind the end.
  const given = Buffer.from(signature)
  return secrets.some(secret => {
    const key = keyBytes(secret)
    if (key === undefined) return false
    const expected = Buffer.from(hmac(key, data).toString('base64'))
    return expected.length === given.length && timingSafeEqual(expected, given)
  })
}

const rejected = (reason: 'forged' | 'stale' | 'malformed', detail: string): WebhookReading => ({ kind: 'rejected', reason, detail })
/** Any 2xx accepts. The classic body is kept for accounts that were set up when it was required. */
const accepted = (told: readonly Told[]): WebhookReading => ({
  kind: 'told',
  told,
  answer: { status: 200, contentType: 'text/plain; charset=utf-8', body: '[accepted]' },
})

/**
 * Adyen can send a user and password with each webhook (the specification's `BasicAuth`). Where the account has them they are required:
 * they vouch for what a standard item's signature leaves out.
 */
function admits({ account, headers }: WebhookRequest): boolean {
  const user = account.settings.webhookUser
  const password = account.secrets.webhookPassword
  if (user === undefined && password === undefined) return true
  const expected = `Basic ${Buffer.from(`${user ?? ''}:${password?.reveal() ?? ''}`).toString('base64')}`
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(expected), digest(headers.authorization ?? ''))
}

export function readWebhook(request: WebhookRequest): WebhookReading {
  if (!admits(request)) return rejected('forged', 'user or password does not fit')
  const body = json(request.body)
  const words = readJson(request.body.toString('utf8'))
  const header = request.headers[signatureHeader]
  const whole = header !== undefined && fits(request.secrets, request.body, header)
  const event = tokenEvent.safeParse(words)
  if (whole && event.success) return readToken(request, event.data)
  const read = standard.safeParse(words)
  // What is not signed is not described in detail: whoever sent it learns nothing.
  if (!read.success)
    return whole ? rejected('malformed', 'signed, but of no known form') : rejected('forged', explain(request, body, header))
  const items = read.data.notificationItems.map(one => one.NotificationRequestItem)
  if (!whole && !items.every(one => itemFits(request.secrets, one))) return rejected('forged', 'no signature fits')
  return accepted(items.map(one => tellItem(one, merchantAccountOf(request.account))))
}

/** The commonest mistake in front of a webhook: something parsed the body and wrote it anew. Standard items do not mind; token events do. */
function explain(request: WebhookRequest, body: unknown, header: string | undefined): string {
  const texts = header === undefined || body === undefined ? [] : [JSON.stringify(body), JSON.stringify(body, null, 2)]
  const rewritten = texts.some(text => fits(request.secrets, text, header ?? ''))
  return rewritten ? 'no signature fits: the body was re-serialised on its way' : 'no signature fits'
}

/** The signed string joins fields by colons, so a colon inside one would let its neighbours move: only the reference may hold one. */
function itemFits(secrets: readonly Secret[], one: StandardItem): boolean {
  const signature = word(one.additionalData, 'hmacSignature')
  if (signature === undefined || signedFields({ ...one, merchantReference: '' }).some(field => field.includes(':'))) return false
  return fits(secrets, signedFields(one).join(':'), signature)
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const momentOf = (date: string | undefined): { moment?: Moment } => {
  const atMs = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isNaN(atMs) ? {} : { moment: { atMs } }
}

function tellItem(one: StandardItem, merchantAccount: string): Told {
  const succeeded = String(one.success) === 'true'
  // Of a token that was there already the same is told again, and only the payment differs (oneTokenPerCard).
  const event = [one.eventCode, one.pspReference, ...(one.originalReference ? [one.originalReference] : []), succeeded].join(':')
  const token = one.eventCode === 'RECURRING_CONTRACT' ? one.pspReference : tokenOf(one.additionalData)
  const payment = one.eventCode === 'RECURRING_CONTRACT' ? one.originalReference : one.pspReference
  const operation = ourId('opn', one.merchantReference)
  const binding = ourId('bnd', shopperOf(one.additionalData) ?? '')
  const told: Told = {
    event,
    type: one.eventCode,
    names: [token, payment].flatMap(name => (name === undefined || name === '' ? [] : [name])),
    ...(operation === undefined ? {} : { operation }),
    ...(binding === undefined ? {} : { binding }),
    ...momentOf(one.eventDate),
  }
  // The key may serve several merchant accounts, and a charge is authorised under the same event code: a bind is always worth zero.
  if (one.merchantAccountCode !== merchantAccount || Number(one.amount.value) !== 0) return told
  const news = newsOf(one, succeeded, token)
  return news === undefined ? told : { ...told, news }
}

function newsOf(one: StandardItem, succeeded: boolean, token: string | undefined): News | undefined {
  const shopper = shopperOf(one.additionalData)
  const known = {
    ...(one.merchantReference === '' ? {} : { merchant_reference: one.merchantReference }),
    ...(shopper === undefined ? {} : { shopper_reference: shopper }),
  }
  const references = { ...known, psp_reference: one.pspReference }
  if (one.eventCode === 'RECURRING_CONTRACT') {
    const original = one.originalReference === undefined ? {} : { psp_reference: one.originalReference }
    return succeeded ? boundOf(one.pspReference, one.additionalData, { ...known, ...original }) : undefined
  }
  if (one.eventCode !== 'AUTHORISATION') return undefined
  // Neither word: nothing is concluded from what is missing.
  if (!succeeded && String(one.success) !== 'false') return undefined
  if (succeeded) return token === undefined ? { kind: 'verifying', references } : boundOf(token, one.additionalData, references)
  const reason = one.reason ?? ''
  const code = word(one.additionalData, 'refusalReasonCode') ?? refusalCodeOf(reason)
  const { by, category, elsewhere } = refusalOf(code)
  return { kind: 'refused', by, category, elsewhere, code: code ?? 'not listed', ...(reason === '' ? {} : { message: reason }), references }
}

function readToken(request: WebhookRequest, event: TokenEvent): WebhookReading {
  const { moment } = momentOf(event.createdAt)
  if (moment === undefined) return rejected('malformed', 'createdAt is not a time')
  if (request.nowMs - moment.atMs > ageMaxMs) return rejected('stale', `created ${event.createdAt}`)
  // A mandate's shopper reference is its binding's own.
  const binding = ourId('bnd', event.data.shopperReference)
  const told: Told = {
    event: `${event.type}:${event.eventId}:${event.data.storedPaymentMethodId}`,
    type: event.type,
    // The shopper's own reference names all of a customer's bindings, so it finds none.
    names: [event.data.storedPaymentMethodId, event.eventId],
    ...(binding === undefined ? {} : { binding }),
    moment,
  }
  const news = event.data.merchantAccount === merchantAccountOf(request.account) ? tokenNews(event) : undefined
  return accepted([news === undefined ? told : { ...told, news }])
}

function tokenNews(event: TokenEvent): News | undefined {
  const { storedPaymentMethodId: token, shopperReference } = event.data
  const references = { shopper_reference: shopperReference }
  switch (event.type) {
    case 'recurring.token.created':
    case 'recurring.token.alreadyExisting':
      return boundOf(token, {}, { ...references, psp_reference: event.eventId })
    case 'recurring.token.updated':
      // The event does not say what is new; the list of stored details does (a look-up).
      return { kind: 'updated', references: { ...references, stored_payment_method: token } }
    case 'recurring.token.disabled':
      // By us or by a third party, and there is no event that enables one again: gone, not suspended.
      return { kind: 'revoked' }
    default:
      return undefined
  }
}

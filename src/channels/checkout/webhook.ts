/**
 * Checkout.com's webhooks: `Cko-Signature` is the HMAC-SHA256 of the body in hexadecimal (www.checkout.com/docs, "Webhooks"; the libraries
 * bring no verifier). It carries no time, so what is told twice is known by the event's id alone.
 *
 * What becomes of a stored card is not an event of its own: the account updater's finding comes with the payment that it was made for, as
 * `source.account_update_status` (checkout-sdk-net, `AccountUpdateStatus`; that webhooks carry it as answers do is our inference).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Secret } from '../../core/secret.ts'
import type { Moment, News, Told, WebhookReading, WebhookRequest } from '../channel.ts'
import { readJson } from '../json.ts'
import { meaningOf, wantsAuthentication } from './refusals.ts'

export const signatureHeader = 'cko-signature'
export const signatureOf = (secret: string, body: string | Buffer): string => createHmac('sha256', secret).update(body).digest('hex')

const dataShape = z.looseObject({
  id: z.string().min(1),
  reference: z.string().optional(),
  amount: z.int().optional(),
  response_code: z.string().min(1).optional(),
  response_summary: z.string().optional(),
  scheme_id: z.string().optional(),
  '3ds': z.looseObject({}).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  source: z
    .looseObject({
      id: z.string().min(1).optional(),
      scheme: z.string().optional(),
      last_4: z.string().optional(),
      expiry_month: z.int().optional(),
      expiry_year: z.int().optional(),
      account_update_status: z.string().optional(),
    })
    .optional(),
})
type Data = z.infer<typeof dataShape>
const eventShape = z.looseObject({ id: z.string().min(1), type: z.string().min(1), created_on: z.string(), data: z.looseObject({}) })

const rejected = (reason: 'forged' | 'malformed', detail: string): WebhookReading => ({ kind: 'rejected', reason, detail })

function fits(secrets: readonly Secret[], body: string | Buffer, signature: string): boolean {
  const given = Buffer.from(signature)
  return secrets.some(secret => {
    const expected = Buffer.from(signatureOf(secret.reveal(), body))
    return secret.reveal() !== '' && expected.length === given.length && timingSafeEqual(expected, given)
  })
}

export function readWebhook(request: WebhookRequest): WebhookReading {
  const signature = request.headers[signatureHeader] ?? ''
  const body = json(request.body)
  if (!fits(request.secrets, request.body, signature)) return rejected('forged', explain(request, body, signature))
  const event = eventShape.safeParse(readJson(request.body.toString('utf8')))
  const atMs = event.success ? Date.parse(event.data.created_on) : Number.NaN
  if (!event.success || Number.isNaN(atMs)) return rejected('malformed', 'signed, but of no known form')
  return { kind: 'told', told: tell(event.data, { atMs }), answer: { status: 200, contentType: 'text/plain; charset=utf-8', body: '' } }
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The commonest mistake in front of a webhook: something parsed the body and wrote it anew. */
function explain(request: WebhookRequest, body: unknown, signature: string): string {
  const texts = body === undefined ? [] : [JSON.stringify(body), JSON.stringify(body, null, 2)]
  const rewritten = texts.some(text => fits(request.secrets, text, signature))
  return rewritten ? 'no signature fits: the body was re-serialised on its way' : 'no signature fits'
}

function tell(event: z.infer<typeof eventShape>, moment: Moment): readonly Told[] {
  const { id, type } = event
  const read = dataShape.safeParse(event.data)
  // Of something else than payments: the account may have asked for more than we know.
  if (!read.success) return [{ event: id, type, names: [], moment }]
  const { data } = read
  const source = data.source?.id
  const about = { type, names: [data.id, ...(source === undefined ? [] : [source])], moment }
  const mark = (name: string) => {
    const value = data.metadata?.[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const operation = mark('bindery_operation')
  const binding = mark('bindery_binding')
  if (operation === undefined || binding === undefined)
    return newsOfUpdate(data).map((news, index) => ({ ...about, event: index === 0 ? id : `${id}.${index}`, ...news }))
  const news = newsOfBind(type, data)
  return [{ ...about, event: id, operation, binding, ...(news === undefined ? {} : { news }) }]
}

/** Of a payment that we made to store a card: always of nothing. */
function newsOfBind(type: string, data: Data): News | undefined {
  const references = { payment: data.id }
  if (data.amount !== undefined && data.amount !== 0) return undefined
  if (type === 'card_verified' && data.source?.id !== undefined) {
    const { source } = data
    return {
      kind: 'bound',
      token: data.source.id,
      references: { ...references, source: data.source.id },
      shown: {
        ...(source.scheme === undefined ? {} : { brand: source.scheme.toLowerCase() }),
        ...(source.last_4 === undefined ? {} : { last4: source.last_4 }),
        ...(source.expiry_month === undefined ? {} : { expiryMonth: source.expiry_month }),
        ...(source.expiry_year === undefined ? {} : { expiryYear: source.expiry_year }),
      },
      ...(data.scheme_id === undefined ? {} : { networkTransactionId: data.scheme_id }),
    }
  }
  if (type !== 'card_verification_declined' || data.response_code === undefined) return undefined
  // Declined for want of 3-D Secure, which we ask for next: not the end of the operation.
  if (wantsAuthentication.has(data.response_code) && data['3ds'] === undefined) return undefined
  const { response_summary: message } = data
  return { kind: 'refused', ...meaningOf(data.response_code), references, ...(message === undefined ? {} : { message }) }
}

/** Of somebody's charge of a stored card: what the account updater found out about it. */
function newsOfUpdate(data: Data): readonly { readonly news?: News }[] {
  const { source } = data
  switch (source?.account_update_status) {
    case 'card_updated':
    case 'card_expiry_updated': {
      const shown = {
        ...(source.last_4 === undefined ? {} : { last4: source.last_4 }),
        ...(source.expiry_month === undefined ? {} : { expiryMonth: source.expiry_month }),
        ...(source.expiry_year === undefined ? {} : { expiryYear: source.expiry_year }),
      }
      // New details end the wait that `contact_cardholder` began.
      return [{ news: { kind: 'updated', shown } }, { news: { kind: 'resumed' } }]
    }
    case 'contact_cardholder':
      return [{ news: { kind: 'suspended', reason: 'contact_cardholder' } }]
    case 'card_closed':
      return [{ news: { kind: 'revoked', reason: 'card_closed' } }]
    default:
      return [{}]
  }
}

/**
 * Square's webhooks: base64 of HMAC-SHA256 over the notification URL and the raw body, in `x-square-hmacsha256-signature`. The URL is as it
 * is set at Square, to the letter (`settings.notificationUrl`), and the key is used as it stands. Source:
 * developer.squareup.com/docs/webhooks/step3validate, and the official library's `WebhooksHelper`, against which ours is tested. No time is
 * signed: a repetition is known by its `event_id`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { News, Told, WebhookReading, WebhookRequest } from '../channel.ts'
import { readJson } from '../json.ts'
import { boundOf, type SquareCard, shownOf, squareCard } from './wire.ts'

export const signatureHeader = 'x-square-hmacsha256-signature'
const idMax = 192

export const signatureOf = (key: string, url: string, body: string | Buffer): Buffer =>
  createHmac('sha256', key).update(url).update(body).digest()

const squareEvent = z.object({
  type: z.string().min(1).max(100),
  event_id: z.string().min(1).max(idMax),
  created_at: z.string(),
  data: z.object({ id: z.string().max(idMax).optional(), object: z.object({ card: z.unknown() }).optional() }).optional(),
})
type SquareEvent = z.infer<typeof squareEvent>

const rejected = (reason: 'forged' | 'malformed', detail: string): WebhookReading => ({ kind: 'rejected', reason, detail })

export function readWebhook(request: WebhookRequest): WebhookReading {
  const given = request.headers[signatureHeader] ?? ''
  if (!fits(request, request.body, given)) return rejected('forged', explain(request, given))
  const event = squareEvent.safeParse(readJson(request.body.toString('utf8')))
  const atMs = event.success ? Date.parse(event.data.created_at) : Number.NaN
  if (!event.success || Number.isNaN(atMs)) return rejected('malformed', 'signed, but of no known form')
  return { kind: 'told', told: tell(event.data, atMs), answer: { status: 200, contentType: 'text/plain; charset=utf-8', body: 'ok' } }
}

/** An empty key or an empty URL proves nothing: the one is everybody's, the other is not set. */
function fits(request: WebhookRequest, body: string | Buffer, given: string): boolean {
  const url = request.account.settings.notificationUrl ?? ''
  return (
    url !== '' &&
    request.secrets.some(secret => {
      const key = secret.reveal()
      // As text: a decoder passes over what stands behind the end.
      const [expected, said] = [Buffer.from(signatureOf(key, url, body).toString('base64')), Buffer.from(given)]
      return key !== '' && expected.length === said.length && timingSafeEqual(expected, said)
    })
  )
}

/** The commonest mistakes in front of a webhook: the body was parsed and written anew, or the URL is not the one that is set at Square. */
function explain(request: WebhookRequest, given: string): string {
  const body = json(request.body)
  const texts = body === undefined ? [] : [JSON.stringify(body), JSON.stringify(body, null, 2)]
  if (texts.some(text => fits(request, text, given))) return 'no signature fits: the body was re-serialised on its way'
  return 'no signature fits; it covers the notification URL too, exactly as it is set at Square'
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function tell(event: SquareEvent, atMs: number): readonly Told[] {
  const read = squareCard.safeParse(event.data?.object?.card)
  const card = read.success ? read.data : undefined
  const reference = card?.reference_id
  const told: Told = {
    event: event.event_id,
    type: event.type,
    names: card === undefined ? [] : [card.id],
    ...(typeof reference === 'string' && reference.startsWith('opn_') ? { operation: reference } : {}),
    // A card's version grows with each change of it: the order of what is told, before any clock.
    moment: { atMs, ...(card?.version === undefined ? {} : { sequence: card.version }) },
  }
  if (card === undefined) return [told]
  const [first, ...rest] = newsOf(event.type, card)
  if (first === undefined) return [told]
  // What a card has become is the channel's own news; only its making answers our operation.
  const { operation: _operation, ...later } = told
  const one = event.type === 'card.created' ? told : later
  return [{ ...one, news: first }, ...rest.map(news => ({ ...later, event: `${event.event_id}:${news.kind}`, news }))]
}

/** Specification: CardCreatedEvent and its siblings. */
function newsOf(type: string, card: SquareCard): readonly News[] {
  switch (type) {
    case 'card.created':
      return card.enabled === false ? [] : [boundOf(card, card.reference_id ? { reference_id: card.reference_id } : {})]
    case 'card.updated':
      return card.enabled === false ? [{ kind: 'revoked', reason: 'disabled' }] : [{ kind: 'updated', ...shownOf(card) }]
    case 'card.automatically_updated':
      // "Updates the expiration date or PAN, or adds or removes an issuer alert": which of it is seen by what the card is now.
      return card.issuer_alert === undefined
        ? [{ kind: 'updated', ...shownOf(card) }, { kind: 'resumed' }]
        : [{ kind: 'suspended', reason: card.issuer_alert.toLowerCase() }]
    case 'card.disabled':
      return [{ kind: 'revoked', reason: 'disabled' }]
    case 'card.forgotten':
      return [{ kind: 'revoked', reason: 'forgotten' }]
    default:
      return []
  }
}

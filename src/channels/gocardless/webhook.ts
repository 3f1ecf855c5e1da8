/**
 * GoCardless' webhooks: batches of at most 250 events that have nothing to do with one another, signed as a whole by the hex HMAC-SHA256
 * of the raw body in `Webhook-Signature` (the official library's `webhooks.parse`, against which ours is tested). No time is signed, so
 * nothing can be stale; repetitions are caught by each event's id. "Webhooks about unknown events should be ignored, and return 204."
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { News, Told, WebhookReading, WebhookRequest } from '../channel.ts'
import { categoryOf } from './refusals.ts'
import { boundOf, mandateId, marks, takesPaymentsAtOnce } from './wire.ts'

export const signatureHeader = 'webhook-signature'
/** Four times what is documented: a batch is never refused for its size. */
const eventsMax = 1_000

export const sign = (secret: string, body: string | Buffer): string => createHmac('sha256', secret).update(body).digest('hex')

const batchShape = z.object({ events: z.array(z.unknown()).max(eventsMax) })
const text = z.string().nullish()
const eventShape = z.looseObject({
  id: z.string().min(1),
  created_at: z.string(),
  resource_type: z.string().min(1),
  action: z.string().min(1),
  links: z.looseObject({
    mandate: text,
    billing_request: text,
    billing_request_flow: text,
    mandate_request_mandate: text,
    new_mandate: text,
    new_customer_bank_account: text,
  }),
  details: z.looseObject({ origin: text, cause: text, scheme: text, reason_code: text, description: text }).nullish(),
  // The metadata of what the event is about, as against `metadata`, which is of the request that brought it about. Where an account is not
  // sent it, the names find the binding.
  resource_metadata: z.record(z.string(), z.unknown()).nullish(),
})
type Event = z.infer<typeof eventShape>

export function readWebhook(request: WebhookRequest): WebhookReading {
  const signature = request.headers[signatureHeader] ?? ''
  if (!fits(request, request.body, signature)) return { kind: 'rejected', reason: 'forged', detail: explain(request, signature) }
  const batch = batchShape.safeParse(parse(request.body))
  if (!batch.success) return { kind: 'rejected', reason: 'malformed', detail: 'signed, but no batch of events' }
  const told = batch.data.events.flatMap(tell)
  return { kind: 'told', told, answer: { status: 204, contentType: 'text/plain; charset=utf-8', body: '' } }
}

function fits(request: WebhookRequest, body: string | Buffer, signature: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false
  const given = Buffer.from(signature, 'hex')
  return request.secrets.map(secret => timingSafeEqual(given, Buffer.from(sign(secret.reveal(), body), 'hex'))).includes(true)
}

/** The commonest mistake in front of a webhook: something parsed the body and wrote it anew. */
function explain(request: WebhookRequest, signature: string): string {
  const value = parse(request.body)
  const texts = value === undefined ? [] : [JSON.stringify(value), JSON.stringify(value, null, 2)]
  const rewritten = texts.some(one => fits(request, one, signature))
  return rewritten ? 'no signature fits: the body was re-serialised on its way' : 'no signature fits'
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** One malformed event does not take the others with it: it is acknowledged under a name made of what it says. */
function tell(item: unknown): readonly Told[] {
  const parsed = eventShape.safeParse(item)
  if (parsed.success) return tellEvent(parsed.data)
  const name = createHash('sha256').update(JSON.stringify(item)).digest('hex').slice(0, 32)
  return [{ event: `malformed:${name}`, type: 'malformed', names: [] }]
}

function tellEvent(event: Event): readonly Told[] {
  const { links } = event
  const atMs = Date.parse(event.created_at)
  const mark = (name: string) => {
    const value = event.resource_metadata?.[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const binding = mark(marks.binding)
  const operation = mark(marks.operation)
  const names = [links.mandate, links.mandate_request_mandate, links.billing_request].filter(one => one != null)
  const about: Told = {
    event: event.id,
    type: `${event.resource_type}.${event.action}`,
    names,
    ...(binding === undefined ? {} : { binding }),
    ...(Number.isNaN(atMs) ? {} : { moment: { atMs } }),
  }
  const answering: Told = { ...about, ...(operation === undefined ? {} : { operation }) }
  if (event.resource_type === 'billing_requests') return [tellRequest(event, answering)]
  if (event.resource_type === 'mandates') return tellMandate(event, about, answering, mark(marks.scheme))
  return [about]
}

/** A request that is fulfilled has a mandate, whose own status says what is become of it: we go and see. */
function tellRequest(event: Event, answering: Told): Told {
  const request = event.links.billing_request
  if (event.action === 'fulfilled' && request != null) return { ...answering, returned: { billing_request: request } }
  if (event.action !== 'cancelled') return answering
  const references = request == null ? {} : { billing_request: request }
  const code = 'billing_request_cancelled'
  return { ...answering, news: { kind: 'refused', by: 'channel', category: categoryOf(code), code, elsewhere: false, references } }
}

function tellMandate(event: Event, about: Told, answering: Told, scheme: string | undefined): readonly Told[] {
  const mandate = mandateId.safeParse(event.links.mandate)
  if (!mandate.success) return [about]
  const token = mandate.data
  const cause = event.details?.cause ?? event.action
  const references = { mandate: token }
  const news = (one: News): readonly Told[] => [{ ...about, news: one }]
  switch (event.action) {
    case 'active':
      return [{ ...answering, news: boundOf(token, undefined, {}) }]
    case 'customer_approval_granted':
    case 'customer_approval_skipped':
    case 'submitted':
      if (scheme === undefined) return [about]
      return [{ ...answering, news: takesPaymentsAtOnce(scheme) ? boundOf(token, undefined, {}) : { kind: 'verifying', references } }]
    case 'failed':
      return tellFailure(event, about, token)
    case 'cancelled':
    case 'blocked':
      // A blocked mandate "cannot be unblocked" (API reference).
      return news({ kind: 'revoked', reason: cause })
    case 'expired':
      return news({ kind: 'expired' })
    case 'consumed':
      // Of schemes in which the payer authorises a single payment: it was collected.
      return news({ kind: 'expired', reason: 'consumed' })
    case 'reinstated':
      return news({ kind: 'reinstated', token, evidence: `${event.id}: ${event.details?.origin ?? 'unknown'}, ${cause}` })
    case 'transferred':
      return news({ kind: 'updated', references: { ...references, ...accountOf(event) } })
    case 'replaced':
      return tellReplaced(event, about)
    default:
      // `created` says nothing of whether the payer's co-signer has still to approve; `resubmission_requested` ends in one of the above.
      return [about]
  }
}

const accountOf = ({ links }: Event): Readonly<Record<string, string>> =>
  links.new_customer_bank_account == null ? {} : { customer_bank_account: links.new_customer_bank_account }

/**
 * A mandate fails while it is being set up, or, having been used already, when it is set up anew (its account moved). The first is a
 * refusal, the second the end of what was alive; the event does not say which. So it says both, as news of its own and not as the answer
 * to our bind: on a binding that never lived the first is right and the second changes nothing, on a living one it is the other way round.
 */
function tellFailure(event: Event, about: Told, token: string): readonly Told[] {
  const code = event.details?.cause ?? 'other'
  const message = event.details?.description
  const refused: News = {
    kind: 'refused',
    by: 'issuer',
    category: categoryOf(code),
    code,
    ...(message == null ? {} : { message }),
    elsewhere: false,
    references: { mandate: token },
  }
  return [
    { ...about, news: refused },
    { ...about, event: `${event.id}:gone`, news: { kind: 'revoked', reason: code } },
  ]
}

function tellReplaced(event: Event, about: Told): readonly Told[] {
  const next = mandateId.safeParse(event.links.new_mandate)
  if (!next.success) return [about]
  return [{ ...about, names: [...about.names, next.data], news: { kind: 'updated', token: next.data, references: { mandate: next.data } } }]
}

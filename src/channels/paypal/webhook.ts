/**
 * Webhooks from PayPal (developer.paypal.com/api/rest/webhooks/rest): the signature is RSA-SHA256 over
 * `transmission id|transmission time|webhook id|CRC-32 of the body`, and the certificate is fetched from where the header says, which is
 * believed only of PayPal's own hosts. The webhook id, which PayPal gave our listener, takes the place of a secret: what was signed for
 * another listener is a forgery here. A CRC-32 is no hash, so whoever holds one signed body can make others that fit: what a webhook says is
 * news about a name we know, never more.
 */
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { type News, NoAnswer, type Told, type WebhookReading, type WebhookRequest, type WebhookScheme } from '../channel.ts'
import { readJson } from '../json.ts'
import { parse, payerOf, paymentShape, shownOf } from './wire.ts'

/** "PayPal will retry each delivery up to 25 times over 3 days": nothing says that a retry is signed anew, so a day is added to that. */
const toleranceMs = 4 * 86_400_000

export const webhookScheme: WebhookScheme = {
  algorithm: 'rsa-sha256',
  over: 'transmission id, transmission time, webhook id and the CRC-32 of the body in decimal, with | between them',
  header: 'paypal-transmission-sig',
  toleranceSeconds: toleranceMs / 1_000,
}

const eventShape = z.looseObject({
  id: z.string().min(1),
  event_type: z.string().min(1),
  create_time: z.iso.datetime({ offset: true }),
  resource: z.looseObject({}),
})
type Event = z.infer<typeof eventShape>

type Signed = { readonly id: string; readonly time: string; readonly signature: Buffer; readonly certificateUrl: string }

export async function readWebhook(request: WebhookRequest): Promise<WebhookReading> {
  const signed = signedOf(request.headers)
  if (signed === undefined) return forged('the headers of a transmission are missing or not readable')
  if (!isPayPals(signed.certificateUrl, request.account.address)) return forged(`a certificate of somebody else: ${signed.certificateUrl}`)
  if (Math.abs(request.nowMs - Date.parse(signed.time)) > toleranceMs)
    return { kind: 'rejected', reason: 'stale', detail: `sent at ${signed.time}, more than ${toleranceMs / 1_000} s away` }
  if (request.secrets.length === 0) return forged('no webhook id is known')
  const key = await keyOf(signed.certificateUrl, request)
  if (typeof key === 'string') return forged(key)
  const fits = (body: Buffer) => request.secrets.some(secret => verifies(signed, secret.reveal(), body, key))
  if (!fits(request.body)) return forged(explain(request.body, fits))
  const event = eventShape.safeParse(readJson(request.body.toString('utf8')))
  if (!event.success) return { kind: 'rejected', reason: 'malformed', detail: 'not an event of PayPal' }
  return { kind: 'told', told: [tell(event.data)], answer: { status: 200, contentType: 'application/json', body: '{}' } }
}

const forged = (detail: string): WebhookReading => ({ kind: 'rejected', reason: 'forged', detail })

function signedOf(headers: WebhookRequest['headers']): Signed | undefined {
  const id = headers['paypal-transmission-id'] ?? ''
  const time = headers['paypal-transmission-time'] ?? ''
  const signature = headers['paypal-transmission-sig'] ?? ''
  const known = headers['paypal-auth-algo'] === 'SHA256withRSA' && z.iso.datetime({ offset: true }).safeParse(time).success
  if (!known || id === '' || !/^[0-9A-Za-z+/]{16,1024}={0,2}$/.test(signature)) return undefined
  return { id, time, signature: Buffer.from(signature, 'base64'), certificateUrl: headers['paypal-cert-url'] ?? '' }
}

const certificatePath = /^\/v1\/notifications\/certs\/[0-9A-Za-z_-]{1,100}$/
/** The certificates stand at `api.paypal.com`, the API of our account at `api-m.paypal.com`; live and sandbox vouch for themselves only. */
const certificateOrigins: Readonly<Record<string, readonly string[]>> = {
  'https://api-m.paypal.com': ['https://api.paypal.com'],
  'https://api-m.sandbox.paypal.com': ['https://api.sandbox.paypal.com'],
}
export const originsOf = (address: string): readonly string[] => certificateOrigins[new URL(address).origin] ?? []

function isPayPals(url: string, address: string): boolean {
  if (!URL.canParse(url)) return false
  const { origin, pathname, search, username } = new URL(url)
  return (
    [new URL(address).origin, ...originsOf(address)].includes(origin) && certificatePath.test(pathname) && search === '' && username === ''
  )
}

type Certificate = { readonly key: KeyObject; readonly fromMs: number; readonly toMs: number }

/** The key, or why there is none. What could not be fetched is not remembered: PayPal will try again. */
async function keyOf(url: string, request: WebhookRequest): Promise<KeyObject | string> {
  const known = request.remembered?.get(url)
  const found = known === undefined ? await fetchCertificate(url, request) : readCertificate(known)
  if (typeof found === 'string') return found
  return request.nowMs < found.fromMs || request.nowMs > found.toMs ? 'the certificate is not valid at this time' : found.key
}

async function fetchCertificate(url: string, request: WebhookRequest): Promise<Certificate | string> {
  try {
    const answer = await request.send({ method: 'GET', url, headers: { accept: 'application/x-pem-file, text/plain, */*' } })
    if (answer.status !== 200) return `the certificate could not be fetched: ${answer.status}`
    const found = readCertificate(answer.body)
    if (typeof found !== 'string') request.remembered?.set(url, answer.body)
    return found
  } catch (error) {
    if (error instanceof NoAnswer) return `the certificate could not be fetched: ${error.message}`
    throw error
  }
}

function readCertificate(text: string): Certificate | string {
  try {
    // A chain may follow; the first is the one that signs.
    const certificate = new X509Certificate(text)
    // As PayPal's own libraries check it (PayPal-Python-SDK, notifications.py); its chain is vouched for by the host it was fetched from.
    if (!/^CN=.+\.paypal\.com$/im.test(certificate.subject)) return 'the certificate is not in PayPal’s name'
    const key = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' }))
    if (key.asymmetricKeyType !== 'rsa') return 'the certificate is not of an RSA key'
    return { key, fromMs: Date.parse(certificate.validFrom), toMs: Date.parse(certificate.validTo) }
  } catch {
    return 'what stands there is not a certificate'
  }
}

const verifies = (signed: Signed, webhook: string, body: Buffer, key: KeyObject): boolean =>
  verify('sha256', Buffer.from(`${signed.id}|${signed.time}|${webhook}|${crc32(body)}`), key, signed.signature)

/** The commonest mistake in front of a webhook: something parsed the body and wrote it anew. PayPal writes without blanks. */
function explain(body: Buffer, fits: (body: Buffer) => boolean): string {
  const value = parse(body.toString('utf8'))
  if (value === undefined) return 'the signature does not fit'
  const rewritten = [JSON.stringify(value), JSON.stringify(value, null, 2)].some(text => fits(Buffer.from(text)))
  return rewritten ? 'the signature does not fit: the body was re-serialised on its way' : 'the signature does not fit'
}

/** developer.paypal.com/api/rest/webhooks/event-names, "Payment Method Tokens". */
const ended: Readonly<Record<string, News>> = {
  'VAULT.PAYMENT-TOKEN.DELETION-INITIATED': { kind: 'revoking' },
  'VAULT.PAYMENT-TOKEN.DELETED': { kind: 'revoked' },
}

function tell(event: Event): Told {
  const about = { event: event.id, type: event.event_type, moment: { atMs: Date.parse(event.create_time) } }
  const payment = paymentShape.partial({ payment_source: true }).safeParse(event.resource)
  if (!event.event_type.startsWith('VAULT.PAYMENT-TOKEN.') || !payment.success) return { ...about, names: [] }
  const { id, customer, payment_source: source } = payment.data
  const names = [id, customer?.id].filter(name => name !== undefined)
  const binding = customer?.merchant_customer_id
  const named = { ...about, names, ...(binding?.startsWith('bnd_') === true ? { binding } : {}) }
  if (event.event_type !== 'VAULT.PAYMENT-TOKEN.CREATED' || source?.paypal === undefined) {
    const news = ended[event.event_type]
    return news === undefined ? named : { ...named, news }
  }
  const stored = { ...payment.data, payment_source: source }
  const payer = payerOf(stored)
  const references = { payment_token: id, ...(customer?.id === undefined ? {} : { vault_customer: customer.id }) }
  const identity = payer === undefined ? {} : { identity: { kind: 'wallet', value: payer } as const }
  return { ...named, news: { kind: 'bound', token: id, references, shown: shownOf(stored), ...identity } }
}

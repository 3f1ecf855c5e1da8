/**
 * The bank's notifications of recurrences (callback of `PUT /webhookrec`). They carry no signature: the connection is authenticated, by
 * the bank's client certificate. The specification leaves that to the Central Bank's rules; banks say so in their own pages and publish
 * their certificate there (Efí, api-pix/webhooks: "by Central Bank regulation"). A TLS terminator in front of us has verified that the
 * sender holds the certificate's key and hands the certificate on in `Client-Cert` (RFC 9440), which our server keeps from such a proxy
 * only. Here it is compared, by the SHA-256 of its DER, with the fingerprints the account knows.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Secret } from '../../core/secret.ts'
import type { News, Told, WebhookReading, WebhookRequest } from '../channel.ts'
import { endOf, momentOf } from './outcome.ts'
import { changedAtMs, idPattern, type Notification, notification, parse } from './wire.ts'

export const certificateHeader = 'client-cert'
const recsMax = 1_000

export const fingerprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex')
/** RFC 9440, 2.1: a byte sequence of structured fields (RFC 8941, 3.3.5). */
export const certificateField = (der: Buffer): string => `:${der.toString('base64')}:`

const body = z.object({ recs: z.array(z.unknown()).min(1).max(recsMax) })
const named = z.object({ idRec: z.string().regex(idPattern) })
/** The same address may be registered for charges and for single payments, which are not ours to tell. */
const otherBody = z.union([z.object({ cobsr: z.array(z.unknown()) }), z.object({ pix: z.array(z.unknown()) })])

const rejected = (reason: 'forged' | 'malformed', detail: string): WebhookReading => ({ kind: 'rejected', reason, detail })
const accepted = (told: readonly Told[]): WebhookReading => ({
  kind: 'told',
  told,
  answer: { status: 200, contentType: 'text/plain; charset=utf-8', body: '' },
})

export function readWebhook(request: WebhookRequest): WebhookReading {
  const field = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(request.headers[certificateHeader]?.trim() ?? '')?.[1]
  if (field === undefined) return rejected('forged', 'no client certificate: is the TLS terminator trusted, and does it send Client-Cert?')
  if (!isKnown(Buffer.from(field, 'base64'), request.secrets)) return rejected('forged', "the client's certificate is not the bank's")
  const value = parse(request.body.toString('utf8'))
  const read = body.safeParse(value)
  const told = read.success ? tellAll(read.data.recs) : undefined
  if (told !== undefined) return accepted(told)
  return otherBody.safeParse(value).success ? accepted([]) : rejected('malformed', 'from the bank, but of no known form')
}

/** Fingerprints as they are written: hexadecimal, colons and capitals allowed. */
function isKnown(der: Buffer, fingerprints: readonly Secret[]): boolean {
  const given = Buffer.from(fingerprintOf(der), 'hex')
  return fingerprints.some(one => {
    const known = Buffer.from(one.reveal().replaceAll(':', '').toLowerCase(), 'hex')
    return known.length === given.length && timingSafeEqual(known, given)
  })
}

/**
 * One of a batch that cannot be read costs the others nothing: it is known by what it says, and where it says which recurrence it is
 * about, that one is looked at. Undefined where none can be read: then the bank is to deliver again, and somebody to look.
 */
function tellAll(recs: readonly unknown[]): readonly Told[] | undefined {
  const read = recs.map(one => ({ one, parsed: notification.safeParse(one) }))
  if (!read.some(({ parsed }) => parsed.success)) return undefined
  return read.map(({ one, parsed }) => (parsed.success ? tell(parsed.data) : tellUnread(one)))
}

function tellUnread(one: unknown): Told {
  const about = createHash('sha256')
    .update(JSON.stringify([one]))
    .digest('hex')
    .slice(0, 32)
  const known = named.safeParse(one)
  const told = { event: `malformed:${about}`, type: 'malformed' }
  return known.success ? { ...told, names: [known.data.idRec], returned: {} } : { ...told, names: [] }
}

/** Nothing in it names our operation; the recurrence's id, which we learnt when we made it, finds the binding. */
function tell(of: Notification): Told {
  const references = { recurrence: of.idRec }
  const approved: News | undefined = of.status === 'APROVADA' ? { kind: 'bound', token: of.idRec, references } : undefined
  const news = endOf(of, references) ?? approved
  return {
    event: `${of.idRec}:${of.status}:${changedAtMs(of) ?? ''}`,
    type: `rec.${of.status}`,
    names: [of.idRec],
    ...(news === undefined ? {} : { news }),
    ...momentOf(of),
  }
}

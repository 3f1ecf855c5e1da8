/** A request to a channel with its placeholders filled in on the way out: only to allow-listed origins, only over https, nothing kept. */
import { type ChannelAnswer, type ChannelRequest, NoAnswer, type Send } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { fill, fillingOf, missing, type Template, type ToFill, templateOf } from './fill.ts'
import { redact } from './redact.ts'

/** One HTTP exchange on bytes. Throws `NoAnswer` only. Redirects are not followed. */
export type SendBytes = (request: {
  readonly method: ChannelRequest['method']
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly timeoutMs: number
}) => Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }>

export type Egress = {
  readonly send: SendBytes
  /** `https://api.stripe.com`: the origins of the configured channel accounts. */
  readonly origins: ReadonlySet<string>
  /** Sandbox only: plain http to a loopback address that is on the list. */
  readonly allowLoopback: boolean
}

/** Ours to set, or they would let the answer come in a form that cannot be searched. */
const droppedHeaders: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
])
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Checks the request before any secret is touched. Throws a TypeError (misconfiguration or an adapter's bug): nothing was sent. */
export function prepare(egress: Egress, request: ChannelRequest): Template {
  const url = URL.parse(request.url)
  if (url === null || url.username !== '' || url.password !== '') throw new TypeError('not an address anything secret may be sent to')
  if (!egress.origins.has(url.origin)) throw new TypeError(`${url.origin} is not on the vault's list of origins`)
  const sandboxed = egress.allowLoopback && url.protocol === 'http:' && loopback.has(url.hostname)
  if (url.protocol !== 'https:' && !sandboxed) throw new TypeError('what is filled in is sent over https only')
  return templateOf(request)
}

/** Sends. Throws `NoAnswer`, or a `gone` problem (nothing was sent) when something that the request wants is not held. Zeroes the filled body. */
export async function forwardFilled(
  egress: Egress,
  request: ChannelRequest,
  template: Template,
  held: ToFill,
  timeoutMs: number,
): Promise<ChannelAnswer> {
  const filling = fillingOf(held)
  const lacking = missing(template, filling)
  if (lacking !== undefined) throw new Problem('gone', `${lacking} is not held, or no longer; nothing was sent`)
  const body = request.body === undefined ? undefined : fill(template, filling)
  try {
    const answer = await egress.send({ method: request.method, url: request.url, headers: outgoing(request.headers), body, timeoutMs })
    return cleaned(answer, held)
  } finally {
    body?.fill(0)
  }
}

function outgoing(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(headers).filter(([name]) => !droppedHeaders.has(name.toLowerCase()))
  return { ...Object.fromEntries(kept), 'accept-encoding': 'identity' }
}

function cleaned(answer: Awaited<ReturnType<SendBytes>>, held: ToFill): ChannelAnswer {
  const encoding = answer.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw new NoAnswer('the answer is compressed although we asked for it plain')
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) headers[name] = redactText(value, held)
  const body = redact(answer.body, held).toString()
  answer.body.fill(0)
  return { status: answer.status, headers, body }
}

const redactText = (text: string, held: ToFill): string => (text.length < 6 ? text : redact(Buffer.from(text), held).toString())

/** For simulation, where channels are functions over strings in this very process. */
export function bytesOver(send: Send): SendBytes {
  return async ({ method, url, headers, body }) => {
    const answer = await send({ method, url, headers, ...(body === undefined ? {} : { body: body.toString() }) })
    return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.body) }
  }
}

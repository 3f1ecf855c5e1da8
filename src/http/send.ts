import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Answer, Endpoint, Pieces } from './endpoint.ts'
import type { Rendered } from './idempotency.ts'

const jsonHeaders = Object.freeze({ 'content-type': 'application/json; charset=utf-8' })

/** A use case's answer as it goes out: JSON, or text, bytes or pieces of the type the endpoint declares for that status. */
export function renderAnswer(endpoint: Endpoint, answer: Answer): Rendered {
  const contentType = endpoint.answers[answer.status]?.contentType
  const headers = contentType === undefined ? answer.headers : { 'content-type': contentType, ...answer.headers }
  if (contentType !== undefined && typeof answer.body === 'string')
    return { status: answer.status, text: answer.body, headers, replayed: false }
  if (contentType !== undefined && isPieces(answer.body))
    return { status: answer.status, text: '', headers, replayed: false, pieces: answer.body }
  const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
  return {
    status: answer.status,
    text,
    headers: answer.headers === undefined ? jsonHeaders : { ...answer.headers, ...jsonHeaders },
    replayed: false,
  }
}

const isPieces = (body: unknown): body is Pieces => typeof body === 'object' && body !== null && Symbol.asyncIterator in body

/** Writes headers and body: in one piece, or piece by piece as fast as the other side reads. Rejects when a piece cannot be had. */
export function send(
  response: ServerResponse,
  requestId: string,
  { status, text, headers, replayed, pieces }: Rendered,
): Promise<void> | undefined {
  const out = ['request-id', requestId, 'cache-control', 'no-store', 'x-content-type-options', 'nosniff']
  if (status !== 204 && pieces === undefined) out.push('content-length', String(Buffer.byteLength(text)))
  for (const name in headers) out.push(name, headers[name] ?? '')
  if (replayed) out.push('idempotent-replayed', 'true')
  response.writeHead(status, out)
  if (pieces !== undefined) return sendPieces(response, pieces)
  response.end(text)
  return undefined
}

async function sendPieces(response: ServerResponse, pieces: Pieces): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  for await (const piece of pieces) {
    if (gone.signal.aborted) return
    if (!response.write(piece)) await once(response, 'drain', { signal: gone.signal }).catch(() => undefined)
  }
  response.end()
}

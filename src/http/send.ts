import type { ServerResponse } from 'node:http'
import type { Answer, Endpoint } from './endpoint.ts'
import type { Rendered } from './idempotency.ts'

const jsonHeaders = Object.freeze({ 'content-type': 'application/json; charset=utf-8' })

/** A use case's answer as it goes out: JSON, or text of the type the endpoint declares for that status. */
export function renderAnswer(endpoint: Endpoint, answer: Answer): Rendered {
  const contentType = endpoint.answers[answer.status]?.contentType
  if (contentType !== undefined && typeof answer.body === 'string')
    return { status: answer.status, text: answer.body, headers: { ...answer.headers, 'content-type': contentType }, replayed: false }
  const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
  const headers = answer.headers === undefined ? jsonHeaders : { ...answer.headers, ...jsonHeaders }
  return { status: answer.status, text, headers, replayed: false }
}

/** Writes headers and body in one piece. */
export function send(response: ServerResponse, requestId: string, { status, text, headers, replayed }: Rendered): void {
  const out = ['request-id', requestId, 'cache-control', 'no-store', 'x-content-type-options', 'nosniff']
  if (status !== 204) out.push('content-length', String(Buffer.byteLength(text)))
  for (const name in headers) out.push(name, headers[name] ?? '')
  if (replayed) out.push('idempotent-replayed', 'true')
  response.writeHead(status, out)
  response.end(text)
}

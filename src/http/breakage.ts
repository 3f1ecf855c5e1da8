/** Requests that never became one: refused by node's parser or by fastify before any endpoint saw them. */
import type { Socket } from 'node:net'
import { Problem } from '../core/problem.ts'
import { Unavailable } from '../world/store.ts'
import type { Log } from '../world/world.ts'
import type { Endpoint } from './endpoint.ts'
import { renderProblem } from './problems.ts'

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '')

/** Answers on the bare socket, then closes it: what follows on it cannot be trusted to be the next request. */
export function brokenOff(publicUrl: string, requestId: string, error: Error, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const { status, text, headers } = renderProblem(publicUrl, requestId, parserProblem(codeOf(error)))
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    `request-id: ${requestId}`,
    'connection: close',
    `content-length: ${Buffer.byteLength(text)}`,
  ]
  for (const [name, value] of Object.entries(headers ?? {})) lines.push(`${name}: ${value}`)
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`, () => socket.destroySoon())
}

function parserProblem(code: string): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('headers_too_large', 'The headers are larger than this server takes.')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request_timeout', 'The request did not arrive in time.')
  return new Problem('invalid_request', 'This is not a well-formed HTTP/1.1 request.')
}

/** fastify's own refusals in our words; its messages may quote the request, so none is passed on. */
export function frameworkProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large', 'The body is larger than this server takes.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported_media_type', 'Send application/json in UTF-8.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Problem('malformed_body', 'The body is not as long as Content-Length says.')
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Problem('not_found', 'There is no such address.')
    default:
      return isClientFault(error)
        ? new Problem('invalid_request', 'The request cannot be read.')
        : new Problem('internal', 'Something went wrong on our side.')
  }
}

const isClientFault = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500

/** A problem as it was thrown; a database out of reach is `unavailable`; anything else is a bug, told to the log and to nobody else. */
export function problemOf(log: Log, error: unknown, endpoint: Pick<Endpoint, 'name'>, requestId: string): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Unavailable)
    return new Problem(
      'unavailable',
      'Something this server needs is out of reach. It is not known whether the request took effect: send it again with the same Idempotency-Key.',
    )
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter(line => line.startsWith('    at ')) : []
  const name = error instanceof Error ? error.name : typeof error
  log.error('bug', {
    request: requestId,
    endpoint: endpoint.name,
    name,
    at: frames
      .slice(0, 6)
      .map(line => line.trim())
      .join(' < '),
  })
  return new Problem('internal', 'Something went wrong on our side. The request id finds it in our log.')
}

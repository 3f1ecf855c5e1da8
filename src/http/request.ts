/** A request as it came, read strictly into what an endpoint validates. */
import type { FastifyRequest } from 'fastify'
import { fieldProblem, Problem } from '../core/problem.ts'
import { admit } from './auth.ts'
import { refuseCardsInBody, refuseCardsInHeaders, refuseCardsInUrl } from './cards.ts'
import { believed } from './clientAddress.ts'
import type { Caller, Endpoint, RawInput } from './endpoint.ts'
import { badText, type Json, parseJson } from './json.ts'
import type { Limits } from './limits.ts'
import { parseQuery } from './query.ts'

export type ReadRequest = { readonly input: RawInput; readonly body: Json | undefined }

const noBytes = Buffer.alloc(0)
const noBody: Json = Object.freeze({})
const jsonType = /^application\/json(?:[ \t]*;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?)?[ \t]*$/i

export function readRequest(endpoint: Endpoint, request: FastifyRequest, caller: Caller, limits: Limits): ReadRequest {
  const { raw } = request
  const url = raw.url ?? ''
  if (raw.rawHeaders.length > limits.headersMax * 2)
    throw new Problem('headers_too_large', `The request has more than ${limits.headersMax} headers.`)
  const { host } = raw.headers
  if (host === undefined ? raw.httpVersion === '1.1' : host.includes(',')) throw fieldProblem('header/host', 'A request names one host.')
  admit(caller, endpoint)
  const params = readParams(request.params, url)
  const query = parseQuery(url)
  refuseCardsInUrl(url, params, query)
  const headers = readHeaders(believed(raw.headers, raw.socket.remoteAddress, limits))
  const bytes = Buffer.isBuffer(request.body) ? request.body : noBytes
  if (endpoint.rawBody) return { input: { params, query, body: noBody, raw: bytes, headers }, body: undefined }
  refuseCardsInHeaders(headers)
  const body = readBody(endpoint, headers, bytes, limits)
  // A body that says `null` is a body, and not the object that was asked for.
  return { input: { params, query, body: body === undefined ? noBody : body, raw: bytes, headers }, body }
}

function readBody(endpoint: Endpoint, headers: RawInput['headers'], bytes: Buffer, limits: Limits): Json | undefined {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    throw fieldProblem('header/content-encoding', 'Send the body as it is, not compressed.', 'unsupported_media_type')
  if (bytes.length === 0) {
    if (endpoint.method === 'GET' && hasBody(headers)) throw new Problem('invalid_request', 'A GET request has no body.')
    return undefined
  }
  const type = headers['content-type']
  if (type === undefined || !(type === 'application/json' || jsonType.test(type)))
    throw fieldProblem('header/content-type', 'Send application/json in UTF-8.', 'unsupported_media_type')
  const { value, digits } = parseJson(bytes, limits.depthMax)
  if (digits) refuseCardsInBody(value)
  return value
}

export const hasBody = (headers: Readonly<Record<string, unknown>>): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

function readParams(params: unknown, url: string): Readonly<Record<string, string>> {
  const read: Record<string, string> = {}
  if (typeof params !== 'object' || params === null) return read
  for (const [name, value] of Object.entries(params)) {
    const text = String(value)
    const bad = url.includes('%') ? badText(text) : undefined
    if (bad !== undefined) throw fieldProblem(`path/${name}`, bad)
    read[name] = text
  }
  return read
}

/** Node gives a list for set-cookie only, which no request has. */
export function readHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): RawInput['headers'] {
  const read: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) read[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return read
}

/** A request taken apart: every field that stands on the wire by itself, and the request without it or with it under another name. */
import type { ChannelRequest } from '../src/channels/channel.ts'
import { isRecord, type Json } from '../src/channels/json.ts'

/** `name`: a header, a query parameter or a form field by its name, a JSON field by its pointer (RFC 6901). */
export type Field = { readonly place: 'header' | 'query' | 'form' | 'json'; readonly name: string }
export type Leaf = Field & { readonly value: string }
export const changes = ['drop', 'rename'] as const
export type Change = (typeof changes)[number]

/** What is about the connection or about us, not about what is asked: nobody need notice. */
const silentHeaders = ['accept', 'accept-encoding', 'accept-language', 'user-agent', 'content-length', 'connection']
/** What a renamed field is called: no channel calls anything so. */
const otherName = 'zzz_renamed'

const isJsonList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
const headerOf = (request: ChannelRequest, name: string): string =>
  Object.entries(request.headers).find(([one]) => one.toLowerCase() === name)?.[1] ?? ''
const bodyKind = (request: ChannelRequest): 'json' | 'form' | undefined => {
  const type = headerOf(request, 'content-type')
  if (request.body === undefined || request.body === '') return undefined
  return /json/.test(type) ? 'json' : /x-www-form-urlencoded/.test(type) ? 'form' : undefined
}

export function leavesOf(request: ChannelRequest): readonly Leaf[] {
  // Without a body its type says nothing.
  const isEmpty = request.body === undefined || request.body === ''
  const headers = Object.entries(request.headers)
    .filter(([name]) => !silentHeaders.includes(name.toLowerCase()) && !(isEmpty && name.toLowerCase() === 'content-type'))
    .map(([name, value]) => ({ place: 'header', name, value }) as const)
  const pairs = (place: 'query' | 'form', text: string) => [...new URLSearchParams(text)].map(([name, value]) => ({ place, name, value }))
  const kind = bodyKind(request)
  const body = kind === 'json' ? jsonLeaves(JSON.parse(request.body ?? '')) : kind === 'form' ? pairs('form', request.body ?? '') : []
  return [...headers, ...pairs('query', new URL(request.url).search), ...body]
}

/** Scalars, lists of scalars, and what is empty: what has parts is what its parts are. */
function jsonLeaves(value: unknown, pointer = ''): readonly Leaf[] {
  const inner = isRecord(value)
    ? Object.entries(value)
    : isJsonList(value) && value.some(isBig)
      ? value.map((one, index) => [index, one] as const)
      : []
  if (inner.length === 0 && pointer === '') return []
  if (inner.length === 0) return [{ place: 'json', name: pointer, value: isBig(value) ? JSON.stringify(value) : String(value) }]
  return inner.flatMap(([name, one]) => jsonLeaves(one, `${pointer}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`))
}
const isBig = (value: unknown): boolean => typeof value === 'object' && value !== null

/** The request as it is without this field, or with its value under a name that means nothing. A field that is not there changes nothing. */
export function change(request: ChannelRequest, { place, name }: Field, how: Change): ChannelRequest {
  if (place === 'header') {
    const kept = Object.entries(request.headers).flatMap(([one, value]) =>
      one !== name ? [[one, value] as const] : how === 'drop' ? [] : [[`x-${otherName.replace('_', '-')}`, value] as const],
    )
    return { ...request, headers: Object.fromEntries(kept) }
  }
  if (place === 'query') {
    const url = new URL(request.url)
    url.search = changePairs(url.search, name, how)
    return { ...request, url: url.href }
  }
  if (request.body === undefined || bodyKind(request) !== place) return request
  if (place === 'form') return { ...request, body: changePairs(request.body, name, how) }
  const value: unknown = JSON.parse(request.body)
  changeJson(
    value,
    name
      .split('/')
      .slice(1)
      .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')),
    how,
  )
  return { ...request, body: JSON.stringify(value) }
}

/** Text, not `URLSearchParams`: placeholders and the encoding of everything else stay as they are. */
function changePairs(text: string, name: string, how: Change): string {
  const renamed = name.includes('[') ? name.replace(/\[[^[\]]*\](?=(?:\[\])?$)/, `[${otherName}]`) : otherName
  const decoded = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
  const kept = text
    .replace(/^\?/, '')
    .split('&')
    .flatMap(pair => {
      const [key = '', ...rest] = pair.split('=')
      if (decoded(key) !== name) return [pair]
      return how === 'drop' ? [] : [[renamed, ...rest].join('=')]
    })
  return kept.join('&')
}

function changeJson(value: unknown, path: readonly string[], how: Change): void {
  const [name = '', ...rest] = path
  if (isJsonList(value)) changeJson(value[Number(name)], rest, how)
  else if (isRecord(value) && rest.length > 0) changeJson(value[name], rest, how)
  else if (isRecord(value) && name in value) changeMember(value, name, how)
}

function changeMember(holder: Json, name: string, how: Change): void {
  const value = holder[name]
  delete holder[name]
  if (how === 'rename') holder[otherName] = value
}

/** What the request is, with ids taken out: `POST /v1/payment_methods/{id}/detach`. */
export function kindOfRequest(request: ChannelRequest): string {
  const isName = (part: string) => part.length >= 6 && /\d|[A-Z]{4}/.test(part)
  const path = new URL(request.url).pathname.split('/').map(part => (isName(part) ? '{id}' : part))
  return `${request.method} ${path.join('/')}`
}

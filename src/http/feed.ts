/** Sends the corpora to endpoints, every row to every field, and tells what was answered wrongly. For tests, over real sockets. */
import {
  badNames,
  brokenTokens,
  cardNumbers,
  type FieldKind,
  hiddenSpellings,
  nearMisses,
  numberTexts,
  numberTokens,
  spellings,
  texts,
  urls,
} from './corpora.ts'
import type { Json } from './json.ts'
import { hiddenName, shownName } from './pointer.ts'

/** A valid request, and what kind each of its fields is, by pointer: `/price/amount`, `path/id`, `query/limit`. */
export type Sample = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/v1/things/{id}` */
  readonly path: string
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: { readonly [name: string]: Json }
  readonly kinds: Readonly<Record<string, FieldKind>>
}
export type FeedInput = {
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
  readonly samples: readonly Sample[]
}
/** `wrong`: what was answered by anything but a problem that names the field and shows nothing. */
/** `taken`: answered with success. */
export type Fed = { readonly sent: number; readonly taken: number; readonly wrong: readonly string[] }

type Shot = {
  readonly what: string
  readonly sample: Sample
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** Must be refused, with this pointer (any, if undefined). Absent: may be taken, but never 5xx. */
  readonly refused?: { readonly pointer: string | undefined }
  /** May not come back. */
  readonly secret?: string
}

/** Everything that must be refused, and what may be taken but must not break anything. */
export async function feed(input: FeedInput): Promise<Fed> {
  const wrong: string[] = []
  let sent = 0
  let taken = 0
  const shots = input.samples.flatMap(sample => [...shotsAt(sample, input.headers)])
  const next = shots.values()
  const gun = async (): Promise<void> => {
    for (const shot of next) {
      sent += 1
      const fault = await fire(input.address, shot, () => {
        taken += 1
      })
      if (fault !== undefined) wrong.push(`${shot.sample.method} ${shot.sample.path}, ${shot.what}: ${fault}`)
    }
  }
  await Promise.all(Array.from({ length: 16 }, gun))
  return { sent, taken, wrong }
}

async function fire(
  address: string,
  { sample, url, headers, body, refused, secret }: Shot,
  onTaken: () => void,
): Promise<string | undefined> {
  const response = await fetch(address + url, { method: sample.method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  if (response.status < 300) onTaken()
  if (response.status >= 500) return `${response.status} ${text}`
  const shown = [...response.headers.values()].join('\n') + text
  if (secret !== undefined && bare(shown).includes(bare(secret))) return `told what it refused: ${text}`
  if (response.status < 400) return refused === undefined ? undefined : `${response.status}, was taken`
  if (response.headers.get('content-type') !== 'application/problem+json') return `${response.status} is no problem: ${text}`
  if (!response.headers.has('request-id')) return 'no request id'
  const pointer = refused?.pointer
  return pointer !== undefined && !text.includes(`"pointer":${JSON.stringify(pointer)}`) ? `${pointer} is not named: ${text}` : undefined
}

const bare = (text: string): string => text.replace(/[^0-9A-Za-z=]/g, '')

function* shotsAt(sample: Sample, headers: Readonly<Record<string, string>>): Generator<Shot> {
  const plain = { sample, url: urlOf(sample), headers: withType(sample, headers), body: bodyText(sample) }
  for (const [pointer, kind] of Object.entries(sample.kinds)) {
    if (pointer.startsWith('/')) {
      for (const { row, token, refused, secret } of bodyRows(kind)) {
        const at = { what: `${pointer} ${row}`, body: replaced(sample, pointer, token), ...(secret === undefined ? {} : { secret }) }
        yield {
          ...plain,
          ...at,
          ...(refused ? { refused: { pointer: token.startsWith('"') || refused === 'field' ? pointer : undefined } } : {}),
        }
      }
    } else yield* addressShots(sample, plain, pointer, kind)
  }
  if (sample.body !== undefined) yield* nameShots(sample, plain)
  yield* headerShots(plain)
}

type Row = { readonly row: string; readonly token: string; readonly refused: 'field' | 'any' | undefined; readonly secret?: string }

function* bodyRows(kind: FieldKind): Generator<Row> {
  const quoted = (text: string): string => JSON.stringify(text)
  for (const one of cardNumbers)
    for (const spelling of spellings(one)) yield { row: 'card number', token: quoted(spelling), refused: 'field', secret: one }
  const [visa = ''] = cardNumbers
  yield { row: 'escaped card number', token: `"${visa.replace(/\d/g, digit => `\\u003${digit}`)}"`, refused: 'field', secret: visa }
  yield { row: 'card number as a number', token: visa, refused: 'any', secret: visa }
  yield { row: 'card number in a list', token: `[{"a":"${visa}"}]`, refused: 'any', secret: visa }
  for (const one of hiddenSpellings(visa)) yield { row: 'hidden card number', token: quoted(one), refused: undefined }
  for (const one of nearMisses)
    yield { row: 'near miss', token: quoted(one), refused: kind === 'url' || kind === 'ip' ? 'field' : undefined }
  for (const { what, text, refusedBy } of texts)
    yield { row: what, token: quoted(text), refused: refusedBy.includes(kind) ? 'field' : undefined }
  if (kind === 'amount') for (const text of numberTexts) yield { row: 'number text', token: quoted(text), refused: 'field' }
  if (kind === 'url') for (const text of urls) yield { row: `URL ${text.slice(0, 60)}`, token: quoted(text), refused: 'field' }
  for (const token of numberTokens) yield { row: 'number', token, refused: kind === 'count' && token === '13' ? undefined : 'field' }
  for (const token of brokenTokens) yield { row: 'broken', token, refused: 'any' }
  for (const token of ['[]', '[1]', 'true', 'null', '{"a":1}', '"\\ud800"', '"\\u0000"', '['.repeat(10_000)])
    yield { row: 'type', token, refused: 'any' }
}

/** Everything an address can hold, percent-encoded. */
function* addressShots(sample: Sample, plain: Omit<Shot, 'what'>, pointer: string, kind: FieldKind): Generator<Shot> {
  const name = pointer.slice(pointer.indexOf('/') + 1)
  const urlWith = (text: string): string => {
    const value = { [name]: text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80' }
    return pointer.startsWith('path/')
      ? urlOf({ ...sample, params: { ...sample.params, ...value } }, true)
      : urlOf({ ...sample, query: { ...sample.query, ...value } }, true)
  }
  const [visa = ''] = cardNumbers
  for (const spelling of spellings(visa))
    yield { ...plain, what: `${pointer} card number`, url: urlWith(spelling), refused: { pointer: undefined }, secret: visa }
  for (const { what, text, refusedBy } of texts)
    if (text !== '' || !pointer.startsWith('path/'))
      yield {
        ...plain,
        what: `${pointer} ${what}`,
        url: urlWith(text),
        ...(refusedBy.includes(kind) ? { refused: { pointer: undefined } } : {}),
      }
  for (const raw of ['%', '%zz', '%00', '%ff', '%c0%af', '%u0041'])
    yield { ...plain, what: `${pointer} ${raw}`, url: urlWith('@@').replace('%40%40', raw), refused: { pointer: undefined } }
}

/** Names that are not there, stand twice, reach for a prototype, or are card numbers. */
function* nameShots(sample: Sample, plain: Omit<Shot, 'what'>): Generator<Shot> {
  const body = bodyText(sample) ?? '{}'
  const extended = (name: string): string => `${body.slice(0, -1)}${body === '{}' ? '' : ','}${JSON.stringify(name)}:1}`
  const pointerTo = (name: string): string => `/${shownName(name)}`
  for (const name of badNames)
    yield { ...plain, what: `name ${name.slice(0, 20)}`, body: extended(name), refused: { pointer: pointerTo(name) } }
  for (const name of Object.keys(sample.body ?? {}))
    yield { ...plain, what: `${name} twice`, body: extended(name), refused: { pointer: pointerTo(name) } }
  for (const number of cardNumbers)
    for (const name of spellings(number))
      yield { ...plain, what: 'card number as a name', body: extended(name), refused: { pointer: `/${hiddenName}` }, secret: number }
  const [visa = ''] = cardNumbers
  for (const name of hiddenSpellings(visa))
    yield { ...plain, what: 'hidden card number as a name', body: extended(name), refused: { pointer: undefined }, secret: name }
  for (const [what, text] of [
    ['BOM', `\ufeff${body}`],
    ['cut off', body.slice(0, -1)],
    ['twice', body + body],
    ['comma', `${body.slice(0, -1)},}`],
    ['comment', `/**/${body}`],
    ['nothing', ' '],
  ])
    yield { ...plain, what: what ?? '', body: text, refused: { pointer: undefined } }
  for (const token of ['null', '[]', '"a"', '1', 'true', '['.repeat(30_000), '{"a":'.repeat(10_000)])
    yield { ...plain, what: `whole body ${token.slice(0, 10)}`, body: token, refused: { pointer: undefined } }
}

function* headerShots(plain: Omit<Shot, 'what'>): Generator<Shot> {
  const [visa = '', second = ''] = cardNumbers
  for (const name of ['x-note', 'user-agent', 'referer', 'idempotency-key', 'x-forwarded-for', 'accept-language', 'from', 'x-card'])
    for (const value of [visa, second.replace(/(\d{4})(?=\d)/g, '$1-')]) {
      const secret = value === visa ? visa : second
      yield {
        ...plain,
        what: `header ${name}`,
        headers: { ...plain.headers, [name]: value },
        refused: { pointer: `header/${name}` },
        secret,
      }
    }
  yield {
    ...plain,
    what: 'unknown parameter',
    url: `${plain.url}${plain.url.includes('?') ? '&' : '?'}nmae=1`,
    refused: { pointer: 'query/nmae' },
  }
  yield {
    ...plain,
    what: 'parameter twice',
    url: `${plain.url}${plain.url.includes('?') ? '&' : '?'}a=1&a=2`,
    refused: { pointer: 'query/a' },
  }
  yield {
    ...plain,
    what: 'prototype parameter',
    url: `${plain.url}${plain.url.includes('?') ? '&' : '?'}__proto__=1`,
    refused: { pointer: 'query/__proto__' },
  }
  yield {
    ...plain,
    what: 'card number as a parameter',
    url: `${plain.url}${plain.url.includes('?') ? '&' : '?'}${visa}=1`,
    refused: { pointer: undefined },
    secret: visa,
  }
}

function urlOf({ path, params = {}, query = {} }: Sample, encoded = false): string {
  const text = (value: string): string => (encoded ? value : encodeURIComponent(value))
  const parts = Object.entries(query).map(([name, value]) => `${name}=${text(value)}`)
  return path.replace(/\{(\w+)\}/g, (_all, name: string) => text(params[name] ?? '')) + (parts.length > 0 ? `?${parts.join('&')}` : '')
}

const withType = (sample: Sample, headers: Readonly<Record<string, string>>) =>
  sample.body === undefined ? headers : { ...headers, 'content-type': 'application/json' }
const bodyText = (sample: Sample): string | undefined => (sample.body === undefined ? undefined : JSON.stringify(sample.body))

/** The body with one field's value replaced by JSON text as it is. */
function replaced(sample: Sample, pointer: string, token: string): string {
  const mark = '@the-place@'
  const steps = pointer.slice(1).split('/')
  const put = (value: Json | undefined, at: number): Json => {
    const step = steps[at]
    if (step === undefined) return mark
    if (Array.isArray(value)) return value.map((one, index) => (String(index) === step ? put(one, at + 1) : one))
    const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
    return { ...object, [step]: put(Object.entries(object).find(([name]) => name === step)?.[1], at + 1) }
  }
  return JSON.stringify(put(sample.body, 0)).replace(`"${mark}"`, () => token)
}

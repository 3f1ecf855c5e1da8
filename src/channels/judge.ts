/**
 * The judge: an official specification, compiled in process, that says whether a request, an answer or a webhook is what the channel's
 * owner published. It never fails open: a schema that does not compile throws, and what had to be left out is listed in `notes`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { isRecord, type Json } from './json.ts'
import { loadDocument, type Notes, newNotes, type Overlay, translateDocument } from './judge-document.ts'
import { decodeForm } from './judge-form.ts'
import {
  answersOf,
  at,
  bodyPointer,
  contentOf,
  escaped,
  findOperation,
  listOperations,
  type Operation,
  resolver,
  settled,
} from './judge-operations.ts'

export type { Overlay } from './judge-document.ts'

/** `pointer`: an RFC 6901 pointer into the body, or `query/…`, `header/…`, `path`, `content-type`, `status`. */
export type Violation = { readonly where: 'request' | 'response' | 'value'; readonly pointer: string; readonly message: string }

/** Header names in lower case. `query`: without the question mark. `contentType`: as sent, empty without a body. */
export type JudgedRequest = {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly contentType: string
}
export type JudgedResponse = { readonly method: string; readonly path: string; readonly status: number; readonly body: string }

export interface Judge {
  checkRequest(request: JudgedRequest): readonly Violation[]
  checkResponse(response: JudgedResponse): readonly Violation[]
  /** A value against a named schema of the document (webhooks and other things that have no path). */
  checkSchema(name: string, value: unknown): readonly Violation[]
  /** A value against the schema at a pointer: the body of a callback (`/paths/…/callbacks/…/schema`) or of a webhook. */
  checkPointer(pointer: string, value: unknown): readonly Violation[]
  /** Compiles what these operations need now (a large cyclic schema takes seconds), not in the middle of a call with a deadline. */
  prepare(operations: readonly (readonly [method: string, path: string])[]): void
  /** Compiles every schema of every operation and every named one, in both directions, and says how many. Throws on the first that does not. */
  prepareAll(): number
  readonly notes: Notes
}

export type JudgeOptions = {
  readonly specsDir: string
  /** Below `specsDir`: `stripe/spec3.yaml`. */
  readonly file: string
  readonly overlays?: readonly Overlay[]
  /** Objects in requests take no fields but those listed. Where the channel itself refuses unknown fields. */
  readonly closedRequests?: boolean
  /** How many patterns of the document are known not to be regular expressions. Another number is an error: never open in silence. */
  readonly brokenPatterns?: number
  /** What else of the document cannot be judged as it is written: how much of it, and why that is harmless. */
  readonly unjudged?: readonly Unjudged[]
  /** Pointers into request bodies where the owner wants an explicit `null`; `*` is any one name. Everywhere else it is a violation. */
  readonly nulls?: readonly string[]
}
export type Unjudged = {
  readonly kind: 'references' | 'types' | 'required' | 'discriminators'
  readonly count: number
  readonly reason: string
}

const violationsMax = 20

export function createJudge(options: JudgeOptions): Judge {
  const document = loadDocument(join(options.specsDir, options.file))
  for (const overlay of options.overlays ?? []) lay(overlay, document, options.file)
  const old = typeof document.openapi === 'string' && document.openapi.startsWith('3.0')
  const notes = newNotes()
  const request = translateDocument(document, { side: 'request', old, closed: options.closedRequests ?? false, notes })
  const response = translateDocument(document, { side: 'response', old, closed: false, notes: newNotes() })
  assertKnown(notes, options)
  const operations = listOperations(document)
  const compile = { request: compiler(request, old, notes), response: compiler(response, old, notes) }
  const find = (method: string, path: string) => findOperation(operations, method, path)
  const pointersOf = (found: Operation) => ({
    request: [
      ...found.parameters.filter(one => one.place === 'query' && one.schema !== undefined).map(one => one.pointer),
      ...Object.keys(contentOf(resolver(request)(found.operation.requestBody))).map(type => bodyPointer(found, type)),
    ],
    response: answersOf(found, response).flatMap(({ json }) => (json === undefined || json === 'any' ? [] : [json])),
  })
  const prepare = (found: Operation): number => {
    const pointers = pointersOf(found)
    return pointers.request.map(compile.request).length + pointers.response.map(compile.response).length
  }
  return {
    notes,
    checkRequest: input =>
      judgeRequest(input, find(input.method, input.path), { document: request, nulls: options.nulls ?? [] }, compile.request),
    checkResponse: input => judgeResponse(input, find(input.method, input.path), response, compile.response),
    checkSchema: (name, value) => check(compile.response(`/components/schemas/${escaped(name)}`), value, 'value'),
    checkPointer(pointer, value) {
      const found = settled(response, pointer)
      if (found === undefined) throw new TypeError(`${options.file} has nothing at ${pointer}`)
      return check(compile.response(found), value, 'value')
    },
    prepare(list) {
      for (const [method, path] of list) {
        const found = find(method, path)
        if (found === undefined) throw new TypeError(`${options.file} has no ${method} ${path}`)
        prepare(found)
      }
    },
    prepareAll() {
      const { schemas } = isRecord(request.components) ? request.components : {}
      const named = Object.keys(isRecord(schemas) ? schemas : {}).map(name => `/components/schemas/${escaped(name)}`)
      const count = named.map(compile.request).length + named.map(compile.response).length
      return operations.reduce((sum, one) => sum + prepare(one), count)
    },
  }
}

/** An overlay that changes nothing is for another version of the document: whoever keeps it believes something that is not so. */
function lay(overlay: Overlay, document: Json, file: string): void {
  const before = JSON.stringify(document)
  overlay.apply(document)
  if (JSON.stringify(document) === before) throw new Error(`${file}: this overlay changes nothing: ${overlay.reason}`)
}

/** Never open in silence: what cannot be judged is counted, and another count than the one that was looked at stops everything. */
function assertKnown(notes: Notes, { file, brokenPatterns, unjudged }: JudgeOptions): void {
  if (notes.patterns.length !== (brokenPatterns ?? 0)) {
    throw new Error(
      `${file}: ${notes.patterns.length} patterns do not compile, ${brokenPatterns ?? 0} were expected: ${notes.patterns.join('; ')}`,
    )
  }
  for (const kind of ['references', 'types', 'required', 'discriminators'] as const) {
    const expected = (unjudged ?? []).filter(one => one.kind === kind).reduce((sum, one) => sum + one.count, 0)
    if (notes[kind].length === expected) continue
    throw new Error(
      `${file}: ${notes[kind].length} ${kind} cannot be judged, ${expected} were expected (JudgeOptions.unjudged): ${notes[kind].join('; ')}`,
    )
  }
}

type Compile = (pointer: string) => ValidateFunction

/** The whole document is registered once; each schema compiles when it is first asked for, by its JSON pointer. */
function compiler(document: Json, old: boolean, notes: Notes): Compile {
  const settings = { strict: false, validateSchema: false, allErrors: true, logger: false } as const
  const ajv = old ? new Ajv(settings) : new Ajv2020(settings)
  formats.default(ajv)
  ajv.addFormat('unix-time', { type: 'number', validate: (value: number) => Number.isInteger(value) && value >= 0 })
  ajv.addFormat('decimal', /^-?\d+(\.\d+)?$/)
  // A format nobody defined cannot be judged; it stands in `notes.formats`, and its type is judged all the same.
  for (const name of notes.formats) if (!(name in ajv.formats)) ajv.addFormat(name, true)
  ajv.addSchema(document, 'spec')
  const compiled = new Map<string, ValidateFunction>()
  return pointer => {
    const known = compiled.get(pointer)
    if (known !== undefined) return known
    const made = ajv.compile({ $ref: `spec#${pointer.split('/').map(encodeURIComponent).join('/')}` })
    compiled.set(pointer, made)
    return made
  }
}

const violation = (where: Violation['where'], pointer: string, message: string): Violation => ({ where, pointer, message })

type Against = { readonly document: Json; readonly nulls: readonly string[] }

function judgeRequest(
  input: JudgedRequest,
  found: Operation | undefined,
  { document, nulls }: Against,
  compile: Compile,
): readonly Violation[] {
  if (found === undefined) return [violation('request', 'path', `${input.method} ${input.path} is not in the specification`)]
  const resolve = resolver(document)
  const out = [...judgeQuery(input, found, resolve, compile)]
  for (const one of found.parameters) {
    const name = one.name.toLowerCase()
    if (one.place === 'header' && one.required && input.headers[name] === undefined)
      out.push(violation('request', `header/${name}`, 'is required'))
  }
  const content = contentOf(resolve(found.operation.requestBody))
  const holder = resolve(found.operation.requestBody)
  const required = isRecord(holder) && holder.required === true
  if (input.body === '' && !required) return out
  const type = input.contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  if (!(type in content))
    return [
      ...out,
      violation('request', 'content-type', `is '${type}', not ${Object.keys(content).join(' or ') || 'absent with an empty body'}`),
    ]
  const pointer = bodyPointer(found, type)
  if (type === 'application/x-www-form-urlencoded') {
    const { value, faults } = decodeForm(input.body, resolve(at(document, pointer)), resolve)
    out.push(...faults.map(name => violation('request', `/${name}`, 'cannot be decoded, or is given twice')))
    return [...out, ...check(compile(pointer), value, 'request')]
  }
  const value = readJson(input.body)
  if (value === undefined) return [...out, violation('request', '', 'is not JSON')]
  return [...out, ...check(compile(pointer), value, 'request'), ...judgeNulls(value, nulls)]
}

/** What is absent is left out. A `null` means "delete it" at one channel, is refused by the next, and was never meant by us. */
function judgeNulls(value: unknown, allowed: readonly string[], pointer = ''): readonly Violation[] {
  if (value === null) return allowed.some(one => fits(one, pointer)) ? [] : [violation('request', pointer, 'is an explicit null')]
  if (typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, one]) => judgeNulls(one, allowed, `${pointer}/${escaped(name)}`))
}

function fits(pattern: string, pointer: string): boolean {
  const [wanted, given] = [pattern.split('/'), pointer.split('/')]
  return wanted.length === given.length && wanted.every((name, index) => name === '*' || name === given[index])
}

/** The query as one object, under a schema of the operation's own parameters; a parameter that is not listed is a violation. */
function judgeQuery(input: JudgedRequest, found: Operation, resolve: (schema: unknown) => unknown, compile: Compile): readonly Violation[] {
  const listed = found.parameters.filter(one => one.place === 'query')
  const properties: Json = {}
  for (const one of listed) properties[one.name] = one.schema
  const { value, faults } = decodeForm(input.query, { type: 'object', properties }, resolve)
  const out = faults.map(name => violation('request', `query/${name}`, 'cannot be decoded, or is given twice'))
  const given = isRecord(value) ? value : {}
  for (const name of Object.keys(given))
    if (!(name in properties)) out.push(violation('request', `query/${name}`, 'is not a parameter of this operation'))
  for (const { name, required, pointer } of listed) {
    if (name in given) out.push(...check(compile(pointer), given[name], 'request', `query/${name}`))
    else if (required) out.push(violation('request', `query/${name}`, 'is required'))
  }
  return out
}

function judgeResponse(input: JudgedResponse, found: Operation | undefined, document: Json, compile: Compile): readonly Violation[] {
  if (found === undefined) return [violation('response', 'path', `${input.method} ${input.path} is not in the specification`)]
  const answers = answersOf(found, document)
  const names = [String(input.status), `${Math.floor(input.status / 100)}XX`, 'default']
  const answer = names.flatMap(name => answers.filter(one => one.name === name))[0]
  if (answer === undefined) return [violation('response', 'status', `${input.status} is not in the specification`)]
  if (answer.json === undefined) return input.body === '' ? [] : [violation('response', '', 'has a body where the specification has none')]
  const value = readJson(input.body)
  if (value === undefined) return [violation('response', '', 'is not JSON')]
  if (answer.json === 'any') return []
  return check(compile(answer.json), value, 'response')
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function check(validate: ValidateFunction, value: unknown, where: Violation['where'], prefix = ''): readonly Violation[] {
  if (validate(value)) return []
  return (validate.errors ?? []).slice(0, violationsMax).map(error => violation(where, `${prefix}${error.instancePath}`, say(error)))
}

function say(error: ErrorObject): string {
  const extra = isRecord(error.params) && typeof error.params.additionalProperty === 'string' ? `: ${error.params.additionalProperty}` : ''
  return `${error.message ?? error.keyword}${extra}`
}

/** Instead of a folder: who measures time wants no judge, wherever it runs. */
export const noSpecs = 'none'

/** Whether the specifications are here. With `CI=1` a missing folder is an error: a proof that did not run is not a proof. */
export function specJudge(specsDir: string, environment: Readonly<Record<string, string | undefined>> = process.env): 'on' | 'off' {
  if (specsDir === noSpecs) return 'off'
  if (existsSync(specsDir)) return 'on'
  if (environment.CI === '1') throw new Error(`CI=1, but there are no specifications at ${specsDir} (SPECS_DIR)`)
  return 'off'
}

/** Where the specifications are: `SPECS_DIR`, else `../shared/specs` beside the project. */
export function specsDirOf(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return environment.SPECS_DIR ?? join(import.meta.dirname, '../../../shared/specs')
}

/**
 * Reads an official OpenAPI document and turns its schemas into JSON Schemas that ajv compiles without guessing. Nothing is dropped in
 * silence: what cannot be judged as written is listed in `Notes`, and whoever makes the judge says which of it is known.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { isRecord, type Json } from './json.ts'
import { type Bases, basesOf, branchesOf, discriminatorOf, isSelf, plainIfOwn, plainName } from './judge-discriminator.ts'
import { resolver } from './judge-operations.ts'

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** A correction of the official document, made in memory. The reason is shown in reports; a test shows that it is needed. */
export type Overlay = { readonly reason: string; readonly apply: (document: Json) => void }

/** What cannot be judged as it is written, and where it stands. */
export type Notes = {
  /** Not regular expressions under the `u` flag. Judging goes on without them. */
  readonly patterns: string[]
  /** References to other documents, or to what is not there. What they stand for may be anything. */
  readonly references: string[]
  /** Names of types that JSON Schema does not have and nobody has told us the meaning of. Any value passes. */
  readonly types: string[]
  /** `required: true` on a property, which is no JSON Schema: whether the property must be there is not judged. */
  readonly required: string[]
  /** Schemas with a discriminator but neither `oneOf` nor a mapping: only the base is judged. */
  readonly discriminators: string[]
  readonly formats: Set<string>
}
export const newNotes = (): Notes => ({
  ...{ patterns: [], references: [], types: [], required: [], discriminators: [] },
  formats: new Set(),
})

/** Parses the document. YAML takes seconds, so its JSON is kept in a private temporary folder under the hash of the bytes. */
export function loadDocument(path: string): Json {
  const bytes = readFileSync(path)
  const document: unknown = path.endsWith('.json') ? JSON.parse(bytes.toString('utf8')) : cachedYaml(bytes)
  if (!isRecord(document) || !isRecord(document.paths ?? document.webhooks ?? document.components)) {
    throw new TypeError(`${path} is not an OpenAPI document`)
  }
  return document
}

function cachedYaml(bytes: Buffer): unknown {
  const owner = process.getuid?.() ?? 0
  const folder = join(tmpdir(), `bindery-specs-${owner}`)
  const file = join(folder, `${createHash('sha256').update(bytes).digest('hex')}.json`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = statSync(folder)
  // Someone else's folder under our name could feed us another document: then it is not used at all.
  const ours = process.getuid === undefined || (found.uid === owner && (found.mode & 0o022) === 0)
  if (ours) {
    try {
      return JSON.parse(readFileSync(file, 'utf8'))
    } catch {
      // Not there yet, or cut short by a full disk: made again below.
    }
  }
  const document: unknown = parseYaml(bytes.toString('utf8'), { maxAliasCount: -1 })
  if (ours) {
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, JSON.stringify(document), { mode: 0o600 })
    renameSync(draft, file)
  }
  return document
}

export type Side = {
  readonly side: 'request' | 'response'
  /** OpenAPI 3.0: `nullable`, boolean `exclusiveMinimum`, and `$ref` that silences its neighbours. */
  readonly old: boolean
  /** Objects that list properties take no others, unless the document says otherwise. */
  readonly closed: boolean
  readonly notes: Notes
}
/** `owner`: the component schema whose own branch this is; absent further down. */
type Place = Side & { readonly document: Json; readonly bases: Bases; readonly owner?: string | undefined }

/** The whole document with every schema translated, so that references between them go on working. */
export function translateDocument(document: Json, side: Side): Json {
  const components = asRecord(document.components)
  const schemas = asRecord(components.schemas)
  const place: Place = { ...side, document, bases: basesOf(schemas) }
  const translated: Json = {}
  for (const [name, schema] of Object.entries(schemas)) {
    translated[name] = translateSchema(schema, { ...place, owner: name }, `schemas/${name}`)
    if (!place.bases.has(name) || !isRecord(schema)) continue
    const { discriminator: _, ...plain } = schema
    translated[plainName(name)] = translateSchema(plain, { ...place, owner: name, closed: false, notes: newNotes() }, name)
  }
  return {
    paths: translateNode(asRecord(document.paths), place, 'paths'),
    webhooks: translateNode(asRecord(document.webhooks), place, 'webhooks'),
    components: { ...asRecord(translateNode(components, place, 'components')), schemas: translated },
  }
}

const asRecord = (value: unknown): Json => (isRecord(value) ? value : {})

/** Outside of schemas: walks on until a `schema` begins. Examples are data and stay as they are. */
function translateNode(node: unknown, side: Place, at: string): unknown {
  if (isList(node)) return node.map((one, index) => translateNode(one, side, `${at}/${index}`))
  if (!isRecord(node)) return node
  const out: Json = {}
  for (const [name, value] of Object.entries(node)) {
    if (name === 'example' || name === 'examples') continue
    if (name === 'schemas' && at === 'components') continue
    out[name] = name === 'schema' ? translateSchema(value, side, `${at}/${name}`) : translateNode(value, side, `${at}/${name}`)
  }
  return out
}

function translateMap(map: unknown, side: Place, at: string): Json {
  const out: Json = {}
  for (const [name, schema] of Object.entries(asRecord(map))) out[name] = translateSchema(schema, side, `${at}/${name}`)
  return out
}

const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const
const singles = ['items', 'not', 'additionalProperties', 'contains', 'if', 'then', 'else'] as const
const kept = [
  ...['type', 'enum', 'const', 'minimum', 'maximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['uniqueItems', 'minProperties', 'maxProperties', 'exclusiveMinimum', 'exclusiveMaximum'],
]

function translateSchema(schema: unknown, place: Place, at: string): unknown {
  if (!isRecord(schema)) return schema
  const { owner, ...inner } = place
  const nullable = place.old && schema.nullable === true
  if (typeof schema.$ref === 'string' && !leadsSomewhere(schema.$ref, place.document)) {
    place.notes.references.push(`${at}: ${schema.$ref}`)
    return {}
  }
  const $ref = typeof schema.$ref === 'string' ? plainIfOwn(schema.$ref, owner, place.bases) : undefined
  if (place.old && $ref !== undefined) return nullable ? { anyOf: [{ $ref }, { type: 'null' }] } : { $ref }
  const out: Json = {}
  for (const name of kept) if (name in schema) out[name] = schema[name]
  if ($ref !== undefined) out.$ref = $ref
  for (const name of lists) {
    const branches = schema[name]
    if (isList(branches)) out[name] = branches.map((one, index) => translateSchema(one, place, `${at}/${name}/${index}`))
  }
  for (const name of singles) if (name in schema) out[name] = translateSchema(schema[name], inner, `${at}/${name}`)
  if (isRecord(schema.properties)) out.properties = translateMap(schema.properties, inner, `${at}/properties`)
  if (isRecord(schema.patternProperties)) out.patternProperties = translateMap(schema.patternProperties, inner, `${at}/patternProperties`)
  setType(out, schema, place, at)
  setRequired(out, schema, place, at)
  setPattern(out, schema, place, at)
  if (place.old) setBounds(out)
  if (schema.discriminator !== undefined) sendOn(out, schema, place, at)
  else if (place.closed && isRecord(out.properties) && !('additionalProperties' in out) && !schema.allOf) out.additionalProperties = false
  return nullable ? orNull(out) : out
}

function sendOn(out: Json, schema: Json, place: Place, at: string): void {
  const discriminator = discriminatorOf(schema, asRecord(asRecord(place.document.components).schemas))
  if (discriminator === 'unmapped') place.notes.discriminators.push(at)
  if (discriminator === undefined || discriminator === 'unmapped') return
  const isLost = (ref: string) => !leadsSomewhere(ref, place.document)
  for (const [value, to] of discriminator.mapping) if (isLost(to)) place.notes.references.push(`${at}/discriminator/${value}: ${to}`)
  const branches = branchesOf(discriminator, to => isLost(to) || isSelf(to, place.owner))
  out.allOf = [...(isList(out.allOf) ? out.allOf : []), ...branches]
}

/** Whether a reference leads to a part of this document. */
function leadsSomewhere(ref: string, document: Json): boolean {
  if (!ref.startsWith('#/')) return false
  return resolver(document)({ $ref: ref }) !== undefined
}

const realTypes = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']
/** What Checkout.com's document means where it names a type that JSON Schema does not have: its examples beside them leave no doubt. */
const meantTypes: Readonly<Record<string, Json>> = {
  datetime: { type: 'string', format: 'date-time' },
  long: { type: 'integer' },
  Enum: { type: 'string' },
}

function setType(out: Json, schema: Json, place: Place, at: string): void {
  const named = isList(schema.type) ? schema.type : [schema.type]
  const odd = named.filter(name => name !== undefined && !realTypes.some(real => real === name))
  const meant = typeof schema.type === 'string' ? meantTypes[schema.type] : undefined
  if (meant !== undefined) Object.assign(out, meant)
  else if (odd.length > 0) {
    delete out.type
    place.notes.types.push(`${at}: ${odd.join(', ')}`)
  }
  const format = schema.format ?? meant?.format
  if (typeof format !== 'string') return
  out.format = format
  place.notes.formats.add(format)
}

/** A property the other side alone writes is not required from this side; a boolean `required` on a property is no keyword at all. */
function setRequired(out: Json, schema: Json, place: Place, at: string): void {
  if (typeof schema.required === 'boolean') place.notes.required.push(at)
  if (!isList(schema.required)) return
  const properties = asRecord(schema.properties)
  const foreign = place.side === 'request' ? 'readOnly' : 'writeOnly'
  const isForeign = (property: unknown) => [property, resolver(place.document)(property)].some(one => asRecord(one)[foreign] === true)
  const required = schema.required.filter(name => typeof name === 'string' && !isForeign(properties[name]))
  if (required.length > 0) out.required = required
}

function setPattern(out: Json, schema: Json, side: Place, at: string): void {
  if (typeof schema.pattern !== 'string') return
  try {
    new RegExp(schema.pattern, 'u')
    out.pattern = schema.pattern
  } catch {
    side.notes.patterns.push(`${at}: ${schema.pattern}`)
  }
}

/** OpenAPI 3.0 writes an exclusive bound as a flag beside the bound. */
function setBounds(out: Json): void {
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof out[flag] !== 'boolean') continue
    const exclusive = out[flag]
    delete out[flag]
    if (exclusive && bound in out) {
      out[flag] = out[bound]
      delete out[bound]
    }
  }
}

function orNull(schema: Json): Json {
  if (typeof schema.type === 'string') {
    return { ...schema, type: [schema.type, 'null'], ...(isList(schema.enum) ? { enum: [...schema.enum, null] } : {}) }
  }
  // Without a type or branches, null is allowed already.
  return isList(schema.anyOf) || isList(schema.oneOf) || isList(schema.enum) ? { anyOf: [schema, { type: 'null' }] } : schema
}

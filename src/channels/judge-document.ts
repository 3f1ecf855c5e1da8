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

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** A correction of the official document, made in memory. The reason is shown in reports; a test shows that it is needed. */
export type Overlay = { readonly reason: string; readonly apply: (document: Json) => void }

export type Notes = {
  /** Patterns that are not regular expressions under the `u` flag, with where they stand. Judging goes on without them. */
  readonly patterns: string[]
  readonly formats: Set<string>
  /** Schemas with a discriminator but no `oneOf`: only the base is judged. */
  readonly discriminators: string[]
}
export const newNotes = (): Notes => ({ patterns: [], formats: new Set(), discriminators: [] })

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

/** The whole document with every schema translated, so that references between them go on working. */
export function translateDocument(document: Json, side: Side): Json {
  const components = isRecord(document.components) ? document.components : {}
  return {
    paths: isRecord(document.paths) ? translateNode(document.paths, side, 'paths') : {},
    components: { ...asRecord(translateNode(components, side, 'components')), schemas: translateMap(components.schemas, side, 'schemas') },
  }
}

const asRecord = (value: unknown): Json => (isRecord(value) ? value : {})

/** Outside of schemas: walks on until a `schema` begins. Examples are data and stay as they are. */
function translateNode(node: unknown, side: Side, at: string): unknown {
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

function translateMap(map: unknown, side: Side, at: string): Json {
  const out: Json = {}
  for (const [name, schema] of Object.entries(asRecord(map))) out[name] = translateSchema(schema, side, `${at}/${name}`)
  return out
}

const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const
const singles = ['items', 'not', 'additionalProperties', 'contains', 'if', 'then', 'else'] as const
const kept = [
  ...['type', 'enum', 'const', 'minimum', 'maximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['uniqueItems', 'minProperties', 'maxProperties', 'exclusiveMinimum', 'exclusiveMaximum', '$ref'],
]

function translateSchema(schema: unknown, side: Side, at: string): unknown {
  if (!isRecord(schema)) return schema
  const nullable = side.old && schema.nullable === true
  if (side.old && typeof schema.$ref === 'string')
    return nullable ? { anyOf: [{ $ref: schema.$ref }, { type: 'null' }] } : { $ref: schema.$ref }
  const out: Json = {}
  for (const name of kept) if (name in schema) out[name] = schema[name]
  for (const name of lists) {
    const branches = schema[name]
    if (isList(branches)) out[name] = branches.map((one, index) => translateSchema(one, side, `${at}/${name}/${index}`))
  }
  for (const name of singles) if (name in schema) out[name] = translateSchema(schema[name], side, `${at}/${name}`)
  if (isRecord(schema.properties)) out.properties = translateMap(schema.properties, side, `${at}/properties`)
  if (isRecord(schema.patternProperties)) out.patternProperties = translateMap(schema.patternProperties, side, `${at}/patternProperties`)
  setRequired(out, schema, side)
  setPattern(out, schema, side, at)
  if (typeof schema.format === 'string') {
    out.format = schema.format
    side.notes.formats.add(schema.format)
  }
  if (isRecord(schema.discriminator) && !schema.oneOf && !schema.anyOf) side.notes.discriminators.push(at)
  if (side.old) setBounds(out)
  if (side.closed && isRecord(out.properties) && !('additionalProperties' in out) && !schema.allOf) out.additionalProperties = false
  return nullable ? orNull(out) : out
}

/** A property the other side alone writes is not required from this side; a boolean `required` on a property is no keyword at all. */
function setRequired(out: Json, schema: Json, side: Side): void {
  if (!isList(schema.required)) return
  const properties = asRecord(schema.properties)
  const foreign = side.side === 'request' ? 'readOnly' : 'writeOnly'
  const required = schema.required.filter(name => typeof name === 'string' && asRecord(properties[name])[foreign] !== true)
  if (required.length > 0) out.required = required
}

function setPattern(out: Json, schema: Json, side: Side, at: string): void {
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

/** OpenAPI 3.1 from the list of endpoints: the same schemas that validate, so the document cannot say anything else. */
import { z } from 'zod'
import { problems } from '../core/problem.ts'
import { type Endpoint, keepsKeys } from './endpoint.ts'
import { problemType } from './problems.ts'

type JsonObject = { readonly [name: string]: unknown }
/** A notice that goes out to the customer's systems; the events' catalogue gives the list. */
export type WebhookDescription = { readonly type: string; readonly summary: string; readonly schema: z.ZodType }

export type OpenApiInput = {
  readonly endpoints: readonly Endpoint[]
  readonly webhooks?: readonly WebhookDescription[]
  readonly publicUrl: string
  readonly version: string
}

export type OpenApiDocument = JsonObject & {
  readonly openapi: '3.1.1'
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonObject>> } & JsonObject
}

/** Collects the schemas that have a name of their own (`.meta({ id })`), once each. */
type Components = Map<string, JsonObject>

export function openApi({ endpoints, webhooks = [], publicUrl, version }: OpenApiInput): OpenApiDocument {
  const components: Components = new Map([['Problem', schemaOf(problemShape, 'output', new Map())]])
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const one of endpoints) {
    paths[one.path] ??= {}
    const path = paths[one.path]
    if (path !== undefined) path[one.method.toLowerCase()] = operation(one, components)
  }
  const tags = [...new Set(endpoints.map(one => one.tag))].map(name => ({ name }))
  const hooks = Object.fromEntries(webhooks.map(one => [one.type, { post: webhook(one, components) }]))
  return {
    openapi: '3.1.1',
    info: { title: 'Bindery', version, summary: 'Binds payment instruments over many channels and keeps them alive.', license },
    servers: [{ url: publicUrl }],
    tags,
    paths,
    ...(webhooks.length > 0 ? { webhooks: hooks } : {}),
    components: {
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        secretKey: { type: 'http', scheme: 'bearer', description: 'sk_test_… or sk_live_…; also as the user of Basic authentication.' },
        publishableKey: { type: 'http', scheme: 'bearer', description: 'pk_test_… or pk_live_…; may be seen by browsers.' },
        clientSecret: { type: 'http', scheme: 'bearer', description: 'bss_…: the client secret of one binding session.' },
        portalToken: { type: 'http', scheme: 'bearer', description: 'ptl_…: the token of one portal link.' },
      },
      responses: { Problem: { description: 'What is wrong, as RFC 9457 says it.', headers: requestIdHeader, content: problemContent } },
    },
  }
}

const license = { name: 'Apache-2.0', identifier: 'Apache-2.0' }
const requestIdHeader = { 'Request-Id': { description: 'Names this request in our log.', schema: { type: 'string' } } }
const problemContent = { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } }

const problemShape = z.object({
  type: z.url(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(problems)).describe('Stable; new ones may come.'),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).describe('Each field at fault, by RFC 6901 pointer.'),
  request_id: z.string(),
  retryable: z.boolean(),
  doc_url: z.url(),
})

function operation(of: Endpoint, components: Components): JsonObject {
  const responses = Object.entries(of.answers).map(([status, answer]) => [status, response(answer, components)])
  const parameters = [
    ...parametersOf(of.params, 'path', components),
    ...parametersOf(of.query, 'query', components),
    ...(keepsKeys(of) && of.auth !== 'none' ? [idempotencyParameter] : []),
  ]
  return {
    operationId: of.name,
    summary: of.summary,
    ...(of.description === undefined ? {} : { description: of.description }),
    tags: [of.tag],
    security: of.bearer === undefined ? securityOf[of.auth] : [{ [of.bearer.name]: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...bodyOf(of, components),
    responses: { ...Object.fromEntries(responses), default: { $ref: '#/components/responses/Problem' } },
  }
}

const securityOf = { secret: [{ secretKey: [] }], publishable: [{ secretKey: [] }, { publishableKey: [] }], none: [] }
const idempotencyParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same key and body again give the stored answer, for 30 days.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

function response(answer: Endpoint['answers'][number], components: Components): JsonObject {
  const { description, schema, contentType = 'application/json' } = answer
  const content = schema === undefined ? (answer.contentType === undefined ? undefined : {}) : schemaOf(schema, 'output', components)
  return { description, headers: requestIdHeader, ...(content === undefined ? {} : { content: { [contentType]: { schema: content } } }) }
}

function bodyOf(of: Endpoint, components: Components): JsonObject {
  if (of.rawBody) return { requestBody: { content: { '*/*': { schema: {} } } } }
  const schema = schemaOf(of.body, 'input', components)
  if (of.method === 'GET' || isNothing(schema)) return {}
  return { requestBody: { required: true, content: { 'application/json': { schema } } } }
}

const isNothing = (schema: JsonObject): boolean => schema.type === 'object' && namesIn(schema.properties).length === 0 && !schema.$ref
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const namesIn = (value: unknown): string[] => (isObject(value) ? Object.keys(value) : [])

function parametersOf(shape: z.ZodType, where: 'path' | 'query', components: Components): JsonObject[] {
  const { properties, required } = schemaOf(shape, 'input', components)
  if (!isObject(properties)) return []
  const needed = Array.isArray(required) ? required : []
  return Object.entries(properties).map(([name, schema]) => {
    const description = isObject(schema) && typeof schema.description === 'string' ? { description: schema.description } : {}
    return { name, in: where, required: where === 'path' || needed.includes(name), ...description, schema }
  })
}

/** One schema; those with a name go to the components, under `<name>Input` where what is taken differs from what is given. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Components): JsonObject {
  const { $schema: _, $defs, ...root }: JsonObject = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: opened })
  const named = new Map<string, string>()
  const definitions = isObject($defs) ? Object.entries($defs) : []
  for (const [name, definition] of definitions) {
    const known = components.get(name)
    named.set(name, known === undefined || isSame(known, definition) || io === 'output' ? name : `${name}Input`)
  }
  for (const [name, definition] of definitions) {
    const to = named.get(name) ?? name
    if (isObject(definition)) components.set(to, withReferences(definition, named))
  }
  return withReferences(root, named)
}

/** What goes out may grow: a reader must not break on a field it does not know. */
const opened = ({
  zodSchema,
  jsonSchema,
}: {
  readonly zodSchema: z.core.$ZodTypes
  readonly jsonSchema: z.core.JSONSchema.BaseSchema
}): void => {
  const isOpen = zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined
  if (isOpen && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
}

const isSame = (a: JsonObject, b: unknown): boolean =>
  JSON.stringify(a) === JSON.stringify(b).replaceAll('"#/$defs/', '"#/components/schemas/')

function withReferences(schema: JsonObject, named: ReadonlyMap<string, string>): JsonObject {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(schema)) out[name] = referenced(name, value, named)
  return out
}

function referenced(name: string, value: unknown, named: ReadonlyMap<string, string>): unknown {
  if (name === '$ref' && typeof value === 'string') {
    const target = value.slice('#/$defs/'.length)
    return `#/components/schemas/${named.get(target) ?? target}`
  }
  if (Array.isArray(value)) return value.map(one => referenced('', one, named))
  return isObject(value) ? withReferences(value, named) : value
}

function webhook({ summary, schema }: WebhookDescription, components: Components): JsonObject {
  return {
    summary,
    description: 'Signed as Standard Webhooks 1.0.0 says.',
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(schema, 'output', components) } } },
    responses: { '2XX': { description: 'Any 2xx means: received. Everything else is tried again.' } },
  }
}

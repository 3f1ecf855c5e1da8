/**
 * The AsyncAPI 3.0 document of what goes out, from the same catalogue and schemas that the events are made of: one channel, which is the
 * customer's endpoint, one message a type.
 */
import { z } from 'zod'
import type { WebhookDescription } from '../http/openapi.ts'

type JsonObject = { readonly [name: string]: unknown }

/** `summary` first, so that the catalogue reads well as it is. */
export function asyncApi(of: { readonly webhooks: readonly WebhookDescription[]; readonly version: string }): JsonObject {
  const schemas: Record<string, unknown> = {}
  const messages: Record<string, unknown> = {}
  for (const { type, summary, schema } of of.webhooks)
    messages[type] = {
      name: type,
      title: type,
      summary,
      contentType: 'application/json',
      headers: { $ref: '#/components/schemas/SignatureHeaders' },
      payload: payloadOf(schema, schemas),
    }
  schemas.SignatureHeaders = z.toJSONSchema(headersShape)
  const ref = (type: string) => ({ $ref: `#/channels/endpoint/messages/${type}` })
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Bindery events',
      version: of.version,
      description: 'Each change of an instrument is one event, recorded in the commit that made it and delivered until it is received.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      customer: {
        host: '{host}',
        protocol: 'https',
        description: 'Your own server: the url of a webhook endpoint.',
        variables: { host: { description: 'Where your endpoint is.', default: 'shop.example' } },
      },
    },
    channels: {
      endpoint: {
        address: '{path}',
        title: 'Your webhook endpoint',
        description: 'Signed as Standard Webhooks 1.0.0 says. Of one instrument in the order of `sequence`; of several in any order.',
        parameters: { path: { description: 'The path of the url you gave.' } },
        messages: Object.fromEntries(Object.keys(messages).map(type => [type, { $ref: `#/components/messages/${type}` }])),
      },
    },
    operations: {
      tell: {
        action: 'send',
        summary: 'Bindery posts an event to your endpoint; any 2xx means that it was received.',
        channel: { $ref: '#/channels/endpoint' },
        bindings: { http: { method: 'POST', bindingVersion: '0.3.0' } },
        messages: Object.keys(messages).map(ref),
      },
    },
    components: { messages, schemas },
  }
}

const headersShape = z.object({
  'webhook-id': z.string().describe('The event’s id: the same in every attempt.'),
  'webhook-timestamp': z.string().describe('Of this attempt, in seconds.'),
  'webhook-signature': z.string().describe('`v1,…` (HMAC-SHA-256) and `v1a,…` (ed25519), a space between.'),
})

/** As a schema of its own draft, its named parts among the components. */
function payloadOf(schema: z.ZodType, schemas: Record<string, unknown>): unknown {
  const made: JsonObject = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output' })
  const { $schema: _, $defs, ...root } = made
  for (const [name, definition] of Object.entries(isObject($defs) ? $defs : {})) schemas[name] ??= pointed(definition)
  return { schemaFormat: 'application/schema+json;version=draft-07', schema: pointed(root) }
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

function pointed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointed)
  if (!isObject(value)) return value
  const out: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value))
    if (name === '$ref' && typeof inner === 'string') out[name] = inner.replace('#/$defs/', '#/components/schemas/')
    // What goes out may grow: a reader must not break on a field it does not know.
    else if (!(name === 'additionalProperties' && inner === false)) out[name] = pointed(inner)
  return out
}

/** The judge of Checkout.com's simulator: the specification of July 2022, with what is wrong in it, or newer than it, put right. */
import { isRecord, type Json } from '../json.ts'
import { createJudge, type Judge, type Overlay } from '../judge.ts'
import { resolver } from '../judge-operations.ts'
import type { StageJudge } from '../simulator.ts'

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const schemasOf = (document: Json): Json => {
  const components = isRecord(document.components) ? document.components : {}
  return isRecord(components.schemas) ? components.schemas : {}
}
const schema = (document: Json, name: string): Json => {
  const found = resolver(document)(schemasOf(document)[name])
  if (!isRecord(found)) throw new TypeError(`the specification has no ${name}`)
  return found
}

/** Every object below, the document's own included. */
function* walk(node: unknown): Generator<Json> {
  if (Array.isArray(node)) for (const one of node) yield* walk(one)
  else if (isRecord(node)) {
    yield node
    for (const one of Object.values(node)) yield* walk(one)
  }
}

const typesMeant: Readonly<Record<string, Json>> = { datetime: { type: 'string' }, long: { type: 'integer' }, Enum: { type: 'string' } }

/** For each type by its name, the schema it is judged by beside the base: the discriminators stand without `oneOf`, and so judge nothing. */
const byType = (base: string, subtypes: Readonly<Record<string, string>>): Json => ({
  allOf: [
    ref(base),
    ...Object.entries(subtypes).map(([type, name]) => ({
      if: { type: 'object', properties: { type: { const: type } }, required: ['type'] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word for it.
      then: ref(name),
    })),
  ],
})

const setProperty = (holder: Json, name: string, value: Json): void => {
  if (!isRecord(holder.properties)) throw new TypeError('a schema without properties')
  holder.properties[name] = value
}

/** Each is shown to be needed in `overlays.test.ts`. */
export const overlays = {
  types: {
    reason: 'types that JSON Schema does not have: datetime, long and Enum',
    apply(document) {
      for (const node of walk(schemasOf(document))) {
        const meant = typeof node.type === 'string' ? typesMeant[node.type] : undefined
        if (meant !== undefined) Object.assign(node, meant)
      }
    },
  },
  requiredFlag: {
    reason: 'a property is marked `required: true`, which is no keyword; it is about WeChat Pay, and no card payment brings it',
    apply(document) {
      const { properties } = schema(document, 'ProcessingSettings')
      if (isRecord(properties) && isRecord(properties.product_type)) delete properties.product_type.required
    },
  },
  paymentSource: {
    reason:
      'the source of a payment request has a discriminator without oneOf, mapped to names that do not exist: no field of a card is judged',
    apply(document) {
      const subtypes = { token: 'Token', id: 'Id', card: 'Card', network_token: 'NetworkToken' }
      const named = Object.entries(subtypes).map(([type, name]) => [type, `PaymentRequest${name}Source`] as const)
      setProperty(schema(document, 'PaymentRequest'), 'source', byType('PaymentRequestSource', Object.fromEntries(named)))
    },
  },
  responseSource: {
    reason: 'the source of a payment in an answer, likewise',
    apply(document) {
      const card = byType('PaymentResponseSource', { card: 'PaymentResponseCardSource' })
      setProperty(schema(document, 'PaymentResponse'), 'source', card)
      setProperty(schema(document, 'PaymentDetails'), 'source', card)
    },
  },
  instruments: {
    reason: 'an instrument, asked for and answered, likewise',
    apply(document) {
      const schemas = schemasOf(document)
      for (const [base, subtypes] of [
        ['StoreInstrumentRequest', { token: 'StoreTokenInstrumentRequest' }],
        ['RetrieveInstrumentResponse', { card: 'RetrieveCardInstrumentResponse' }],
      ] as const) {
        // The subtypes refer back to the base: it goes on under another name, and the old one judges both.
        schemas[`${base}Base`] = schemas[base]
        for (const name of Object.values(subtypes))
          for (const node of walk(schemas[name])) if (node.$ref === ref(base).$ref) node.$ref = ref(`${base}Base`).$ref
        schemas[base] = byType(`${base}Base`, subtypes)
      }
    },
  },
  tokenPattern: {
    reason: 'the pattern of a token has blanks around its bar, which no token has: it fits nothing, the example beside it included',
    apply(document) {
      const token = schema(document, 'StoreTokenInstrumentRequest')
      if (isRecord(token.properties) && isRecord(token.properties.token))
        token.properties.token.pattern = String(token.properties.token.pattern).replaceAll(' ', '')
    },
  },
  eitherPayment: {
    reason:
      'payments and payouts are told apart by oneOf, but what is required of a payout holds for many a payment: both fit, and so neither',
    apply(document) {
      for (const node of walk(document.paths)) {
        const branches = Array.isArray(node.oneOf) ? JSON.stringify(node.oneOf) : ''
        if (!/Pay(out|ment)(AcceptedResponse|Details)/.test(branches)) continue
        node.anyOf = node.oneOf
        delete node.oneOf
      }
    },
  },
  paymentList: {
    reason: 'GET /payments?reference= is newer than the specification: checkout-sdk-node 5.2.1, Payments.getPaymentList',
    apply(document) {
      if (!isRecord(document.paths) || !isRecord(document.paths['/payments'])) throw new TypeError('the specification has no /payments')
      const number = { type: 'integer', minimum: 0 }
      document.paths['/payments'].get = {
        parameters: [
          { name: 'reference', in: 'query', required: true, schema: { type: 'string', minLength: 1 } },
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
          { name: 'skip', in: 'query', schema: number },
        ],
        responses: {
          '200': {
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  required: ['total_count', 'data'],
                  properties: { limit: number, skip: number, total_count: number, data: { type: 'array', items: ref('PaymentDetails') } },
                },
              },
            },
          },
          '401': {},
        },
      }
    },
  },
} satisfies Readonly<Record<string, Overlay>>

export const createCheckoutJudge = (specsDir: string, applied: readonly Overlay[] = Object.values(overlays)): Judge =>
  createJudge({ specsDir, file: 'checkout/nas_spec.bundled.json', overlays: applied })

export function judgeCheckout(specsDir: string): StageJudge {
  const judge = createCheckoutJudge(specsDir)
  judge.prepare([
    ['POST', '/payments'],
    ['GET', '/payments'],
    ['GET', '/payments/pay_x'],
    ['GET', '/payments/pay_x/actions'],
    ['GET', '/instruments/src_x'],
    ['DELETE', '/instruments/src_x'],
  ])
  return {
    covers: request => !request.path.startsWith('/_page/'),
    request: request => judge.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      judge.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event: event => judge.checkSchema('get-event-response', JSON.parse(event.body)),
  }
}

/** The judge of Checkout.com's simulator: the specification of July 2022, with what is wrong in it, or newer than it, put right. */
import { join } from 'node:path'
import { isRecord, type Json } from '../json.ts'
import { createJudge, type Judge, type Overlay, type Violation } from '../judge.ts'
import { loadDocument } from '../judge-document.ts'
import { resolver } from '../judge-operations.ts'
import type { SimulatorRequest, StageJudge } from '../simulator.ts'

const file = 'checkout/nas_spec.bundled.json'

const at = (document: Json, pointer: string): Json => {
  const found = resolver(document)({ $ref: `#/${pointer}` })
  if (!isRecord(found)) throw new TypeError(`the specification has no ${pointer}`)
  return found
}
function either(schema: Json): void {
  schema.anyOf = schema.oneOf
  delete schema.oneOf
}
const number = { type: 'integer', minimum: 0 }

/** Each is shown to be needed in `overlays.test.ts`. What the discriminators without `oneOf` lead to is judged by `judge.ts` as it is. */
export const overlays = {
  tokenPattern: {
    reason: 'the pattern of a token has blanks around its bar, which no token has: it fits nothing, the example beside it included',
    apply(document) {
      const token = at(document, 'components/schemas/StoreTokenInstrumentRequest/properties/token')
      token.pattern = String(token.pattern).replaceAll(' ', '')
    },
  },
  eitherAccepted: {
    reason:
      'a payment or a payout that is accepted (202) is one of two by oneOf, but both are told by the same fields: every payment is both',
    apply: document => either(at(document, 'paths/~1payments/post/responses/202/content/application~1json/schema')),
  },
  eitherRead: {
    reason: 'a payment or a payout that is read (200) is one of two by oneOf, but a payment that was declined or is pending is both',
    apply: document => either(at(document, 'paths/~1payments~1{id}/get/responses/200/content/application~1json/schema')),
  },
  paymentList: {
    reason: 'GET /payments?reference= is newer than the specification: checkout-sdk-node 5.2.1, Payments.getPaymentList',
    apply(document) {
      const data = { type: 'array', items: { $ref: '#/components/schemas/PaymentDetails' } }
      const properties = { limit: number, skip: number, total_count: number, data }
      const schema = { type: 'object', required: ['total_count', 'data'], properties }
      at(document, 'paths/~1payments').get = {
        parameters: [
          { name: 'reference', in: 'query', required: true, schema: { type: 'string', minLength: 1 } },
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
          { name: 'skip', in: 'query', schema: number },
        ],
        responses: { '200': { content: { 'application/json': { schema } } }, '401': {} },
      }
    },
  },
} satisfies Readonly<Record<string, Overlay>>

export const createCheckoutJudge = (specsDir: string, applied: readonly Overlay[] = Object.values(overlays)): Judge =>
  createJudge({
    specsDir,
    file,
    overlays: applied,
    unjudged: [{ kind: 'required', count: 1, reason: 'processing.product_type: a flag, and its own examples leave the property out' }],
  })

/** The names that a schema lists, its parts by `allOf` included. */
function namesOf(document: Json, schema: unknown): readonly string[] {
  const found = resolver(document)(schema)
  if (!isRecord(found)) return []
  const parts = Array.isArray(found.allOf) ? found.allOf.flatMap(one => namesOf(document, one)) : []
  return [...Object.keys(isRecord(found.properties) ? found.properties : {}), ...parts]
}

const sources: Readonly<Record<string, string>> = { card: 'PaymentRequestCardSource', network_token: 'PaymentRequestNetworkTokenSource' }

/**
 * What a payment request says that the document does not know. The schemas leave that open (they are put together by `allOf`, and cannot be
 * closed one by one), and whether Checkout.com objects is not documented; a name that it does not know is of no use to us either way.
 */
export function strangers(document: Json, body: unknown): readonly Violation[] {
  if (!isRecord(body)) return []
  const judge = (part: unknown, name: string, at: string): readonly Violation[] => {
    const known = namesOf(document, { $ref: `#/components/schemas/${name}` })
    const strange = isRecord(part) ? Object.keys(part).filter(one => !known.includes(one)) : []
    return strange.map(one => ({ where: 'request', pointer: `${at}/${one}`, message: 'is not in the specification' }))
  }
  const type = isRecord(body.source) && typeof body.source.type === 'string' ? body.source.type : ''
  return [
    ...judge(body, 'PaymentRequest', ''),
    ...judge(body['3ds'], '3dsRequest', '/3ds'),
    ...judge(body.source, sources[type] ?? 'PaymentRequestSource', '/source'),
  ]
}

/** The same of an update: everything of it is optional there, so a name that is not known would be nothing at all. */
export function strangersInUpdate(document: Json, body: unknown): readonly Violation[] {
  if (!isRecord(body)) return []
  const known = namesOf(document, { $ref: '#/components/schemas/UpdateCardInstrumentRequest' })
  const strange = Object.keys(body).filter(one => !known.includes(one))
  return strange.map(one => ({ where: 'request', pointer: `/${one}`, message: 'is not in the specification' }))
}

function strangersIn(document: Json, request: SimulatorRequest): readonly Violation[] {
  const isUpdate = request.method === 'PATCH' && request.path.startsWith('/instruments/')
  if (!isUpdate && (request.method !== 'POST' || request.path !== '/payments')) return []
  try {
    return (isUpdate ? strangersInUpdate : strangers)(document, JSON.parse(request.body))
  } catch {
    return []
  }
}

export function judgeCheckout(specsDir: string): StageJudge {
  const judge = createCheckoutJudge(specsDir)
  const document = loadDocument(join(specsDir, file))
  judge.prepare([
    ['POST', '/payments'],
    ['GET', '/payments'],
    ['GET', '/payments/pay_x'],
    ['GET', '/payments/pay_x/actions'],
    ['GET', '/instruments/src_x'],
    ['PATCH', '/instruments/src_x'],
    ['DELETE', '/instruments/src_x'],
  ])
  return {
    covers: request => !request.path.startsWith('/_page/'),
    request: request => [
      ...judge.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
      ...strangersIn(document, request),
    ],
    answer: (request, answer) =>
      judge.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event: event => judge.checkSchema('get-event-response', JSON.parse(event.body)),
  }
}

/** The judge of PayPal's stage: Payment Method Tokens v3.1 for calls, Webhooks v1 for events and what they carry. */
import { isRecord, type Json } from '../json.ts'
import { createJudge, type Judge, type Overlay } from '../judge.ts'
import type { StageJudge } from '../simulator.ts'

const inside = (value: unknown, ...names: readonly string[]): Json => {
  const found = names.reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), value)
  return isRecord(found) ? found : {}
}

/** Corrections of the published document (2024-02); a test shows that each is needed. */
export const overlays = {
  setupToken: {
    reason:
      'token_id_request.type knows BILLING_AGREEMENT only. A setup token is exchanged as SETUP_TOKEN, as the guide shows and the SDK sends (VaultTokenRequestType, 2.5.0).',
    apply(document) {
      inside(document, 'components', 'schemas', 'token_id_request', 'properties', 'type').enum = ['BILLING_AGREEMENT', 'SETUP_TOKEN']
    },
  },
  merchantCustomer: {
    reason:
      'customer has an id only. The guide lets the merchant name the customer, and the SDK sends merchant_customer_id (Customer, 2.5.0; same pattern as in its documentation).',
    apply(document) {
      const properties = inside(document, 'components', 'schemas', 'customer', 'properties')
      properties.merchant_customer_id = { type: 'string', minLength: 1, maxLength: 64, pattern: '^[0-9a-zA-Z-_.^*$@#]+$' }
    },
  },
  unauthorized: {
    reason:
      'No operation lists 401, though the document has its error_401 (AUTHENTICATION_FAILURE) and every call can meet an expired access token.',
    apply(document) {
      for (const path of Object.values(inside(document, 'paths')))
        for (const operation of Object.values(isRecord(path) ? path : {})) {
          const responses = inside(operation, 'responses')
          if (Object.keys(responses).length > 0) responses['401'] = failed
        }
    },
  },
  nothingToDelete: {
    reason: 'DELETE lists no 404. What does not exist is answered RESOURCE_NOT_FOUND everywhere (developer.paypal.com/api/rest/responses).',
    apply(document) {
      inside(document, 'paths', '/v3/vault/payment-tokens/{id}', 'delete', 'responses')['404'] = failed
    },
  },
  description: {
    reason:
      "wallet_base.description escapes an exclamation mark, which JSON Schema's regular expressions (ECMA-262, unicode) do not allow: the same characters without it.",
    apply(document) {
      const { description } = inside(document, 'components', 'schemas', 'wallet_base', 'properties')
      if (isRecord(description)) description.pattern = `^[a-zA-Z0-9_'\\-., :;!?"]*$`
    },
  },
  wholeWallet: {
    reason:
      'paypal_wallet_request is put together by allOf from two parts, neither of which knows the fields of the other: it is closed to unknown fields as a whole, or not at all.',
    apply(document) {
      const schemas = inside(document, 'components', 'schemas')
      const { allOf } = inside(schemas, 'paypal_wallet_request')
      const [, own] = Array.isArray(allOf) ? allOf : []
      const properties = { ...inside(schemas, 'wallet_base', 'properties'), ...inside(own, 'properties') }
      schemas.paypal_wallet_request = { type: 'object', properties }
    },
  },
} as const satisfies Readonly<Record<string, Overlay>>

const failed = { description: 'The error.', content: { 'application/json': { schema: { $ref: '#/components/schemas/error' } } } }

export const operations = [
  ['POST', '/v3/vault/setup-tokens'],
  ['GET', '/v3/vault/setup-tokens/{id}'],
  ['POST', '/v3/vault/payment-tokens'],
  ['GET', '/v3/vault/payment-tokens'],
  ['GET', '/v3/vault/payment-tokens/{id}'],
  ['DELETE', '/v3/vault/payment-tokens/{id}'],
] as const

export const createPayPalJudge = (specsDir: string, list: readonly Overlay[] = Object.values(overlays)): Judge =>
  createJudge({
    specsDir,
    file: 'paypal/vault_payment_tokens_v3.json',
    overlays: list,
    closedRequests: true,
    // The pattern of an e-mail address lost a part (a class opens inside a group and never closes); we send none, and read what there is.
    brokenPatterns: list.includes(overlays.description) ? 1 : 2,
  })

export function judgePayPal(specsDir: string): StageJudge {
  const vault = createPayPalJudge(specsDir)
  vault.prepare(operations)
  const events = createJudge({ specsDir, file: 'paypal/notifications_webhooks_v1.json' })
  return {
    covers: request => request.path.startsWith('/v3/vault/'),
    request: request => vault.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      vault.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event(event) {
      const value: unknown = JSON.parse(event.body)
      return [...events.checkSchema('event', value), ...vault.checkSchema('payment_token_response', inside(value, 'resource'))]
    },
  }
}

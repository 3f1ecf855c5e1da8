/** PayPal as the contract suite takes it. Tests only. */
import type { SandboxValue } from '../channel.ts'
import type { Subject } from '../contract-bench.ts'
import { paypal } from './channel.ts'
import { sandbox } from './sandbox.ts'

/** vault_payment_tokens_v3.json, `components.schemas.error_*`: `properties.name.enum`. */
export const namesOfSpecification = `INVALID_REQUEST AUTHENTICATION_FAILURE NOT_AUTHORIZED RESOURCE_NOT_FOUND RESOURCE_CONFLICT
UNSUPPORTED_MEDIA_TYPE UNPROCESSABLE_ENTITY INTERNAL_SERVER_ERROR SERVICE_UNAVAILABLE`.split(/\s+/)
/** developer.paypal.com/api/payment-tokens/v3/errors/… (the pages at hand). */
const issuesOfPages = ['PAYER_ACTION_REQUIRED', 'SETUP_TOKEN_ALREADY_TOKENIZED', 'SETUP_TOKEN_NOT_TOKENIZED']
/** SDK 2.5.0, `OAuthProviderError`. */
export const errorsOfSdk = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
]

export const subject: Subject = {
  channel: paypal,
  sandbox,
  storePath: '/v3/vault/setup-tokens',
  unknownRefusal: {
    status: 422,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'UNPROCESSABLE_ENTITY',
      message: 'The requested action could not be performed.',
      debug_id: '90957fca61718',
      details: [{ issue: 'MOON_PHASE', description: 'Not tonight.' }],
    }),
  },
  // A retry may come days later under its first time: the tolerance is four days, which webhook.test.ts proves.
  timestamped: false,
  signsBytes: true,
  boundEvent: 'VAULT.PAYMENT-TOKEN.CREATED',
  officialCodes: [...namesOfSpecification, ...issuesOfPages, ...errorsOfSdk],
  bodylessRevocation: true,
}

export function byTitle(title: string): SandboxValue {
  const found = paypal.sandboxValues.find(one => one.title === title)
  if (found === undefined) throw new TypeError(`no sandbox value ${title}`)
  return found
}

/**
 * What the PayPal simulator does on purpose. PayPal's own sandbox is steered by its test accounts and by the header `PayPal-Mock-Response`
 * (developer.paypal.com/tools/sandbox/negative-testing), neither of which a wallet agreement carries; here the description of the agreement
 * steers, and so every value is ours.
 */
import type { RefusalCategory, SandboxValue } from '../channel.ts'

export type Behaviour = {
  /** Where it is refused: when the agreement is asked for, or when the approved one is to be taken. */
  readonly at: 'setup' | 'exchange'
  readonly status: 403 | 422
  readonly issue: string
  readonly message: string
}

const behaviours: Readonly<Record<string, Behaviour>> = {
  'Refused: payer restricted': {
    at: 'exchange',
    status: 422,
    issue: 'PAYER_ACCOUNT_RESTRICTED',
    message: 'Payer account is restricted.',
  },
  'Refused: payer closed': {
    at: 'exchange',
    status: 422,
    issue: 'PAYER_ACCOUNT_LOCKED_OR_CLOSED',
    message: 'Payer account is locked or closed.',
  },
  'Refused: declined': { at: 'exchange', status: 422, issue: 'INSTRUMENT_DECLINED', message: 'The instrument presented was declined.' },
  'Refused: vaulting off': {
    at: 'setup',
    status: 403,
    issue: 'NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE',
    message: 'The API caller is not allowed to vault the given payment source.',
  },
}
export const behaviourOf = (description: string): Behaviour | undefined => behaviours[description]

function agreement(
  title: string,
  description: string,
  outcome: SandboxValue['outcome'] = 'challenged',
  ends?: RefusalCategory,
): SandboxValue {
  return {
    title,
    shape: 'redirect',
    source: { type: 'wallet', brand: 'paypal', by: 'redirect', payer: { held: [], tail: '', country: 'US' } },
    give: {},
    terms: { currency: 'USD', rule: 'any', frequency: 'as_presented', startsOn: '2026-12-01', contract: 'ACME-42', description },
    outcome,
    ...(ends === undefined ? {} : { ends }),
    from: 'ours',
  }
}

export const sandboxValues: readonly SandboxValue[] = [
  agreement('PayPal wallet', 'ACME subscription'),
  agreement('PayPal account that is restricted', 'Refused: payer restricted', 'challenged', 'not_permitted'),
  agreement('PayPal account that was closed', 'Refused: payer closed', 'challenged', 'account_closed'),
  agreement('PayPal wallet that is declined', 'Refused: declined', 'challenged', 'do_not_honour'),
  agreement('Our PayPal account may not save wallets', 'Refused: vaulting off', 'misconfigured'),
]

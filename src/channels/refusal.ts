/**
 * The one catalogue of why something was refused, with what can be done about it. The channel's raw code always stands beside the category.
 */

/**
 * `never`: not with this instrument, whatever is done · `correct`: after the customer has corrected what was typed · `authenticate`: after
 * the customer has proven to be who they say · `later`: the same may succeed later · `elsewhere`: not at this channel as it is set up.
 */
export type Retry = 'never' | 'correct' | 'authenticate' | 'later' | 'elsewhere'

export const refusalCatalogue = {
  do_not_honour: { retry: 'later', meaning: 'The issuer or bank said no and gave no reason.' },
  insufficient_funds: { retry: 'later', meaning: 'There is not enough money or credit.' },
  expired: { retry: 'never', meaning: 'The instrument has expired.' },
  lost_or_stolen: { retry: 'never', meaning: 'It was reported lost or stolen.' },
  invalid_account: { retry: 'correct', meaning: 'There is no such account, card or number.' },
  account_closed: { retry: 'never', meaning: 'The account was closed, or the wallet no longer exists.' },
  invalid_security_code: { retry: 'correct', meaning: 'The security code does not fit.' },
  authentication_failed: { retry: 'authenticate', meaning: 'The customer did not prove to be its owner.' },
  limit_exceeded: { retry: 'later', meaning: 'A limit of amount or number was reached.' },
  fraud_suspected: { retry: 'never', meaning: 'Fraud is suspected.' },
  not_permitted: { retry: 'never', meaning: 'This kind of use is not permitted for it.' },
  not_supported: { retry: 'elsewhere', meaning: 'The channel does not take this kind of instrument.' },
  cancelled_by_customer: { retry: 'authenticate', meaning: 'The customer turned back.' },
  mandate_revoked: { retry: 'authenticate', meaning: 'The payer or the bank took the mandate back; a new one may be asked for.' },
  try_later: { retry: 'later', meaning: 'Something did not work for the moment.' },
  misconfigured: { retry: 'elsewhere', meaning: 'Our account, key or request is not as the channel wants it.' },
  unknown: { retry: 'later', meaning: 'A code that nobody has documented.' },
} as const satisfies Readonly<Record<string, { readonly retry: Retry; readonly meaning: string }>>

export type RefusalCategory = keyof typeof refusalCatalogue

const isCategory = (name: string): name is RefusalCategory => name in refusalCatalogue
export const refusalCategories: readonly RefusalCategory[] = Object.keys(refusalCatalogue).filter(isCategory)

/** The channel's codes by category, as a folder's `refusals.ts` lists them, turned round: code → category. */
export function categoryByCode(lists: Readonly<Partial<Record<RefusalCategory, readonly string[]>>>): ReadonlyMap<string, RefusalCategory> {
  const out = new Map<string, RefusalCategory>()
  for (const category of refusalCategories) {
    for (const code of lists[category] ?? []) {
      if (out.has(code)) throw new TypeError(`${code} has two categories`)
      out.set(code, category)
    }
  }
  return out
}

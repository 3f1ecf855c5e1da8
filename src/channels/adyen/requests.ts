/** Adyen's words on the way out: Checkout API v71 and Recurring API v68. */
import type {
  BindInput,
  Call,
  CardView,
  ChannelAccount,
  ChannelRequest,
  LookUpInput,
  MandateTerms,
  RefreshInput,
  Source,
} from '../channel.ts'

export const version = 'v71'

const setting = (account: ChannelAccount, name: string): string => account.settings[name] ?? ''
export const merchantAccountOf = (account: ChannelAccount): string => setting(account, 'merchantAccount')
export const currencyOf = (account: ChannelAccount): string => account.settings.currency ?? 'EUR'
/** How the token is first meant to be used (CardOnFile, Subscription, UnscheduledCardOnFile); later it may be used under each. */
const processingModelOf = (account: ChannelAccount): string => account.settings.recurringProcessingModel ?? 'CardOnFile'

const trimmed = (address: string): string => address.replace(/\/+$/, '')
const endpoint = (account: ChannelAccount, path: string, query: Readonly<Record<string, string>> = {}): string => {
  const search = new URLSearchParams(query).toString()
  return `${trimmed(account.address)}/${version}${path}${search === '' ? '' : `?${search}`}`
}
/**
 * Recurring lives beside Checkout: `pal-test.adyen.com`, and live `<prefix>-pal-live.adyenpayments.com` where Checkout is
 * `<prefix>-checkout-live.adyenpayments.com/checkout` (docs.adyen.com/development-resources/live-endpoints).
 */
export function recurringOrigin(address: string): string {
  const { protocol, host } = new URL(address)
  const beside = host.replace(/^checkout-test(?=\.adyen\.com$)/, 'pal-test').replace(/-checkout-live(?=\.adyenpayments\.com$)/, '-pal-live')
  return `${protocol}//${beside}`
}
const recurringEndpoint = (account: ChannelAccount, path: string): string =>
  `${recurringOrigin(account.address)}/pal/servlet/Recurring/v68${path}`
const authorised = (account: ChannelAccount): Record<string, string> => ({ 'x-api-key': account.secrets.apiKey?.reveal() ?? '' })

/** POST with the operation's key: at most 64 characters (Checkout v71, `Idempotency-Key`); ours has at most 40, and a suffix. */
const post = (call: Call, path: string, body: unknown, suffix = ''): ChannelRequest => ({
  method: 'POST',
  url: endpoint(call.account, path),
  headers: { ...authorised(call.account), 'content-type': 'application/json', 'idempotency-key': `${call.key}${suffix}` },
  body: JSON.stringify(body),
})

const fromCard = (card: CardView) => ({
  type: 'scheme',
  number: '{{card.number}}',
  expiryMonth: '{{card.expiryMonth}}',
  expiryYear: '{{card.expiryYear}}',
  ...(card.securityCode ? { cvc: '{{card.securityCode}}' } : {}),
  ...(card.holder ? { holderName: '{{card.holder}}' } : {}),
})

const encryptedRequired = ['encryptedCardNumber', 'encryptedExpiryMonth', 'encryptedExpiryYear'] as const
const encryptedNames: readonly string[] = [...encryptedRequired, 'encryptedSecurityCode', 'holderName']
/** What Adyen's own fields gave; whatever else stands beside them is not passed on. */
const fromFields = (fields: Readonly<Record<string, string>>) => ({
  type: 'scheme',
  ...Object.fromEntries(Object.entries(fields).filter(([name, value]) => encryptedNames.includes(name) && value !== '')),
})
/** The first field that Adyen's fields should have given and did not. */
export const missingField = (fields: Readonly<Record<string, string>>): string | undefined =>
  encryptedRequired.find(name => (fields[name] ?? '') === '')

/**
 * A zero-value authorisation that stores the card. By default the redirect flavour of 3-D Secure is asked for, so that every challenge is
 * an address to send the browser to. An account whose pages show the issuer's frame themselves sets `nativeThreeDS` to `preferred`; then
 * Adyen may still fall back to the redirect ("Adyen can still select to fallback to the redirect flow", Checkout v71).
 */
export function cardRequest(call: Call, input: BindInput, source: Extract<Source, { type: 'card' | 'encrypted_card' }>): ChannelRequest {
  const { account } = call
  const native = account.settings.nativeThreeDS === 'preferred' && input.client.userAgent !== undefined
  const body = {
    merchantAccount: merchantAccountOf(account),
    amount: { value: 0, currency: currencyOf(account) },
    reference: call.operation,
    paymentMethod: source.type === 'card' ? fromCard(source.card) : fromFields(source.fields),
    storePaymentMethod: true,
    shopperReference: shopperOfBinding(input),
    recurringProcessingModel: processingModelOf(account),
    shopperInteraction: 'Ecommerce',
    channel: 'Web',
    returnUrl: input.returnUrl,
    // "Required for browser-based 3D Secure 2 transactions": the page that shows the frame is the one that is returned to.
    ...(native ? { origin: account.settings.origin ?? new URL(input.returnUrl).origin } : {}),
    authenticationData: { threeDSRequestData: { nativeThreeDS: native ? 'preferred' : 'disabled' } },
    ...(input.client.ip === undefined ? {} : { shopperIP: input.client.ip }),
    ...(input.client.userAgent === undefined ? {} : { browserInfo: browserInfo(input.client.userAgent) }),
  }
  const request = post(call, '/payments', body)
  return source.type === 'card' ? { ...request, placeholders: true } : request
}

/**
 * The specification takes `browserInfo` whole or not at all, and we know the user agent only. The rest is neutral: in the redirect
 * flow Adyen's own page stands between us and the issuer and measures the real browser; in the native flow the fingerprint does.
 */
const browserInfo = (userAgent: string) => ({
  userAgent,
  acceptHeader: '*/*',
  language: 'en',
  colorDepth: 24,
  screenHeight: 0,
  screenWidth: 0,
  timeZoneOffset: 0,
  javaEnabled: false,
})

/**
 * "All merchant-defined values, such as for merchantReference, shopperReference, and remarks … must be alphanumeric"
 * (docs.adyen.com/payment-methods/upi/upi-autopay/api-only): our ids go without their underscore, and are read back by `ourId`.
 */
export const alphanumeric = (text: string): string => text.replace(/[^A-Za-z0-9]/g, '')
export const ourId = (prefix: 'opn' | 'bnd', text: string): string | undefined => {
  const body = new RegExp(`^${prefix}_?([0-9a-z]+)$`).exec(text)?.[1]
  return body === undefined ? undefined : `${prefix}_${body}`
}

/**
 * Adyen gives one token for a card of one shopper, however often it is stored. We know a typed card again and bind it once; what the shopper
 * typed into Adyen's fields we cannot, and each plan of UPI has a mandate of its own: those stand under their binding's name, so that
 * giving up one never takes another's token away.
 */
export const shopperOfBinding = (input: Pick<LookUpInput, 'source' | 'binding' | 'customer'>): string =>
  input.source?.type === 'instant_mandate' || input.source?.type === 'encrypted_card' ? alphanumeric(input.binding) : input.customer

/**
 * Under which shopper a token stands. Where only a webhook told of the bind, its shopper may not be known; then the payment's reference
 * tells a mandate (whose shopper is its binding) from a card: a token that is asked for under another shopper looks as if it were gone.
 */
export const shopperOfToken = ({ references, customer, binding }: Pick<RefreshInput, 'references' | 'customer' | 'binding'>): string =>
  references.shopper_reference ?? (/^opn[^_]/.test(references.merchant_reference ?? '') ? alphanumeric(binding) : customer)

type UpiSource = Extract<Source, { type: 'instant_mandate' }>
const upiTypes = { qr: 'upi_qr', app_link: 'upi_intent', await: 'upi_collect' } as const
const frequencies = {
  weekly: 'weekly',
  monthly: 'monthly',
  quarterly: 'quarterly',
  half_yearly: 'halfYearly',
  yearly: 'yearly',
  as_presented: 'adhoc',
} as const

/** What these terms lack to become a mandate at Adyen (Checkout v71, `Mandate`: amount, end and frequency are required; INR only). */
export function termsLack(terms: MandateTerms | undefined): string | undefined {
  if (terms === undefined) return 'terms'
  if (terms.currency !== 'INR') return 'currency INR'
  if (terms.rule === 'any' || terms.amount === undefined) return 'amount'
  return terms.endsOn === undefined ? 'endsOn' : undefined
}

/**
 * UPI Autopay: a mandate that the payer approves in a UPI app, told by QR code, by link, or by a request to the payer's address
 * (docs.adyen.com/payment-methods/upi/upi-autopay: UPI QR, UPI Intent, UPI Collect). Nothing is charged, which Adyen enables for an account
 * on request. Each plan has a mandate of its own, so the shopper's reference is the binding's, and what stands under it is its.
 */
export function upiRequest(call: Call, input: BindInput, of: { readonly source: UpiSource; readonly terms: MandateTerms }): ChannelRequest {
  const { source, terms } = of
  const collect = source.by === 'await'
  const body = {
    merchantAccount: merchantAccountOf(call.account),
    amount: { value: 0, currency: 'INR' },
    reference: alphanumeric(call.operation),
    paymentMethod: { type: upiTypes[source.by], ...(collect ? { virtualPaymentAddress: '{{payer.vpa}}' } : {}) },
    storePaymentMethod: true,
    shopperReference: shopperOfBinding(input),
    recurringProcessingModel: terms.frequency === 'as_presented' ? 'UnscheduledCardOnFile' : 'Subscription',
    shopperInteraction: 'Ecommerce',
    countryCode: 'IN',
    channel: 'Web',
    returnUrl: input.returnUrl,
    mandate: {
      amount: terms.amount,
      amountRule: terms.rule === 'fixed' ? 'exact' : 'max',
      frequency: frequencies[terms.frequency],
      startsAt: terms.startsOn,
      endsAt: terms.endsOn,
      remarks: alphanumeric(terms.description),
    },
    ...(input.client.ip === undefined ? {} : { shopperIP: input.client.ip }),
  }
  const request = post(call, '/payments', body)
  return collect ? { ...request, placeholders: true } : request
}

/**
 * What the browser brought back, submitted: a redirect's result, what the 3-D Secure component gave, or the `payload` of older flows. A
 * device's fingerprint (`threeDSCompInd`, EMVCo) is submitted as that, with what Adyen gave to go with it; anything else is the result.
 */
export function resumeRequest(
  call: Call,
  returned: Readonly<Record<string, string>>,
  paymentData: string | undefined,
): ChannelRequest | undefined {
  const { three_ds_result: threeDS = '', redirectResult = '', payload = '' } = returned
  if (threeDS !== '') {
    if (!isFingerprint(threeDS)) return post(call, '/payments/details', { details: { threeDSResult: threeDS } })
    const data = paymentData === undefined ? {} : { paymentData }
    return post(call, '/payments/details', { details: { 'threeds2.fingerprint': threeDS }, ...data }, '.fingerprint')
  }
  if (redirectResult !== '') return post(call, '/payments/details', { details: { redirectResult } })
  return payload === '' ? undefined : post(call, '/payments/details', { details: { payload } })
}
const isFingerprint = (result: string): boolean => Buffer.from(result, 'base64').toString('utf8').includes('"threeDSCompInd"')

export const listRequest = (call: Call, shopper: string): ChannelRequest => ({
  method: 'GET',
  url: endpoint(call.account, '/storedPaymentMethods', { merchantAccount: merchantAccountOf(call.account), shopperReference: shopper }),
  headers: authorised(call.account),
})

export const deleteRequest = (call: Call, token: string, shopper: string): ChannelRequest => ({
  method: 'DELETE',
  url: endpoint(call.account, `/storedPaymentMethods/${encodeURIComponent(token)}`, {
    merchantAccount: merchantAccountOf(call.account),
    shopperReference: shopper,
  }),
  headers: authorised(call.account),
})

/** Asks the schemes for what is new behind the token. The answer says that they will be asked. */
export const updaterRequest = (call: Call, input: RefreshInput): ChannelRequest => ({
  method: 'POST',
  url: recurringEndpoint(call.account, '/scheduleAccountUpdater'),
  headers: { ...authorised(call.account), 'content-type': 'application/json' },
  body: JSON.stringify({
    merchantAccount: merchantAccountOf(call.account),
    reference: call.operation,
    shopperReference: shopperOfToken(input),
    selectedRecurringDetailReference: input.token,
  }),
})

/** How each source becomes a payment method and a setup intent of Stripe's, and what is refused at our own door because it cannot. */
import type { BindInput, MandateTerms, PayerView, Refused, Source, Way } from '../channel.ts'
import type { PayerField } from '../source.ts'
import type { FormField } from './wire.ts'

/** SEPA's scheme countries take part by IBAN (docs.stripe.com/payments/sepa-debit); ACH debits go to accounts in the United States alone. */
export const ways: readonly Way[] = [
  { kind: 'card', shape: 'direct' },
  { kind: 'card', shape: 'redirect' },
  { kind: 'bank_account', shape: 'micro_deposits', scheme: 'ach', countries: ['US'] },
  { kind: 'bank_account', shape: 'direct', scheme: 'sepa_debit' },
]

type Fields = { readonly kind: 'fields'; readonly method: readonly FormField[]; readonly intent: readonly FormField[] }

/** The fields of `POST /v1/payment_methods` and of `POST /v1/setup_intents` that depend on what is bound. */
export function fieldsOf(input: BindInput): Fields | Refused {
  const { source } = input
  if (source.type === 'card') return cardFields(source.card, input.stepUp === true)
  if (source.type !== 'bank_account') return refuse('not_supported', `${source.type}_not_taken`, true)
  if (source.scheme === 'ach') return achFields(input, source)
  if (source.scheme === 'sepa_debit') return sepaFields(input, source)
  return refuse('not_supported', `${source.scheme}_not_taken`, true)
}

/** Nothing was sent. What is missing is missing everywhere; what Stripe does not take may be taken elsewhere. */
const refuse = (category: Refused['category'], code: string, elsewhere: boolean): Refused => ({
  kind: 'refused',
  by: 'channel',
  category,
  code,
  elsewhere,
  references: {},
})

/**
 * No `mandate_data`: a card needs no mandate at Stripe (bank debits do), and the consent is kept by us. `any`: 3-D Secure wherever the card
 * knows it (docs.stripe.com/payments/3d-secure/authentication-flow).
 */
const cardFields = (card: Extract<Source, { type: 'card' }>['card'], stepUp: boolean): Fields => ({
  kind: 'fields',
  method: [
    ['type', 'card'],
    ['card[number]', { placeholder: 'card.number' }],
    ['card[exp_month]', { placeholder: 'card.expiryMonth' }],
    ['card[exp_year]', { placeholder: 'card.expiryYear' }],
    ...(card.securityCode ? [['card[cvc]', { placeholder: 'card.securityCode' }] as const] : []),
    ...(card.holder ? [['billing_details[name]', { placeholder: 'card.holder' }] as const] : []),
  ],
  intent: [
    ['payment_method_types[0]', 'card'],
    ...(stepUp ? [['payment_method_options[card][request_three_d_secure]', 'any'] as const] : []),
  ],
})

type BankSource = Extract<Source, { type: 'bank_account' }>

/**
 * docs.stripe.com/payments/ach-direct-debit/set-up-payment: the holder's name and type are required. Proven by micro-deposits alone: the
 * instant way needs the customer's bank login in Stripe's own script.
 */
function achFields(input: BindInput, { payer, verify }: BankSource): Fields | Refused {
  if (verify === 'instant') return refuse('not_supported', 'instant_verification_not_taken', true)
  const wrong = missing(payer, ['name', 'accountNumber', 'routingNumber']) ?? wrongTerms(input.terms, 'USD')
  if (wrong !== undefined) return wrong
  return {
    kind: 'fields',
    method: [
      ['type', 'us_bank_account'],
      ['us_bank_account[account_holder_type]', 'individual'],
      ['us_bank_account[account_number]', { placeholder: 'payer.accountNumber' }],
      ['us_bank_account[routing_number]', { placeholder: 'payer.routingNumber' }],
      ...billing(payer),
    ],
    intent: [
      ['payment_method_types[0]', 'us_bank_account'],
      ['payment_method_options[us_bank_account][verification_method]', 'microdeposits'],
      ...mandate(input),
    ],
  }
}

/** docs.stripe.com/payments/sepa-debit/set-up-payment: name and e-mail are required, the mandate and its notices go to that address. */
function sepaFields(input: BindInput, { payer }: BankSource): Fields | Refused {
  const wrong = missing(payer, ['name', 'email', 'iban']) ?? wrongTerms(input.terms, 'EUR')
  if (wrong !== undefined) return wrong
  return {
    kind: 'fields',
    method: [['type', 'sepa_debit'], ['sepa_debit[iban]', { placeholder: 'payer.iban' }], ...billing(payer)],
    intent: [['payment_method_types[0]', 'sepa_debit'], ...mandate(input)],
  }
}

function missing(payer: PayerView, needed: readonly PayerField[]): Refused | undefined {
  const found = needed.find(field => !payer.held.includes(field))
  return found === undefined ? undefined : refuse('invalid_account', `payer_${found}_missing`, false)
}

/** A mandate is not guessed. Stripe's has no amount and no frequency; what the payer agreed to is kept by us and named in the description. */
function wrongTerms(terms: MandateTerms | undefined, currency: string): Refused | undefined {
  if (terms === undefined) return refuse('misconfigured', 'mandate_terms_missing', false)
  return terms.currency === currency ? undefined : refuse('not_supported', 'mandate_currency_not_taken', true)
}

const billing = (payer: PayerView): readonly FormField[] => [
  ['billing_details[name]', { placeholder: 'payer.name' }],
  ...(payer.held.includes('email') ? [['billing_details[email]', { placeholder: 'payer.email' }] as const] : []),
]

/**
 * How the customer agreed: in a browser, with its address and name, or (where we know of no browser) on paper or by telephone. When is left
 * to Stripe, which takes the moment of the request.
 */
function mandate({ client, terms }: BindInput): readonly FormField[] {
  const online = client.ip !== undefined && client.userAgent !== undefined
  return [
    ['mandate_data[customer_acceptance][type]', online ? 'online' : 'offline'],
    ...(online
      ? [
          ['mandate_data[customer_acceptance][online][ip_address]', client.ip ?? ''] as const,
          ['mandate_data[customer_acceptance][online][user_agent]', client.userAgent ?? ''] as const,
        ]
      : []),
    ...(terms === undefined ? [] : [['description', terms.description] as const, ['metadata[bindery_contract]', terms.contract] as const]),
  ]
}

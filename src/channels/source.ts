/**
 * What is bound: the kinds of instruments, and what a bind starts from. A source holds nothing secret: numbers, names and addresses are in
 * the vault, which fills them into placeholders on the way out; what stands here may be shown, stored and logged.
 */

import type { RefusalCategory } from './refusal.ts'

/** What a customer can own. */
export const instrumentKinds = ['card', 'device_token', 'bank_account', 'wallet', 'instant_mandate', 'carrier_account'] as const
export type InstrumentKind = (typeof instrumentKinds)[number]

/** How a binding can come about: what the customer meets on the way. */
export const shapes = [
  /** The number goes to the channel through our vault; nothing is asked. */
  'direct',
  /** The channel's own fields encrypted it in the browser; we carry what only the channel can read. */
  'hosted_fields',
  /** A device's token (Apple Pay, Google Pay), decrypted by the vault and presented as a network token. */
  'device_token',
  /** The customer is sent to the channel's or the bank's page and comes back. */
  'redirect',
  /** The customer's wallet or bank app is opened on the same device. */
  'app_link',
  /** The customer scans a code with the wallet or bank app. */
  'qr',
  /** A one-time password that the channel sent is typed in. */
  'otp',
  /** Small amounts, or a code in the statement line, are told back to prove that the account is the customer's. */
  'micro_deposits',
  /** 3-D Secure inside the page, without leaving it. */
  'three_ds',
  /** The channel or bank asks the customer by its own means; nothing to do but wait. */
  'await',
] as const
export type Shape = (typeof shapes)[number]

export type CardView = {
  readonly brand: string
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
  /** Whether the vault holds a security code for this operation, and a holder's name: placeholders may be used only then. */
  readonly securityCode: boolean
  readonly holder: boolean
}

/**
 * What the vault may hold of a payer who is not a card: each is a placeholder `{{payer.<name>}}`. `bank`: the bank's own number where the
 * rail names it apart (ISPB in Brazil). `vpa`: a UPI address.
 */
export const payerFields = [
  'name',
  'email',
  'phone',
  'taxId',
  'iban',
  'accountNumber',
  'routingNumber',
  'branch',
  'bank',
  'vpa',
  'line1',
  'city',
  'postalCode',
] as const
export type PayerField = (typeof payerFields)[number]
/**
 * `held`: what the vault can fill in. `tail`: the last digits that may be shown, empty when nothing is known yet. `holder`: whose number
 * `taxId` is, where people and companies have different ones (CPF and CNPJ in Brazil); a person's where it is not said.
 */
export type PayerView = {
  readonly held: readonly PayerField[]
  readonly tail: string
  readonly country: string
  readonly holder?: 'person' | 'company'
}

export const debitSchemes = ['ach', 'sepa_debit', 'bacs', 'becs', 'pad', 'autogiro', 'betalingsservice'] as const
export type DebitScheme = (typeof debitSchemes)[number]

export type Source =
  | { readonly type: 'card'; readonly card: CardView }
  /** `fields`: as the channel's own script gave them, readable by that channel alone. */
  | { readonly type: 'encrypted_card'; readonly fields: Readonly<Record<string, string>> }
  /** `{{card.number}}` is the device's number; `{{card.cryptogram}}` may be used where `cryptogram`. `eci`: as the wallet gave it. */
  | {
      readonly type: 'device_token'
      readonly wallet: 'apple_pay' | 'google_pay'
      readonly card: CardView
      readonly cryptogram: boolean
      readonly eci?: string
    }
  /** With nothing held the payer types it at the channel's own page. `verify`: how ownership is proven, where there is a choice. */
  | {
      readonly type: 'bank_account'
      readonly scheme: DebitScheme
      readonly payer: PayerView
      readonly verify?: 'micro_deposits' | 'instant'
    }
  /** `brand`: `paypal`, `gcash`, `dana`, … in lower case. */
  | { readonly type: 'wallet'; readonly brand: string; readonly by?: 'redirect' | 'app_link' | 'qr'; readonly payer: PayerView }
  | {
      readonly type: 'instant_mandate'
      readonly rail: 'pix_automatico' | 'upi_autopay'
      readonly by: 'await' | 'qr' | 'app_link'
      readonly payer: PayerView
    }
  | { readonly type: 'carrier_account'; readonly payer: PayerView }
export type SourceType = Source['type']

export const kindOfSource: Readonly<Record<SourceType, InstrumentKind>> = {
  card: 'card',
  encrypted_card: 'card',
  device_token: 'device_token',
  bank_account: 'bank_account',
  wallet: 'wallet',
  instant_mandate: 'instant_mandate',
  carrier_account: 'carrier_account',
}

export const frequencies = ['weekly', 'monthly', 'quarterly', 'half_yearly', 'yearly', 'as_presented'] as const
export type Frequency = (typeof frequencies)[number]

/** What the payer agrees to. Money in minor units of the currency (ISO 4217) as digits; days as `YYYY-MM-DD`. */
export type MandateTerms = {
  readonly currency: string
  /** `max`: each collection at most · `fixed`: each exactly · `any`: as the contract says. */
  readonly rule: 'max' | 'fixed' | 'any'
  readonly amount?: string
  readonly frequency: Frequency
  readonly startsOn: string
  readonly endsOn?: string
  /** Collections in all, at most. */
  readonly countMax?: number
  /** When within each period, by the day of the month (of the week, 1 Monday, where weekly). A month that is shorter ends it. */
  readonly window?: { readonly rule: 'on' | 'before' | 'after'; readonly day: number }
  /** How many days before a collection the payer is told, where the rail lets the two agree on it. */
  readonly noticeDays?: number
  /** The merchant's name of the contract, at most 35 characters, and a line the payer understands. */
  readonly contract: string
  readonly description: string
}

/** What makes a simulator (and the channel's own test environment, where `source` is the channel's) do something on purpose. */
export type SandboxValue = {
  readonly title: string
  readonly shape: Shape
  readonly source: Source
  /** What the vault is to hold: `number`, `expiryMonth`, `securityCode`, `holder` of a card, or fields of a payer. */
  readonly give: Readonly<
    Partial<Record<'number' | 'expiryMonth' | 'expiryYear' | 'securityCode' | 'holder' | 'cryptogram' | PayerField, string>>
  >
  readonly terms?: MandateTerms
  /** What the first answer is; a refusal's category stands for itself. `ends`: how a challenge that is passed ends, if not bound. */
  readonly outcome: 'bound' | 'challenged' | 'verifying' | RefusalCategory
  readonly ends?: RefusalCategory
  /** The owner's page, or `ours` where the owner has no such value. */
  readonly from: string
}

/** What a channel does with mandates of its own accord, where it differs from the rail (`instruments/rails.ts`). */
export type MandateRules = {
  /** It lets a mandate lapse after so many months without a collection. */
  readonly dormantAfterMonths?: number
  /** It tells the payer before each collection, so that nobody else has to. */
  readonly tellsPayer?: true
}

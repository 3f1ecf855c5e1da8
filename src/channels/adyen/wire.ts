/** Adyen's words in answers, Checkout API v71 and Recurring API v68: how each reads. Nothing outside this folder knows them. */
import { z } from 'zod'
import type { Bound, ChannelAnswer, References, Refused, Uncertain, Updated } from '../channel.ts'
import { readJson } from '../json.ts'
import { cardErrors, goneErrors, inProgressError } from './refusals.ts'

const words = z.record(z.string(), z.unknown())

/** Loose: the channel's own component takes the action as it came. */
const nextAction = z.looseObject({
  type: z.string(),
  url: z.string().optional(),
  method: z.string().optional(),
  data: words.optional(),
  subtype: z.string().optional(),
  token: z.string().optional(),
  paymentData: z.string().optional(),
  qrCodeData: z.string().optional(),
  expiresAt: z.string().optional(),
})
export type NextAction = z.infer<typeof nextAction>

const paymentAnswer = z.object({
  resultCode: z.string(),
  /** In every answer; before a redirect the specification lets it come later. */
  pspReference: z.string().min(1).optional(),
  merchantReference: z.string().optional(),
  refusalReason: z.string().optional(),
  refusalReasonCode: z.string().optional(),
  action: nextAction.optional(),
  amount: z.object({ value: z.number(), currency: z.string() }).optional(),
  additionalData: words.optional(),
})
export type PaymentAnswer = z.infer<typeof paymentAnswer>

const serviceError = z.object({ errorCode: z.string(), errorType: z.string().optional(), message: z.string().optional() })

/** At most 64 characters (Checkout v71, `storedPaymentMethodId`); it becomes part of an address, so nothing but letters and digits. */
export const tokenPattern = /^[\w-]{1,64}$/

const storedCards = z.object({
  merchantAccount: z.string().optional(),
  shopperReference: z.string().optional(),
  storedPaymentMethods: z.array(
    z.object({
      id: z.string().regex(tokenPattern),
      brand: z.string().optional(),
      lastFour: z.string().optional(),
      expiryMonth: z.string().optional(),
      expiryYear: z.string().optional(),
      networkTxReference: z.string().optional(),
    }),
  ),
})
export type StoredCards = z.infer<typeof storedCards>
export type StoredCard = StoredCards['storedPaymentMethods'][number]

const updaterAnswer = z.object({ pspReference: z.string().min(1), result: z.string().min(1) })
export type UpdaterAnswer = z.infer<typeof updaterAnswer>

function parsed<S extends z.ZodType>(schema: S, body: string): z.output<S> | undefined {
  const result = schema.safeParse(readJson(body))
  return result.success ? result.data : undefined
}

/** Without the one or the other it is nobody's payment, whatever it says of itself. */
export function readPayment(answer: ChannelAnswer): PaymentAnswer | undefined {
  const payment = answer.status === 200 ? parsed(paymentAnswer, answer.body) : undefined
  return payment?.pspReference === undefined && payment?.action === undefined ? undefined : payment
}
export const readStoredCards = (answer: ChannelAnswer): StoredCards | undefined =>
  answer.status === 200 ? parsed(storedCards, answer.body) : undefined

export const readUpdater = (answer: ChannelAnswer): UpdaterAnswer | undefined =>
  answer.status === 200 ? parsed(updaterAnswer, answer.body) : undefined

/** A word of `additionalData`, whose values are strings wherever the specification lists them. */
export const word = (data: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined => {
  const value = data?.[name]
  return typeof value === 'string' && value !== '' && value !== 'null' ? value : undefined
}

/** v68 renamed `recurring.recurringDetailReference`; which one comes depends on the account's settings. */
export function tokenOf(data: PaymentAnswer['additionalData']): string | undefined {
  const token = word(data, 'tokenization.storedPaymentMethodId') ?? word(data, 'recurring.recurringDetailReference')
  return token !== undefined && tokenPattern.test(token) ? token : undefined
}
export const shopperOf = (data: PaymentAnswer['additionalData']): string | undefined =>
  word(data, 'tokenization.shopperReference') ?? word(data, 'recurring.shopperReference')

const brands: Readonly<Record<string, string>> = { mc: 'mastercard', cup: 'unionpay' }
/** `visa_applepay`, `visastandarddebit`: the brand is what it begins with. */
export function brandOf(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const known = ['visa', 'mc', 'amex', 'discover', 'diners', 'jcb', 'cup', 'maestro'].find(one => name.startsWith(one))
  return known === undefined ? undefined : (brands[known] ?? known)
}

/** Only what the account has chosen to be told (Customer Area, additional data); each may be absent. */
export function boundOf(token: string, data: PaymentAnswer['additionalData'], references: References): Bound {
  const brand = brandOf(word(data, 'paymentMethod') ?? word(data, 'cardPaymentMethod'))
  const last4 = /^\d{4}$/.exec(word(data, 'cardSummary') ?? '')?.[0]
  const expiry = /^(\d{1,2})\/(\d{4})$/.exec(word(data, 'expiryDate') ?? '')
  const networkTransactionId = word(data, 'networkTxReference')
  const transactionLinkId = word(data, 'transactionLinkId')
  const shown = {
    ...(brand === undefined ? {} : { brand }),
    ...(last4 === undefined ? {} : { last4 }),
    ...(expiry === null ? {} : { expiryMonth: Number(expiry[1]), expiryYear: Number(expiry[2]) }),
  }
  return {
    kind: 'bound',
    token,
    references: { ...references, stored_payment_method: token },
    ...(Object.keys(shown).length === 0 ? {} : { shown }),
    ...(networkTransactionId === undefined ? {} : { networkTransactionId }),
    ...(transactionLinkId === undefined ? {} : { transactionLinkId }),
  }
}

/** What the list of stored cards says of one: as an answer would, in the list's own words. */
export function boundFrom(stored: StoredCard, references: References): Bound {
  const { id, brand, lastFour, expiryMonth, expiryYear, networkTxReference } = stored
  const data = {
    ...(brand === undefined ? {} : { paymentMethod: brand }),
    ...(lastFour === undefined ? {} : { cardSummary: lastFour }),
    // Two digits, four in some answers.
    ...(expiryMonth === undefined || expiryYear === undefined ? {} : { expiryDate: `${expiryMonth}/${expiryYear.padStart(4, '20')}` }),
    ...(networkTxReference === undefined ? {} : { networkTxReference }),
  }
  return boundOf(id, data, references)
}

/** The same as news of a token that is there already. */
export function updatedFrom(stored: StoredCard, references: References): Updated {
  const { shown } = boundFrom(stored, references)
  return { kind: 'updated', references, ...(shown === undefined ? {} : { shown }) }
}

export const uncertain = (cause: string, references: References = {}): Uncertain => ({ kind: 'uncertain', cause, references })

/** An answer that is not the 2xx asked for: a definite no where Adyen says so, else uncertain. `gone`: what this names is not there. */
export function readFailure(answer: ChannelAnswer, references: References): Refused | Uncertain | { readonly kind: 'gone' } {
  const { status } = answer
  if (status === 429 || status >= 500 || status < 400 || status === 408) return uncertain(`http_${status}`, references)
  const error = parsed(serviceError, answer.body)
  const code = error?.errorCode ?? `http_${status}`
  if (code === inProgressError) return uncertain('in_progress', references)
  if (status === 409) return uncertain(`conflict_${code}`, references)
  if (error !== undefined && goneErrors.includes(code)) return { kind: 'gone' }
  // A 4xx that is not Adyen's own form may come from something in between that never asked Adyen, or lost its answer.
  const door = (status === 401 || status === 403) && (answer.body === '' || readJson(answer.body) !== undefined)
  if (error === undefined && !door) return uncertain(`unreadable_${status}`, references)
  if (error?.errorType === 'internal') return uncertain(`internal_${code}`, references)
  const about = Object.hasOwn(cardErrors, code) ? cardErrors[code] : undefined
  return {
    kind: 'refused',
    by: 'channel',
    category: about?.category ?? 'misconfigured',
    elsewhere: about?.elsewhere ?? true,
    code,
    ...(error?.message === undefined ? {} : { message: error.message }),
    references,
  }
}

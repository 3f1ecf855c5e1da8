/** `POST /payments` and `/payments/details` of the simulator: authorise, refuse, or send the shopper to the issuer first. */
import { cardHash, type SimulatorAnswer, type SimulatorContext } from '../simulator.ts'
import { mustAuthenticate, type Verdict, verdictOf } from './magic.ts'
import { refusals } from './refusals.ts'
import { challengeUrl } from './simulator-page.ts'
import { type Card, drawReference, note, type Payment, type State, store, tellPayment, tellToken } from './simulator-state.ts'

export type Json = Readonly<Record<string, unknown>>
export const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
export const text = (from: unknown, name: string): string => {
  const value = isJson(from) ? from[name] : undefined
  return typeof value === 'string' ? value : ''
}

export const answer = (status: number, body: Json, headers: Readonly<Record<string, string>> = {}): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json;charset=UTF-8', ...headers },
  body: JSON.stringify(body),
})

export function fault(status: number, errorCode: string, message: string, errorType: string, context: SimulatorContext): SimulatorAnswer {
  return answer(status, { status, errorCode, message, errorType, pspReference: drawReference(context) })
}
const invalid = (errorCode: string, message: string, context: SimulatorContext): SimulatorAnswer =>
  fault(422, errorCode, message, 'validation', context)

export type Settings = {
  /** The simulator's own key for card hashes. */
  readonly hashKey: string
  /** Whether answers and standard webhooks show the token; otherwise it is heard by token webhook only. */
  readonly showTokens: boolean
}

export function pay(state: State, settings: Settings, body: Json, key: string, context: SimulatorContext): SimulatorAnswer {
  const method = body.paymentMethod
  const number = text(method, 'number')
  const wrong = wrongCard(method, context)
  if (wrong !== undefined) return wrong
  const shopper = text(body, 'shopperReference')
  if (body.storePaymentMethod === true && shopper.length < 3) return invalid('121', 'Required field shopperReference is missing', context)
  const amount = isJson(body.amount) ? body.amount : {}
  const payment: Payment = {
    psp: drawReference(context),
    key,
    reference: text(body, 'reference'),
    shopper,
    amount: { value: typeof amount.value === 'number' ? amount.value : 0, currency: text(amount, 'currency') },
    store: body.storePaymentMethod === true,
    card: cardOf(settings, method),
    returnUrl: text(body, 'returnUrl'),
    verdict: verdictOf({
      number,
      holder: text(method, 'holderName'),
      responseCode: text(body.additionalData, 'RequestedTestAcquirerResponseCode'),
    }),
  }
  state.payments.set(payment.psp, payment)
  if (mustAuthenticate(number)) return challenge(state, payment, context)
  return answer(200, conclude(state, settings, payment, payment.verdict, context))
}

/** What Adyen checks itself, before anyone is asked. */
function wrongCard(method: unknown, context: SimulatorContext): SimulatorAnswer | undefined {
  const number = text(method, 'number')
  if (!/^\d{12,19}$/.test(number) || !luhn(number)) return invalid('101', 'Invalid card number', context)
  if (brandOf(number) === '') return invalid('102', 'Unable to determine variant', context)
  const month = text(method, 'expiryMonth')
  if (!/^(?:0?[1-9]|1[0-2])$/.test(month)) return invalid('140', 'Expiry month should be between 1 and 12 inclusive', context)
  if (!/^20\d\d$/.test(text(method, 'expiryYear'))) return invalid('141', 'Expiry year should be a four digit number', context)
  const code = text(method, 'cvc')
  const length = brandOf(number) === 'amex' ? 4 : 3
  if (code !== '' && code.length !== length) return invalid('103', 'CVC is not the right length', context)
  return undefined
}

function luhn(number: string): boolean {
  let sum = 0
  for (let at = 0; at < number.length; at += 1) {
    const digit = Number(number[number.length - 1 - at])
    const twice = at % 2 === 1 ? digit * 2 : digit
    sum += twice > 9 ? twice - 9 : twice
  }
  return sum % 10 === 0
}

function brandOf(number: string): string {
  if (/^4/.test(number)) return 'visa'
  if (/^(?:5[1-5]|2[2-7])/.test(number)) return 'mc'
  if (/^3[47]/.test(number)) return 'amex'
  if (/^(?:6011|65|64[4-9])/.test(number)) return 'discover'
  if (/^35/.test(number)) return 'jcb'
  if (/^(?:36|38|30)/.test(number)) return 'diners'
  return /^62/.test(number) ? 'cup' : ''
}

function cardOf(settings: Settings, method: unknown): Card {
  const number = text(method, 'number')
  return {
    hash: cardHash(settings.hashKey, number),
    last4: number.slice(-4),
    brand: brandOf(number),
    expiryMonth: Number(text(method, 'expiryMonth')),
    expiryYear: Number(text(method, 'expiryYear')),
  }
}

function challenge(state: State, payment: Payment, context: SimulatorContext): SimulatorAnswer {
  const name = context.random(16).toString('hex')
  state.challenges.set(name, { psp: payment.psp, answered: undefined })
  note(state, { effect: 'challenged', reference: payment.reference, key: payment.key, token: '', atMs: context.nowMs })
  return answer(200, {
    pspReference: payment.psp,
    merchantReference: payment.reference,
    resultCode: 'RedirectShopper',
    action: { type: 'redirect', paymentMethodType: 'scheme', method: 'GET', url: challengeUrl(name, context) },
  })
}

/** The end of a payment, told by webhook too. An expired card is refused by its issuer, whatever its name says. */
export function conclude(state: State, settings: Settings, payment: Payment, verdict: Verdict, context: SimulatorContext): Json {
  const ended = expired(payment.card, context.nowMs)
    ? ({ result: 'Refused', code: '6', reason: refusals['6']?.name ?? '' } as const)
    : verdict
  const common = { pspReference: payment.psp, merchantReference: payment.reference, resultCode: ended.result }
  const { psp, reference, key, card, amount } = payment
  if ('code' in ended) {
    note(state, { effect: 'refused', reference, key, token: '', atMs: context.nowMs })
    const raw = { refusalReasonRaw: `${ended.code} : ${ended.reason}` }
    tellPayment(state, payment, raw, ended.reason, context.nowMs)
    return { ...common, refusalReason: ended.reason, refusalReasonCode: ended.code, additionalData: raw }
  }
  const data: Record<string, string> = {
    authCode: psp.slice(0, 6),
    cardSummary: card.last4,
    expiryDate: `${card.expiryMonth}/${card.expiryYear}`,
    paymentMethod: card.brand,
  }
  if (payment.store) {
    const { stored, operation } = store(state, payment, context)
    data.networkTxReference = stored.network
    if (card.brand === 'mc') data.transactionLinkId = `TL${stored.network}${stored.network}`.slice(0, 22)
    if (settings.showTokens) {
      data['tokenization.shopperReference'] = payment.shopper
      data['tokenization.storedPaymentMethodId'] = stored.token
      data['tokenization.store.operationType'] = operation
    }
    tellPayment(state, payment, { ...data }, '', context.nowMs)
    tellToken(state, stored, operation, psp, context.nowMs)
  } else tellPayment(state, payment, { ...data }, '', context.nowMs)
  if (ended.result === 'Received') return common
  return { ...common, amount, paymentMethod: { brand: card.brand, type: 'scheme' }, additionalData: data }
}

/** A card is good to the end of its month. */
const expired = (card: Card, nowMs: number): boolean => Date.UTC(card.expiryYear, card.expiryMonth, 1) <= nowMs

export function details(state: State, settings: Settings, body: Json, context: SimulatorContext): SimulatorAnswer {
  const found = state.results.get(text(body.details, 'redirectResult'))
  const payment = found === undefined ? undefined : state.payments.get(found.psp)
  if (found === undefined || payment === undefined) return invalid('14_018', 'Invalid payload provided', context)
  const known = state.finals.get(payment.psp)
  if (known !== undefined) return answer(200, known)
  const refused: Verdict = { result: 'Refused', code: '11', reason: refusals['11']?.name ?? '' }
  const final = conclude(state, settings, payment, found.passed ? payment.verdict : refused, context)
  state.finals.set(payment.psp, final)
  return answer(200, final)
}

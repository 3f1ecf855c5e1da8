/** `POST /payments` and `/payments/details` of the simulator: authorise, refuse, or ask the shopper first. */
import type { SimulatorAnswer, SimulatorContext } from '../simulator.ts'
import { authenticationOf, type Verdict, verdictOf } from './magic.ts'
import { refusals } from './refusals.ts'
import { answer, invalid, isJson, type Json, type Settings, text } from './simulator-answers.ts'
import { cardOf, decrypted, wrongCard } from './simulator-card.ts'
import { challengeUrl } from './simulator-page.ts'
import { type Means, note, type Payment, paymentOf, type State, store, tellPayment, tellToken } from './simulator-state.ts'
import { authenticated, fingerprint, frame, identified } from './simulator-three-ds.ts'
import { askPayer } from './simulator-upi.ts'

export function pay(state: State, settings: Settings, body: Json, key: string, context: SimulatorContext): SimulatorAnswer {
  const shopper = text(body, 'shopperReference')
  if (body.storePaymentMethod === true && shopper.length < 3) return invalid('121', 'Required field shopperReference is missing', context)
  if (text(body.paymentMethod, 'type').startsWith('upi_')) return askPayer(state, body, key, context)
  const method = decrypted(body.paymentMethod)
  if (method === undefined) return invalid('174', 'Unable to decrypt data', context)
  const number = text(method, 'number')
  const wrong = wrongCard(method, context)
  if (wrong !== undefined) return wrong
  const holder = text(method, 'holderName')
  const responseCode = text(body.additionalData, 'RequestedTestAcquirerResponseCode')
  const payment: Payment = {
    ...paymentOf(body, key, context),
    means: cardOf(settings, method),
    verdict: verdictOf({ number, holder, responseCode }),
  }
  state.payments.set(payment.psp, payment)
  const asked = isJson(body.authenticationData) ? text(body.authenticationData.threeDSRequestData, 'nativeThreeDS') : ''
  const authentication = authenticationOf(number, asked === 'preferred')
  if (authentication === 'redirect') return challenge(state, payment, context)
  if (authentication !== 'none') return fingerprint(state, payment, authentication === 'frictionless', context)
  return answer(200, conclude(state, settings, payment, payment.verdict, context))
}

function challenge(state: State, payment: Payment, context: SimulatorContext): SimulatorAnswer {
  const name = context.random(16).toString('hex')
  state.challenges.set(name, { psp: payment.psp, stage: 'redirect', answered: undefined })
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
  const ended = expired(payment.means, context.nowMs)
    ? ({ result: 'Refused', code: '6', reason: refusals['6']?.name ?? '' } as const)
    : verdict
  const common = { pspReference: payment.psp, merchantReference: payment.reference, resultCode: ended.result }
  const { psp, reference, key, means, amount } = payment
  if ('code' in ended) {
    note(state, { effect: 'refused', reference, key, token: '', atMs: context.nowMs })
    const raw = { refusalReasonRaw: `${ended.code} : ${ended.reason}` }
    tellPayment(state, payment, raw, ended.reason, context.nowMs)
    return { ...common, refusalReason: ended.reason, refusalReasonCode: ended.code, additionalData: raw }
  }
  const data: Record<string, string> = {
    authCode: psp.slice(0, 6),
    ...(means.type === 'scheme' ? { cardSummary: means.last4, expiryDate: `${means.expiryMonth}/${means.expiryYear}` } : {}),
    paymentMethod: means.brand,
  }
  if (payment.store) {
    const { stored, operation } = store(state, payment, context)
    if (means.type === 'scheme') data.networkTxReference = stored.network
    if (means.brand === 'mc') data.transactionLinkId = `TL${stored.network}${stored.network}`.slice(0, 22)
    if (settings.showTokens) {
      data['tokenization.shopperReference'] = payment.shopper
      data['tokenization.storedPaymentMethodId'] = stored.token
      data['tokenization.store.operationType'] = operation
    }
    tellPayment(state, payment, { ...data }, '', context.nowMs)
    tellToken(state, stored, operation, psp, context.nowMs)
  } else tellPayment(state, payment, { ...data }, '', context.nowMs)
  if (ended.result === 'Received') return common
  return { ...common, amount, paymentMethod: { brand: means.brand, type: means.type }, additionalData: data }
}

/** A card is good to the end of its month. */
const expired = (card: Means, nowMs: number): boolean => card.type === 'scheme' && Date.UTC(card.expiryYear, card.expiryMonth, 1) <= nowMs

export function details(state: State, settings: Settings, body: Json, context: SimulatorContext): SimulatorAnswer {
  const shown = text(body.details, 'threeds2.fingerprint')
  if (shown !== '') {
    const found = identified(state, shown, text(body, 'paymentData'))
    if (found === undefined) return invalid('14_018', 'Invalid payload provided', context)
    return found.frictionless ? end(state, settings, found.payment, true, context) : frame(found.payment, found.name, context)
  }
  const result = text(body.details, 'threeDSResult')
  const found = result === '' ? state.results.get(text(body.details, 'redirectResult')) : authenticated(state, result)
  const payment = found === undefined ? undefined : state.payments.get(found.psp)
  if (found === undefined || payment === undefined) return invalid('14_018', 'Invalid payload provided', context)
  return end(state, settings, payment, found.passed, context)
}

/** Once: asked again, the answer is the same. */
function end(state: State, settings: Settings, payment: Payment, passed: boolean, context: SimulatorContext): SimulatorAnswer {
  const known = state.finals.get(payment.psp)
  if (known !== undefined) return answer(200, known)
  const refused: Verdict = { result: 'Refused', code: '11', reason: refusals['11']?.name ?? '' }
  const final = conclude(state, settings, payment, passed ? payment.verdict : refused, context)
  state.finals.set(payment.psp, final)
  return answer(200, final)
}

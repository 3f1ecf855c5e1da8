/**
 * UPI Autopay of the simulator: a mandate waits until the payer approves or declines it in an app (`act`). With which codes Adyen refuses a
 * mandate that is none is not published: here all are 702, "structure of the request is not valid".
 */
import type { SimulatorAnswer, SimulatorContext } from '../simulator.ts'
import type { Verdict } from './magic.ts'
import { refusals } from './refusals.ts'
import { answer, invalid, isJson, type Json, type Settings, text } from './simulator-answers.ts'
import { note, type Payment, paymentOf, type State } from './simulator-state.ts'

/** How long a UPI app shows a request, in the simulator: ours, the real time is the payer's app's. */
const patienceMs = 30 * 60_000

export function askPayer(state: State, body: Json, key: string, context: SimulatorContext): SimulatorAnswer {
  const type = text(body.paymentMethod, 'type')
  const common = paymentOf(body, key, context)
  const address = text(body.paymentMethod, 'virtualPaymentAddress')
  if (type === 'upi_collect' && !/^[\w.-]{2,}@[a-z]{2,}$/i.test(address))
    return invalid('702', 'virtualPaymentAddress is not valid', context)
  if (common.amount.currency !== 'INR') return invalid('702', 'UPI takes INR only', context)
  const named = [common.reference, common.shopper, text(body.mandate, 'remarks')]
  if (!isJson(body.mandate) || named.some(one => !/^[A-Za-z0-9]*$/.test(one)))
    return invalid('702', 'Mandate missing, or special characters', context)
  const payment: Payment = {
    ...common,
    means: { type: 'upi', hash: `upi ${common.shopper}`, last4: '', brand: type },
    verdict: { result: 'Authorised' },
  }
  state.payments.set(payment.psp, payment)
  state.waiting.add(payment.psp)
  note(state, { effect: 'challenged', reference: payment.reference, key, token: '', atMs: context.nowMs })
  return answer(200, {
    pspReference: payment.psp,
    merchantReference: payment.reference,
    resultCode: type === 'upi_qr' ? 'PresentToShopper' : 'Pending',
    action: actionOf(type, payment, context),
  })
}

function actionOf(type: string, payment: Payment, context: SimulatorContext): Json {
  const link = `upi://mandate?pa=bindery@adyen&pn=Bindery&tr=${payment.psp}&cu=INR`
  const common = { paymentMethodType: type, paymentData: `Ab02b4c0!${payment.psp}` }
  if (type !== 'upi_qr') return { type: 'await', ...common, ...(type === 'upi_intent' ? { url: link } : {}) }
  return { type: 'qrCode', ...common, qrCodeData: link, expiresAt: new Date(context.nowMs + patienceMs).toISOString() }
}

export type Conclude = (state: State, settings: Settings, payment: Payment, verdict: Verdict, context: SimulatorContext) => Json

/** The payer answers in the app. Once: what is no longer waiting is not asked again. `name`: the payment's or our reference. */
export function answerPayer(
  of: { readonly state: State; readonly settings: Settings; readonly conclude: Conclude },
  approved: boolean,
  name: string,
  context: SimulatorContext,
): void {
  const { state, settings, conclude } = of
  const payment = [...state.payments.values()].find(one => one.psp === name || one.reference === name)
  if (payment === undefined) throw new TypeError(`adyen simulator: nobody was asked for ${name}`)
  if (!state.waiting.delete(payment.psp)) return
  const declined: Verdict = { result: 'Refused', code: '16', reason: refusals['16']?.name ?? '' }
  conclude(state, settings, payment, approved ? payment.verdict : declined, context)
}

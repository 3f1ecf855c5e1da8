/** What Adyen's answers mean for a bind. */
import type { BindOutcome, ChannelAnswer, References, Refused, Uncertain } from '../channel.ts'
import { actionsOf, isStepOfOthers } from './actions.ts'
import { refusalOf } from './refusals.ts'
import { boundOf, type PaymentAnswer, readFailure, readPayment, shopperOf, tokenOf, uncertain } from './wire.ts'

/** What an answer to `/payments` or `/payments/details` says of the bind that these references are of. */
export function outcomeOf(answer: ChannelAnswer, references: References): BindOutcome {
  const payment = readPayment(answer)
  if (payment === undefined) {
    const failure = readFailure(answer, references)
    return failure.kind === 'gone' ? uncertain(`unexpected_${answer.status}`, references) : failure
  }
  if (payment.merchantReference !== undefined && payment.merchantReference !== references.merchant_reference)
    return uncertain('another_reference', references)
  const shopper = shopperOf(payment.additionalData)
  if (shopper !== undefined && shopper !== references.shopper_reference) return uncertain('another_shopper', references)
  // Nothing is charged by a bind, and what was asked in one currency is not answered in another.
  const { amount } = payment
  if (amount !== undefined && (amount.value !== 0 || (references.currency ?? amount.currency) !== amount.currency))
    return uncertain('another_amount', references)
  const known = payment.pspReference === undefined ? references : { ...references, psp_reference: payment.pspReference }
  return readResult(payment, known)
}

/**
 * Result codes as Checkout v71 describes them. `Error` is called a final state there ("there was an error when the payment was being
 * processed"), so it is a no by the channel; should a webhook still say otherwise, that is a fact of its own.
 */
function readResult(payment: PaymentAnswer, references: References): BindOutcome {
  switch (payment.resultCode) {
    case 'Authorised':
    case 'PartiallyAuthorised': {
      const token = tokenOf(payment.additionalData)
      // Accounts that do not show the token in answers hear it by webhook (`recurring.token.created`).
      return token === undefined ? { kind: 'verifying', references } : boundOf(token, payment.additionalData, references)
    }
    case 'Pending':
    case 'Received':
      // With a step to take the shopper is awaited (UPI), else the other side.
      return payment.action === undefined ? { kind: 'verifying', references } : challengeOf(payment, references)
    case 'RedirectShopper':
    case 'IdentifyShopper':
    case 'ChallengeShopper':
    case 'PresentToShopper':
      return challengeOf(payment, references)
    case 'Refused':
    case 'Cancelled':
    case 'Error':
      return refusedBecause(payment, references)
    default:
      return uncertain(`result_${payment.resultCode}`, references)
  }
}

function challengeOf(payment: PaymentAnswer, references: References): BindOutcome {
  const actions = actionsOf(payment.action)
  if (actions !== undefined) {
    const [action, ...alternatives] = actions
    // What goes with a fingerprint when it is submitted.
    const data = action.type === 'three_ds' ? (payment.action?.paymentData ?? '') : ''
    const kept = data === '' ? references : { ...references, challenge: data }
    return { kind: 'challenged', action, ...(alternatives.length === 0 ? {} : { alternatives }), references: kept }
  }
  const step = `${payment.resultCode}:${payment.action?.type ?? 'no_action'}`
  // Without the shopper it can never be authorised, and this is not a step we can show: a definite no, and another channel may do better.
  // A step that is missing or spoiled proves nothing: a payer may have been asked by other means.
  return isStepOfOthers(payment.action?.type) ? notTaken(step, references) : uncertain(`step_not_read:${step}`, references)
}

/** A no before anything was done. */
export const notTaken = (code: string, references: References, message?: string): Refused => ({
  kind: 'refused',
  by: 'channel',
  category: 'not_supported',
  code,
  elsewhere: true,
  ...(message === undefined ? {} : { message }),
  references,
})

function refusedBecause(payment: PaymentAnswer, references: References): Refused | Uncertain {
  const known = refusalOf(payment.refusalReasonCode)
  // No code at all: `Cancelled` and `Error` were not the issuer's doing.
  const bare = payment.refusalReasonCode === undefined && payment.resultCode !== 'Refused'
  const refusal = bare ? { by: 'channel' as const, category: 'unknown' as const, elsewhere: payment.resultCode === 'Error' } : known
  return {
    kind: 'refused',
    by: refusal.by,
    category: refusal.category,
    elsewhere: refusal.elsewhere,
    code: payment.refusalReasonCode ?? payment.resultCode.toLowerCase(),
    ...(payment.refusalReason === undefined ? {} : { message: payment.refusalReason }),
    references,
  }
}

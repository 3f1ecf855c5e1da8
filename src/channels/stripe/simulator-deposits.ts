/**
 * Micro-deposits at the Stripe simulator. docs.stripe.com/payments/ach-direct-debit/accept-a-payment: three tries for amounts, ten for a
 * descriptor code, ten days for either; and the test values of its page, whatever was really sent: 32 and 45 or SM11AA fit, 10 and 11 or
 * SM33CC were one try too many, 40 and 41 or SM44DD come too late.
 */
import { isRecord } from '../json.ts'
import type { Decline } from './magic.ts'
import type { StoredIntent } from './objects.ts'
import type { StoredMethod } from './objects-method.ts'
import { type Input, invalid } from './simulator-input.ts'
import { text } from './simulator-methods.ts'
import { depositsMs } from './wire.ts'

const failure = (what: string, message: string): Decline => ({ code: `payment_method_microdeposit_${what}`, message })
const tooOften = failure('verification_attempts_exceeded', 'You have exceeded the number of allowed verification attempts.')
const tooLate = failure('verification_timeout', 'Payment method should be verified with microdeposits within the required period.')
const mismatch = {
  amounts: failure('verification_amounts_mismatch', 'The amounts provided do not match the amounts that were sent to the bank account.'),
  descriptor_code: failure(
    'verification_descriptor_code_mismatch',
    'The verification code provided does not match the one sent to the bank account.',
  ),
} as const
const triesMax = { amounts: 3, descriptor_code: 10 } as const
const values: Readonly<Record<string, 'fits' | Decline>> = {
  '32,45': 'fits',
  SM11AA: 'fits',
  '10,11': tooOften,
  SM33CC: tooOften,
  '40,41': tooLate,
  SM44DD: tooLate,
}

/** `wrong`: one try less, the intent waits on · `over`: the account cannot be proven any more. */
export type Judgement = { readonly kind: 'fits' } | { readonly kind: 'wrong' | 'over'; readonly decline: Decline }

export function judgeDeposits(intent: StoredIntent, method: StoredMethod | undefined, input: Input): Judgement {
  const kind = method?.challenge
  if (intent.status !== 'requires_action' || (kind !== 'amounts' && kind !== 'descriptor_code')) {
    const message = `You cannot verify this SetupIntent with microdeposits because it has a status of ${intent.status}.`
    throw invalid(message, { code: 'setup_intent_unexpected_state' })
  }
  const { amounts, descriptor_code: code } = input.form
  if (amounts !== undefined && code !== undefined) {
    throw invalid('You may only specify one of these parameters: amounts, descriptor_code.', { code: 'parameters_exclusive' })
  }
  const said = kind === 'amounts' ? Object.values(isRecord(amounts) ? amounts : {}).join(',') : text(code)
  const found = values[said ?? '']
  if (found === 'fits') return { kind: 'fits' }
  if (found !== undefined) return { kind: 'over', decline: found }
  return intent.mistakes + 1 >= triesMax[kind] ? { kind: 'over', decline: tooOften } : { kind: 'wrong', decline: mismatch[kind] }
}

/** Why it is over without anyone's doing by now: the ten days have passed, or the deposits never arrived. */
export function lapseOf(intent: StoredIntent, method: StoredMethod | undefined, nowMs: number): Decline | undefined {
  if (intent.status !== 'requires_action' || (method?.challenge !== 'amounts' && method?.challenge !== 'descriptor_code')) return undefined
  if (method.decline !== undefined) return method.decline
  return nowMs - intent.createdMs >= depositsMs ? tooLate : undefined
}

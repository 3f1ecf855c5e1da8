/**
 * CAMARA: carrier accounts at mobile operators, bound by proof of possession. The operator sends a one-time password to the phone, and
 * what the customer types back proves the line to be theirs (One Time Password SMS 1.1.1).
 *
 * CAMARA gives no token for a line: Carrier Billing 0.5.0 takes the phone number with each payment, and says that recurrent payments "are
 * not covered so far". So the number stays in the vault, `{{payer.phone}}` in every later payment, and what we call the binding's token
 * is the operator's name for the verification that was passed (`authenticationId`): it can be shown to the operator in a dispute, and is
 * worth nothing to anybody else. A payment may ask for a password of its own (`validationInfo` of `/payments/prepare`); that is the
 * payment's business. Nothing is kept at the operator, so there is nothing to look up, to revoke, or to be told of: the notifications of
 * the specification are about payments.
 *
 * The specifications leave the way to an access token to each operator ("agreed upon during the onboarding process"); ours is configured.
 */
import {
  type BindInput,
  type BindOutcome,
  type Call,
  type Channel,
  type ChannelAnswer,
  type ChannelRequest,
  NoAnswer,
  type References,
  type ResumeInput,
} from '../channel.ts'
import { sandboxValues } from './magic.ts'
import { categoryOf, refusals } from './refusals.ts'
import {
  actionOf,
  isCode,
  isOurs,
  readError,
  readSent,
  referencesOf,
  refusalOf,
  sendRequest,
  uncertain,
  type Verification,
  validateRequest,
  verificationOf,
} from './wire.ts'

/** Ours: operators refuse with MAX_OTP_CODES_EXCEEDED at a number of their own, and each code costs a text message. */
const resendsMax = 3

export const camara: Channel = {
  name: 'camara',
  title: 'CAMARA carrier billing',
  proof: {
    rank: 'specification',
    source: 'CAMARA One Time Password SMS 1.1.1; codes of Carrier Billing 0.5.0 (release r3.2)',
  },
  // No interface of CAMARA's has keys for this: a code that is sent again is a text message too many, and the last one counts. A right
  // code that is validated again is right again, or lapsed; neither binds twice.
  repeat: {
    bind: { kind: 'repeatable', times: 2 },
    resume: { kind: 'repeatable', times: 3 },
    // As often as the customer is told.
    resend: { kind: 'repeatable', times: resendsMax },
  },
  ways: [{ kind: 'carrier_account', shape: 'otp' }],
  // `currency` is any of ISO 4217, by the operator's country; amounts have up to three decimals (`ChargingInformation`).
  currencies: new Map([
    ['EUR', 2],
    ['GBP', 2],
    ['USD', 2],
    ['BRL', 2],
  ]),
  refusals,
  sandboxValues,
  // Not published; each operator's own. Ours is a courtesy.
  requestsPerSecondMax: 5,
  account: { secrets: ['accessToken'], settings: [] },
  bind,
  resume,
  resend,
}

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source } = input
  const refused = { kind: 'refused', by: 'channel', elsewhere: true, references: {} } as const
  if (source.type !== 'carrier_account') return { ...refused, category: 'not_supported', code: 'source_not_offered' }
  if (!source.payer.held.includes('phone')) return { ...refused, category: 'misconfigured', code: 'phone_not_held' }
  return sendCode(call, { tail: source.payer.tail, resends: resendsMax }, {})
}

/** Every code belongs to a verification of its own, so whoever asks for another goes on with that one. */
async function sendCode(call: Call, of: Omit<Verification, 'authenticationId'>, former: References): Promise<BindOutcome> {
  const answer = await ask(call, sendRequest(call))
  if (answer === undefined) return uncertain('no_answer', former)
  if (!isOurs(call, answer)) return uncertain('another_correlator', former)
  const authenticationId = readSent(answer)
  if (authenticationId === undefined) return refusalOf(answer, former)
  return challenge({ ...of, authenticationId })
}

const challenge = (of: Verification): BindOutcome => ({ kind: 'challenged', action: actionOf(of), references: referencesOf(of) })

async function resend(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references } = input
  const known = verificationOf(references)
  if (known === undefined) return uncertain('no_verification', references)
  if (known.resends === 0) return challenge(known)
  const outcome = await sendCode(call, { tail: known.tail, resends: known.resends - 1 }, references)
  if (outcome.kind !== 'refused') return outcome
  // Too many codes for this phone, or a door that closed: the last one that was sent is still good.
  return outcome.category === 'limit_exceeded' ? challenge({ ...known, resends: 0 }) : uncertain('not_sent_again', references)
}

async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references } = input
  const known = verificationOf(references)
  if (known === undefined) return uncertain('no_verification', references)
  const code = input.returned.otp?.trim() ?? ''
  // Nothing was typed, or what no operator sends: asked again, and none of the operator's tries is used up.
  if (!isCode(code)) return challenge(known)
  const answer = await ask(call, validateRequest(call, known.authenticationId, code))
  if (answer === undefined) return uncertain('no_answer', references)
  if (!isOurs(call, answer)) return uncertain('another_correlator', references)
  if (answer.status === 204) return { kind: 'bound', token: known.authenticationId, references }
  return notValidated(answer, known, { references, again: (call.attempt ?? 1) > 1 })
}

const lapsed = 'ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED'
const mistyped: ReadonlySet<string> = new Set(['ONE_TIME_PASSWORD_SMS.INVALID_OTP', 'INVALID_ARGUMENT', 'OUT_OF_RANGE'])

/**
 * A wrong code may be corrected, until the operator has had enough (VERIFICATION_FAILED) or the code has lapsed (VERIFICATION_EXPIRED).
 * A closed door says nothing about the code that was typed. `again`: an earlier attempt got no answer; that the code has lapsed since then says
 * nothing of whether that one was right.
 */
function notValidated(
  answer: ChannelAnswer,
  known: Verification,
  { references, again }: { readonly references: References; readonly again: boolean },
): BindOutcome {
  const error = readError(answer)
  if (error !== undefined && answer.status === 400 && mistyped.has(error.code)) return challenge(known)
  const outcome = refusalOf(answer, references)
  if (again && error?.code === lapsed) return uncertain('lapsed_after_a_lost_answer', references)
  const closed = outcome.kind === 'refused' && categoryOf(outcome.code) === 'misconfigured'
  return closed ? uncertain(`closed_door_${outcome.code}`, references) : outcome
}

async function ask(call: Call, request: ChannelRequest): Promise<ChannelAnswer | undefined> {
  try {
    return await call.send(request)
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

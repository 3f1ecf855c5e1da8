/** An operator's One Time Password SMS interface, as CAMARA specifies it. Of a phone it keeps the last three digits and a keyed hash. */
import { createHmac } from 'node:crypto'
import { isRecord, type Json } from '../json.ts'
import type { Effect, Simulator, SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import { sandboxCode, type Verdict, verdictOf } from './magic.ts'
import { otpPath } from './wire.ts'

type Attempt = {
  readonly id: string
  readonly hash: string
  readonly tail: string
  readonly reference: string
  readonly verdict: Verdict
  readonly triesLeft: number
  readonly endsMs: number
  readonly passed: boolean
}
type State = { readonly attempts: Map<string, Attempt>; readonly effects: Effect[]; readonly accessToken: string }

/** The specification names no number for any of the three. */
const triesMax = 3
const livesMs = 10 * 60_000
const codesPerPhoneMax = 10

export function createCamaraSimulator(accessToken: string): Simulator {
  const state: State = { attempts: new Map(), effects: [], accessToken }
  return {
    channel: 'camara',
    handle: (request, context) => echo(request, handle(state, request, context)),
    takeEvents: () => [],
    sign: () => ({ headers: {}, body: '' }),
    reject: (_violations, request) => echo(request, fault(400, 'INVALID_ARGUMENT', 'Client specified an invalid argument.')),
    trouble: kind =>
      kind === 'rate_limited'
        ? fault(429, 'TOO_MANY_REQUESTS', 'Rate limit reached.')
        : fault(500, 'INTERNAL', 'Unknown server error. Typically a server bug.'),
    disguise,
    books: () => ({
      effects: [...state.effects],
      held: [...state.attempts.values()]
        .filter(one => one.passed)
        .map(one => ({ token: one.id, reference: one.reference, customer: '', label: `•••${one.tail}`, usable: true })),
    }),
    acts: {},
    act(name) {
      throw new TypeError(`camara simulator: cannot ${name}`)
    },
  }
}

const answer = (status: number, body: unknown): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const fault = (status: number, code: string, message: string): SimulatorAnswer => answer(status, { status, code, message })
const otpFault = (status: number, name: string, message: string): SimulatorAnswer => fault(status, `ONE_TIME_PASSWORD_SMS.${name}`, message)

/** The correlator comes back as it was given. */
function echo(request: SimulatorRequest, given: SimulatorAnswer): SimulatorAnswer {
  const correlator = request.headers['x-correlator']
  return correlator === undefined ? given : { ...given, headers: { ...given.headers, 'x-correlator': correlator } }
}

function handle(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  if (request.headers.authorization !== `Bearer ${state.accessToken}`)
    return fault(401, 'UNAUTHENTICATED', 'Request not authenticated due to missing, invalid, or expired credentials.')
  const body = parse(request.body)
  if (body === undefined) return fault(400, 'INVALID_ARGUMENT', 'Client specified an invalid argument, request body or query param.')
  if (request.method === 'POST' && request.path === `${otpPath}/send-code`) return send(state, body, request, context)
  if (request.method === 'POST' && request.path === `${otpPath}/validate-code`) return validate(state, body, context)
  return fault(404, 'NOT_FOUND', 'The specified resource is not found.')
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
const textOf = (of: Json, name: string): string => {
  const value = of[name]
  return typeof value === 'string' ? value : ''
}

function send(state: State, body: Json, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const phone = textOf(body, 'phoneNumber')
  if (!/^\+[1-9][0-9]{4,14}$/.test(phone) || !textOf(body, 'message').includes('{{code}}'))
    return fault(400, 'INVALID_ARGUMENT', 'Client specified an invalid argument, request body or query param.')
  const verdict = verdictOf(phone)
  const hash = createHmac('sha256', state.accessToken).update(phone).digest('hex').slice(0, 32)
  const sent = [...state.attempts.values()].filter(one => one.hash === hash && one.endsMs > context.nowMs).length
  if (verdict === 'not_allowed')
    return otpFault(403, 'PHONE_NUMBER_NOT_ALLOWED', "Phone_number can't receive an SMS due to business reasons in the operator.")
  if (verdict === 'blocked')
    return otpFault(
      403,
      'PHONE_NUMBER_BLOCKED',
      'Phone_number is blocked to receive SMS due to any blocking business reason in the operator.',
    )
  if (verdict === 'too_many' || sent >= codesPerPhoneMax)
    return otpFault(403, 'MAX_OTP_CODES_EXCEEDED', 'Too many OTPs have been requested for this MSISDN. Try later.')
  const id = uuid(context.random(16))
  const reference = request.headers['x-correlator'] ?? ''
  const lives = { triesLeft: triesMax, endsMs: context.nowMs + (verdict === 'lapsed' ? 0 : livesMs), passed: false }
  state.attempts.set(id, { id, hash, tail: phone.slice(-3), reference, verdict, ...lives })
  state.effects.push({ effect: 'challenged', reference, key: '', token: id, atMs: context.nowMs })
  return answer(200, { authenticationId: id })
}

const uuid = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** A code that was right stays right for as long as it lives: the specification does not say that it is used up. */
function validate(state: State, body: Json, context: SimulatorContext): SimulatorAnswer {
  const attempt = state.attempts.get(textOf(body, 'authenticationId'))
  if (attempt === undefined) return fault(404, 'NOT_FOUND', 'The specified resource is not found.')
  if (context.nowMs >= attempt.endsMs) return otpFault(400, 'VERIFICATION_EXPIRED', 'The authenticationId is no longer valid')
  const enough = 'The maximum number of attempts for this authenticationId was exceeded without providing a valid OTP'
  if (attempt.triesLeft === 0) return otpFault(400, 'VERIFICATION_FAILED', enough)
  if (textOf(body, 'code') !== sandboxCode) {
    const triesLeft = attempt.triesLeft - 1
    state.attempts.set(attempt.id, { ...attempt, triesLeft })
    if (triesLeft === 0) return otpFault(400, 'VERIFICATION_FAILED', enough)
    return otpFault(400, 'INVALID_OTP', 'The provided OTP is not valid for this authenticationId')
  }
  if (!attempt.passed) {
    state.attempts.set(attempt.id, { ...attempt, passed: true })
    state.effects.push({ effect: 'stored', reference: attempt.reference, key: '', token: attempt.id, atMs: context.nowMs })
  }
  return { status: 204, headers: {}, body: '' }
}

/** Somebody else's verification, in answer to somebody else's request. */
function disguise(of: SimulatorAnswer): SimulatorAnswer {
  const body = parse(of.body)
  const headers = of.headers['x-correlator'] === undefined ? of.headers : { ...of.headers, 'x-correlator': 'opn_somebody_elses' }
  const id = body === undefined ? '' : textOf(body, 'authenticationId')
  return id === '' ? { ...of, headers } : { ...of, headers, body: JSON.stringify({ authenticationId: [...id].reverse().join('') }) }
}

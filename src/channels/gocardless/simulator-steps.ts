/** The steps of a billing request, as an integrator with pages of its own takes them. Accounts come in and are not kept. */
import { isRecord, type Json } from '../json.ts'
import type { SimulatorAnswer, SimulatorContext } from '../simulator.ts'
import { blockedEmail, riskyEmail } from './magic.ts'
import { answer, fault, invalid, requestBody } from './simulator-answers.ts'
import { type Account, drawId, fulfil, hearAction, note, type Request, requestNews, type State, tell } from './simulator-state.ts'

export function takeStep(
  state: State,
  of: { readonly id: string; readonly action: string; readonly body: Json; readonly key: string },
  context: SimulatorContext,
): SimulatorAnswer {
  const request = state.requests.get(of.id)
  if (request === undefined) return fault(404, 'invalid_api_usage', { reason: 'resource_not_found', message: 'Resource not found' })
  hearAction(state, request.metadata, of)
  const data = isRecord(of.body.data) ? of.body.data : {}
  const next = perform(state, request, of.action, data, context)
  if ('headers' in next) return next
  const ready = next.status === 'pending' && Object.values(next.steps).every(done => done)
  const now: Request = ready ? { ...next, status: 'ready_to_fulfil' } : next
  state.requests.set(now.id, now)
  return answer(200, { billing_requests: requestBody(now) })
}

const stateError = (message: string): SimulatorAnswer => fault(422, 'invalid_state', { reason: 'billing_request_not_pending', message })

function perform(state: State, request: Request, action: string, data: Json, context: SimulatorContext): Request | SimulatorAnswer {
  if (action === 'cancel') return cancel(state, request, context)
  if (action === 'fulfil')
    return request.status === 'ready_to_fulfil' ? fulfil(state, request, context) : stateError('The billing request is not ready')
  if (request.status !== 'pending' && request.status !== 'ready_to_fulfil') return stateError('The billing request is not pending')
  const done = (step: string, more: Partial<Request> = {}): Request => ({ ...request, ...more, steps: { ...request.steps, [step]: true } })
  if (action === 'collect_customer_details') return collectCustomer(request, data)
  if (action === 'collect_bank_account') {
    const account = readAccount(data, request.scheme, context)
    return 'headers' in account ? account : done(action, { account })
  }
  if (action !== 'confirm_payer_details') return fault(404, 'invalid_api_usage', { reason: 'path_not_found', message: 'No such action' })
  if (request.account === undefined) return stateError('There is no bank account to confirm')
  return done(action)
}

function cancel(state: State, request: Request, context: SimulatorContext): Request | SimulatorAnswer {
  if (request.status === 'fulfilled' || request.status === 'cancelled')
    return fault(422, 'invalid_state', { reason: 'cancellation_failed', message: 'The billing request cannot be cancelled' })
  const cancelled: Request = { ...request, status: 'cancelled' }
  note(state, 'refused', request, request.id, context.nowMs)
  tell(state, context, [requestNews(cancelled, 'cancelled')])
  return cancelled
}

const text = (of: unknown, name: string): string => {
  const value = isRecord(of) ? of[name] : undefined
  return typeof value === 'string' ? value : ''
}

function collectCustomer(request: Request, data: Json): Request | SimulatorAnswer {
  const named =
    text(data.customer, 'company_name') !== '' || (text(data.customer, 'given_name') !== '' && text(data.customer, 'family_name') !== '')
  if (!named) return invalid('company_name', "can't be blank", '/data/customer/company_name')
  const email = text(data.customer, 'email')
  if (!email.includes('@')) return invalid('email', 'is invalid', '/data/customer/email')
  const country = text(data.customer_billing_detail, 'country_code')
  if (!/^[A-Z]{2}$/.test(country)) return invalid('country_code', 'is invalid', '/data/customer_billing_detail/country_code')
  const approval = email === riskyEmail ? { bank_authorisation: false } : {}
  return { ...request, blocked: email === blockedEmail, steps: { ...request.steps, ...approval, collect_customer_details: true } }
}

function readAccount(data: Json, scheme: string, context: SimulatorContext): Account | SimulatorAnswer {
  if (text(data, 'account_holder_name') === '') return invalid('account_holder_name', "can't be blank")
  const iban = text(data, 'iban')
  if (iban !== '') return isIban(iban) ? accountOf(iban, context) : invalid('iban', 'is invalid')
  const number = text(data, 'account_number')
  if (scheme === 'sepa_core') return invalid('iban', "can't be blank")
  if (!/^\d{6,17}$/.test(number)) return invalid('account_number', 'is invalid')
  if (scheme === 'bacs' && !/^\d{6}$/.test(text(data, 'branch_code'))) return invalid('branch_code', 'is the wrong length')
  return accountOf(number, context)
}

const accountOf = (number: string, context: SimulatorContext): Account => ({
  id: drawId('BA', context),
  ending: number.slice(-2),
  bank: 'TEST BANK',
})

/** ISO 13616: the check digits make the whole divisible, remainder 1. */
function isIban(iban: string): boolean {
  if (!/^[A-Z]{2}\d{2}[0-9A-Z]{11,30}$/.test(iban)) return false
  const digits = [...iban.slice(4), ...iban.slice(0, 4)].map(letter => Number.parseInt(letter, 36)).join('')
  let rest = 0
  for (const digit of digits) rest = (rest * 10 + Number(digit)) % 97
  return rest === 1
}

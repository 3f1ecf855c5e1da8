/** GoCardless' answers: resources in their envelopes, errors in theirs. */
import { isRecord } from '../json.ts'
import type { SimulatorAnswer } from '../simulator.ts'
import { type Flow, type Mandate, type Request, type Step, stepNames, timeOf } from './simulator-state.ts'

const json = { 'content-type': 'application/json' }
export const answer = (status: number, body: unknown): SimulatorAnswer => ({ status, headers: json, body: JSON.stringify(body) })

export type Fault = {
  readonly reason?: string
  readonly message: string
  readonly field?: string
  readonly pointer?: string
  readonly links?: Readonly<Record<string, string>>
}
export function fault(status: number, type: string, of: Fault): SimulatorAnswer {
  const { pointer, ...rest } = of
  const error = { ...rest, ...(pointer === undefined ? {} : { request_pointer: pointer }) }
  const message = type === 'validation_failed' ? 'Validation failed' : of.message
  return answer(status, {
    error: {
      message,
      errors: [error],
      documentation_url: `https://developer.gocardless.com/api-reference#${of.reason ?? type}`,
      type,
      request_id: 'deadbeef-0000-4000-8000-000000000000',
      code: status,
    },
  })
}
export const invalid = (field: string, message: string, pointer = `/data/${field}`): SimulatorAnswer =>
  fault(422, 'validation_failed', { message, field, pointer })

const requires: Readonly<Record<Step, readonly Step[]>> = {
  collect_customer_details: [],
  collect_bank_account: ['collect_customer_details'],
  confirm_payer_details: ['collect_customer_details', 'collect_bank_account'],
  bank_authorisation: ['collect_bank_account'],
}

export const requestBody = (of: Request) => ({
  id: of.id,
  created_at: timeOf(of.createdMs),
  status: of.status,
  mandate_request: {
    currency: of.currency,
    scheme: of.scheme,
    description: of.description ?? null,
    verify: 'recommended',
    metadata: of.mandateMetadata,
    links: of.mandate === undefined ? {} : { mandate: of.mandate },
  },
  payment_request: null,
  metadata: of.metadata,
  links: {
    customer: of.customer,
    customer_billing_detail: `CBD${of.customer.slice(2)}`,
    creditor: 'CR0001TEST',
    organisation: 'OR0001TEST',
    ...(of.account === undefined ? {} : { customer_bank_account: of.account.id }),
    ...(of.mandate === undefined ? {} : { mandate_request_mandate: of.mandate }),
  },
  creditor_name: 'Mr Creditor',
  actions: stepNames.flatMap(type => stepBody(of, type)),
  resources: {
    customer: { id: of.customer, created_at: timeOf(of.createdMs), metadata: {} },
    customer_billing_detail: { id: `CBD${of.customer.slice(2)}`, created_at: timeOf(of.createdMs), schemes: [of.scheme] },
    ...(of.account === undefined ? {} : { customer_bank_account: accountBody(of) }),
  },
})

const stepBody = (of: Request, type: Step) =>
  of.steps[type] === undefined
    ? []
    : [{ type, required: true, completes_actions: [], requires_actions: requires[type], status: of.steps[type] ? 'completed' : 'pending' }]

const accountBody = ({ account, currency, customer, createdMs }: Request) => ({
  id: account?.id,
  created_at: timeOf(createdMs),
  account_number_ending: account?.ending,
  bank_name: account?.bank,
  currency,
  enabled: true,
  links: { customer },
  metadata: {},
})

const dayMs = 86_400_000
/** "Each flow currently lasts for 7 days" (`BillingRequestFlow.expires_at`). */
export const flowBody = (of: Flow) => ({
  id: of.id,
  authorisation_url: of.url,
  auto_fulfil: true,
  created_at: timeOf(of.createdMs),
  expires_at: timeOf(of.createdMs + 7 * dayMs),
  redirect_uri: of.redirectUri,
  exit_uri: of.exitUri,
  lock_customer_details: false,
  lock_bank_account: false,
  session_token: null,
  links: { billing_request: of.request },
})

export const mandateBody = (of: Mandate) => ({
  id: of.id,
  created_at: timeOf(of.createdMs),
  reference: of.reference,
  status: of.status,
  scheme: of.scheme,
  next_possible_charge_date: timeOf(of.createdMs + 5 * dayMs).slice(0, 10),
  payments_require_approval: false,
  metadata: of.metadata,
  links: {
    customer_bank_account: of.account?.id ?? 'BA0001TEST',
    creditor: 'CR0001TEST',
    customer: of.customer,
    ...(of.next === undefined ? {} : { new_mandate: of.next }),
  },
})

/** Every id in it turned into someone else's of the same kind. */
export function disguise(of: SimulatorAnswer): SimulatorAnswer {
  const body: unknown = parse(of.body)
  return isRecord(body) ? { ...of, body: JSON.stringify(strange(body)) } : of
}
function strange(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strange)
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, strange(one)]))
  if (typeof value !== 'string') return value
  return value.replace(/^(BRQ|BRF|MD|CU|BA)([0-9A-Z]{2})/, '$1ZZ').replace(/^(opn|bnd)_/, '$1_other')
}

/** The mandate's currency, turned into another. */
export function miscount(of: SimulatorAnswer): SimulatorAnswer | undefined {
  const other = of.body.replace(/"currency":"[A-Z]{3}"/g, '"currency":"SEK"')
  return other === of.body ? undefined : { ...of, body: other }
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

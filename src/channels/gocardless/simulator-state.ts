/** What GoCardless' simulator holds: billing requests, flows, mandates, and the news it owes. Of an account it keeps the last two digits. */
import { isRecord, type Json } from '../json.ts'
import { type Books, drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import { marks, takesPaymentsAtOnce } from './wire.ts'

export type Metadata = Readonly<Record<string, string>>
export type Account = { readonly id: string; readonly ending: string; readonly bank: string }
export const stepNames = ['collect_customer_details', 'collect_bank_account', 'confirm_payer_details', 'bank_authorisation'] as const
export type Step = (typeof stepNames)[number]
export type Request = {
  readonly id: string
  readonly status: 'pending' | 'ready_to_fulfil' | 'fulfilled' | 'cancelled'
  readonly scheme: string
  readonly currency: string
  readonly description: string | undefined
  readonly metadata: Metadata
  readonly mandateMetadata: Metadata
  readonly customer: string
  readonly account: Account | undefined
  /** What is wanted of the payer, and whether it was done. */
  readonly steps: Readonly<Partial<Record<Step, boolean>>>
  readonly blocked: boolean
  readonly mandate: string | undefined
  readonly key: string
  readonly createdMs: number
}
export type Flow = {
  readonly id: string
  readonly request: string
  readonly redirectUri: string
  readonly exitUri: string
  readonly createdMs: number
  readonly url: string
}
export type MandateStatus =
  | 'pending_customer_approval'
  | 'pending_submission'
  | 'submitted'
  | 'active'
  | 'failed'
  | 'cancelled'
  | 'expired'
  | 'blocked'
export type Mandate = {
  readonly id: string
  readonly status: MandateStatus
  readonly scheme: string
  readonly reference: string
  readonly metadata: Metadata
  readonly customer: string
  readonly account: Account | undefined
  readonly next: string | undefined
  readonly createdMs: number
}
export type State = {
  readonly requests: Map<string, Request>
  readonly flows: Map<string, Flow>
  readonly mandates: Map<string, Mandate>
  /** Of what carries our operation: what GoCardless was told for later, and which of its actions came with a key and with `data`. */
  readonly heard: Map<string, Map<string, string>>
  readonly effects: Effect[]
  readonly events: SimulatorEvent[]
}
export const newState = (): State => ({
  ...{ requests: new Map(), flows: new Map(), mandates: new Map(), heard: new Map() },
  ...{ effects: [], events: [] },
})

/** Letters and digits after a prefix, as GoCardless' ids are (`MD00070Z69DWXV`). */
export const drawId = (prefix: string, context: Pick<SimulatorContext, 'random'>): string =>
  `${prefix}${drawName(context, 12).toUpperCase()}`
export const timeOf = (ms: number): string => new Date(ms).toISOString()

export function hear(state: State, metadata: Metadata, name: string, value: string): void {
  const ours = metadata[marks.operation] ?? ''
  const known = state.heard.get(ours) ?? new Map<string, string>()
  if (value !== '') state.heard.set(ours, known.set(name, value))
}
/** An action takes a key and `data` like everything that is posted, and does without either. */
export function hearAction(
  state: State,
  metadata: Metadata,
  of: { readonly action: string; readonly body: Json; readonly key: string },
): void {
  hear(state, metadata, `${of.action} key`, of.key)
  hear(state, metadata, `${of.action} data`, isRecord(of.body.data) ? 'given' : '')
}

export function note(state: State, effect: Effect['effect'], of: { metadata: Metadata; key?: string }, token: string, nowMs: number): void {
  const reference = of.metadata[marks.operation] ?? ''
  const heard = Object.fromEntries(state.heard.get(reference) ?? [])
  state.effects.push({ effect, reference, key: of.key ?? '', token, atMs: nowMs, heard })
}

export type News = {
  readonly resource: 'billing_requests' | 'mandates'
  readonly action: string
  readonly origin: 'api' | 'bank' | 'gocardless' | 'customer'
  readonly cause: string
  readonly links: Readonly<Record<string, string>>
  readonly metadata: Metadata
  readonly scheme?: string
  readonly reasonCode?: string
}

/** One webhook; what came about together travels together. */
export function tell(state: State, context: SimulatorContext, news: readonly News[]): void {
  const [first] = news
  if (first === undefined) return
  const id = drawId('WB', context)
  const events = news.map(one => ({
    id: drawId('EV', context),
    created_at: timeOf(context.nowMs),
    resource_type: one.resource,
    action: one.action,
    links: one.links,
    details: {
      origin: one.origin,
      cause: one.cause,
      description: `${one.resource} ${one.action}: ${one.cause.replaceAll('_', ' ')}.`,
      ...(one.scheme === undefined ? {} : { scheme: one.scheme, reason_code: one.reasonCode ?? '' }),
    },
    metadata: {},
    resource_metadata: one.metadata,
  }))
  const body = JSON.stringify({ events, meta: { webhook_id: id } })
  state.events.push({ id, type: `${first.resource}.${first.action}`, body })
}

export const requestNews = (request: Request, action: string, more: Readonly<Record<string, string>> = {}): News => ({
  resource: 'billing_requests',
  action,
  origin: 'api',
  cause: `billing_request_${action}`,
  links: { billing_request: request.id, customer: request.customer, ...more },
  metadata: request.metadata,
})
export const mandateNews = (mandate: Mandate, action: string, of: Pick<News, 'origin' | 'cause'> & Partial<News>): News => ({
  resource: 'mandates',
  action,
  metadata: mandate.metadata,
  ...of,
  links: { mandate: mandate.id, ...of.links },
})

/** The request becomes a mandate: chargeable at once where the scheme sends it with its first payment, else with the bank's silence. */
export function fulfil(state: State, request: Request, context: SimulatorContext): Request {
  const id = drawId('MD', context)
  const mandate: Mandate = {
    id,
    status: request.blocked ? 'blocked' : 'pending_submission',
    scheme: request.scheme,
    reference: drawName(context, 8).toUpperCase(),
    metadata: request.mandateMetadata,
    customer: request.customer,
    account: request.account,
    next: undefined,
    createdMs: context.nowMs,
  }
  const done: Request = { ...request, status: 'fulfilled', mandate: id }
  state.mandates.set(id, mandate)
  state.requests.set(request.id, done)
  const of = { metadata: mandate.metadata, key: request.key }
  note(state, request.blocked ? 'refused' : takesPaymentsAtOnce(request.scheme) ? 'stored' : 'tokenized', of, id, context.nowMs)
  const created = mandateNews(mandate, 'created', { origin: 'api', cause: 'mandate_created' })
  const blocked = mandateNews(mandate, 'blocked', { origin: 'gocardless', cause: 'mandate_blocked' })
  const fulfilled = requestNews(done, 'fulfilled', { mandate_request_mandate: id })
  tell(state, context, request.blocked ? [fulfilled, created, blocked] : [fulfilled, created])
  return done
}

export const livingStatuses: readonly MandateStatus[] = ['pending_customer_approval', 'pending_submission', 'submitted', 'active']

export function booksOf(state: State): Books {
  const isUsable = (one: Mandate) =>
    one.status === 'active' || (takesPaymentsAtOnce(one.scheme) && (one.status === 'pending_submission' || one.status === 'submitted'))
  return {
    effects: [...state.effects],
    held: [...state.mandates.values()].map(one => ({
      token: one.id,
      reference: one.metadata[marks.operation] ?? '',
      customer: one.customer,
      label: one.account === undefined ? '' : `••${one.account.ending}`,
      usable: isUsable(one),
    })),
  }
}

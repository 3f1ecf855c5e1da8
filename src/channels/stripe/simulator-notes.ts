/** What the Stripe simulator writes down: its state, the effects for the books, and the events it will tell. */
import { drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import { type Customer, type StoredIntent, showEvent, showIntent } from './objects.ts'
import type { StoredMandate, StoredMethod } from './objects-method.ts'
import type { Input } from './simulator-input.ts'

export type State = {
  readonly customers: Map<string, Customer>
  readonly methods: Map<string, StoredMethod>
  readonly intents: Map<string, StoredIntent>
  readonly mandates: Map<string, StoredMandate>
  readonly effects: Effect[]
  events: readonly SimulatorEvent[]
}

export type Cause = Pick<Input, 'key' | 'requestId'>

export function note(
  state: State,
  effect: Effect['effect'],
  reference: string,
  key: string,
  token: string,
  context: SimulatorContext,
): void {
  state.effects.push({ effect, reference, key, token, atMs: context.nowMs })
}

export type Telling = Cause & { readonly context: SimulatorContext }

export function tellIntent(state: State, what: string, intent: StoredIntent, of: Telling): void {
  const method = state.methods.get(intent.method ?? '')
  const failed = state.methods.get(intent.failure?.method ?? '')
  tell(state, `setup_intent.${what}`, showIntent(intent, { method, failed }, new Set(), of.context.address), of)
}

export function tell(state: State, type: string, object: object, of: Telling, previous?: object): void {
  const id = `evt_1${drawName(of.context, 23)}`
  const request = { id: of.requestId || null, idempotency_key: of.key || null }
  const event = showEvent({ id, type, createdMs: of.context.nowMs, object, request, ...(previous === undefined ? {} : { previous }) })
  state.events = [...state.events, { id, type, body: JSON.stringify(event, null, 2) }]
}

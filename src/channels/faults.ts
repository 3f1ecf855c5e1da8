/** Faults on demand: what goes wrong, for which requests or webhooks, and how many times. */
import type { SimulatorEvent, SimulatorRequest } from './simulator.ts'

export const answerFaults = [
  /** The connection dies before anything happened. */
  'lost_before',
  /** Everything happened, then the connection dies. */
  'lost_after',
  /** 5xx in the channel's shape, before or after the effect. */
  'error_before',
  'error_after',
  'rate_limited',
  /** A proxy's page instead of JSON, after the effect. */
  'html',
  'half_json',
  'empty',
  /** Status 200 with an error for a body, after the effect. */
  'error_200',
  /** A good answer about something else. */
  'other_object',
  /** A good answer with another amount or currency than was asked; as it is where it speaks of no money. */
  'wrong_money',
  /** The answer comes after `delayMs` (30 s), the effect at once. */
  'slow',
  /** The answer begins at once and its bytes trickle over `delayMs` (90 s): no pause is long, only the whole is. The caller's deadline must end it. */
  'drip',
] as const
export const webhookFaults = [
  /** Delivered twice. */
  'duplicate',
  /** Delivered after `delayMs` (2 s). */
  'late',
  /** Delivered after the one that follows it. */
  'reordered',
  /** A forgery with the same content comes first, then the true one. */
  'forged',
  /** Never delivered. */
  'dropped',
  /** The true one, then one that says the opposite; the true one alone where the channel has no opposite. */
  'contradictory',
  /** Of an event that reports several things, the first part now and the rest after `delayMs` (2 s); whole where it reports one. */
  'partial',
] as const
export type AnswerFault = (typeof answerFaults)[number]
export type WebhookFault = (typeof webhookFaults)[number]

/** `path` and `event` may end in `*`; what is left out matches all. `times` is counted down. */
export type Fault<Kind = AnswerFault | WebhookFault> = {
  readonly match: { readonly method?: string; readonly path?: string; readonly event?: string }
  readonly fault: Kind
  readonly times: number
  readonly delayMs?: number
}

export type Faults = {
  add(fault: Fault): void
  clear(): void
  list(): readonly Fault[]
  /** The fault for this request, if there is one; uses it up once. */
  forRequest(request: SimulatorRequest): Fault<AnswerFault> | undefined
  forEvent(event: SimulatorEvent): Fault<WebhookFault> | undefined
}

const isAnswerFault = (fault: Fault): fault is Fault<AnswerFault> => answerFaults.some(one => one === fault.fault)
const isWebhookFault = (fault: Fault): fault is Fault<WebhookFault> => webhookFaults.some(one => one === fault.fault)

const fits = (pattern: string | undefined, value: string): boolean =>
  pattern === undefined || (pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern)

export function createFaults(): Faults {
  let armed: readonly Fault[] = []
  const use = (fault: Fault) => {
    armed = armed.flatMap(one => (one !== fault ? [one] : one.times > 1 ? [{ ...one, times: one.times - 1 }] : []))
  }
  return {
    add(fault) {
      armed = [...armed, fault]
    },
    clear() {
      armed = []
    },
    list: () => armed,
    forRequest(request) {
      const found = armed.filter(isAnswerFault).find(one => fits(one.match.method, request.method) && fits(one.match.path, request.path))
      if (found !== undefined) use(found)
      return found
    },
    forEvent(event) {
      const found = armed.filter(isWebhookFault).find(one => fits(one.match.event, event.type))
      if (found !== undefined) use(found)
      return found
    },
  }
}

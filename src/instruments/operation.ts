/**
 * An operation: one thing asked of a channel, under one key, until there is a definite answer or a person has to look. The decision what
 * to do next is pure; `settle.ts` carries it out for the request and for the worker alike.
 */
import type { ChannelName, MandateTerms, References, Repeat, Source, Verb } from '../channels/channel.ts'
import type { Expiry } from './expiry.ts'

export type { Verb } from '../channels/channel.ts'
/** open: an answer is owed · waiting: the channel answered, and the customer or its bank acts · settled · parked: for a person, with its cause */
export const operationStatuses = ['open', 'waiting', 'settled', 'parked'] as const
export type OperationStatus = (typeof operationStatuses)[number]

export type OperationInput = {
  /** Captured in the vault's memory; adopted once the intent is durable. */
  readonly capture?: string
  readonly cardVersion?: number
  readonly source?: Source
  readonly terms?: MandateTerms
  readonly channelCustomer?: string
  readonly returnUrl?: string
  readonly returned?: Readonly<Record<string, string>>
  readonly client?: { readonly ip?: string; readonly userAgent?: string }
  /** What to revoke, where it is not the binding's own token. */
  readonly token?: string
  /** Names the channel gave before its answer was lost. */
  readonly references?: References
  /** Channels still to try if this one refuses and says another may do. */
  readonly route?: readonly ChannelName[]
  /** The first operation of a chain that fell over; the chain counts as one attempt and shares one security code. */
  readonly chain?: string
  /** The operation under which the vault sealed the capture, where several channels were asked at once. */
  readonly adoptedBy?: string
  /** Until when the customer may take, where the channel gives more time than we do. Unix milliseconds. */
  readonly until?: number
  /** The channel's event that told what a customer brought back. */
  readonly event?: string
  /** When a page last had it looked up. Unix milliseconds. */
  readonly lookedAtMs?: number
  /** The end that the channel is to be told. */
  readonly expiry?: Expiry
  /** The vault seals what it holds once more, with another end, before anything is sent. */
  readonly renew?: { readonly from: number; readonly expiry: Expiry }
  /** Nobody waits for it, and the customer must not be asked: a challenge is as good as a no. */
  readonly quiet?: true
  /** Under which values the safeguards count it: a decline is counted there too. */
  readonly counted?: readonly string[]
  /** The issuer has to ask the customer, whatever the channel thinks of it. */
  readonly stepUp?: true
  /** When it began by the customer's test clock, where there is one and it waits for the customer. Unix milliseconds. */
  readonly sinceMs?: number
  /** Which moment a refresh was planned for. */
  readonly refreshAtMs?: number
}

/** What the customer waits for: without its answer the binding is uncertain. */
export const isAsking = (verb: Verb): boolean => verb === 'bind' || verb === 'resume'

/** Time for one attempt before the worker takes over, in ms: above the channel's deadline for several requests in a row. */
export const leaseMs = 60_000
const firstDelayMs = 1_000
const lastDelayMs = 15 * 60_000
/**
 * How long the customer may take over a challenge, a bank over a verification or a channel over a revocation, before the binding lapses or a
 * person is asked; later news still counts.
 */
export const patienceMs = (cause: string | null): number => (cause === 'challenge' ? 24 * 3_600_000 : 7 * 24 * 3_600_000)
/** A channel that gives its customers longer than that (small deposits take days) is believed up to a month. */
export const untilMax = 31 * 24 * 3_600_000
/** How long until a waiting binding is looked up again: ten minutes, then ever more rarely. */
export const waitMs = (age: number): number => Math.max(10 * 60_000, Math.min(Math.round(age / 2), 6 * 3_600_000))
/** When an operation began, by the customer's clock: test clocks stand elsewhere than the real one. */
export const sinceOf = (
  row: { readonly created_at: number; readonly input: Pick<OperationInput, 'sinceMs'> },
  at: { readonly now: number; readonly customerNow: number },
): number => row.input.sinceMs ?? row.created_at + at.customerNow - at.now
/** When our patience with what waits is over, by the customer's clock. */
export const patienceEnd = (row: { readonly cause: string | null; readonly input: Pick<OperationInput, 'until'> }, since: number): number =>
  Math.max(since + patienceMs(row.cause), row.input.until ?? 0)
/** How far a server's clock may be off, one way, between two looks at it (a step, or two servers that disagree). */
export const clockStepMs = 3_600_000
/** How long a look-up is repeated before a person is asked. */
export const parkAfterMs = 48 * 3_600_000

/** Full jitter between half and all of a doubling delay, 1 s to 15 min. `chance`: 0 to 1. */
export function backoffMs(tries: number, chance: number): number {
  const ceiling = Math.min(lastDelayMs, firstDelayMs * 2 ** Math.min(tries, 20))
  return Math.round(ceiling * (0.5 + chance / 2))
}

/** The vault no longer holds what the request needs (a security code lives ten minutes): the same bytes cannot be sent again. */
export const cannotRepeat = 'the vault no longer holds what the request needs'

export type Step =
  | { readonly do: 'send' }
  | { readonly do: 'lookUp' }
  | { readonly do: 'abandon'; readonly reason: string }
  | { readonly do: 'park'; readonly cause: string }
  /** Nothing more is done, and nothing hangs on it. */
  | { readonly do: 'leave'; readonly cause: string }

type Standing = {
  readonly verb: Verb
  readonly status: OperationStatus
  readonly tries: number
  readonly created_at: number
  readonly cause: string | null
  readonly input: Pick<OperationInput, 'until' | 'sinceMs'>
}

/**
 * What to do about an operation that is due. Never a new key; after the key's window never a re-send; what can neither be re-sent nor
 * looked up is parked, never guessed. The window is counted from the intent and ends early by the lease, so that a slow attempt cannot
 * leave within it and arrive outside, and by what a clock may be off, so that one that is set back does not open it again.
 * `customerNow`: for what waits for the customer; all else is between us and the channel, in real time.
 */
export function nextStep(
  operation: Standing,
  can: { readonly repeat: Repeat | undefined; readonly lookUp: boolean },
  at: { readonly now: number; readonly customerNow: number },
): Step {
  const age = at.now - operation.created_at
  if (operation.status === 'waiting') {
    if (at.customerNow < patienceEnd(operation, sinceOf(operation, at))) return { do: 'lookUp' }
    const reason = `${operation.cause ?? 'it'} took too long`
    return operation.verb === 'revoke' ? { do: 'park', cause: reason } : { do: 'abandon', reason }
  }
  // Tries are counted before they are made: none counted means nothing ever left.
  if (operation.tries === 0) return { do: 'send' }
  // Whether a password was sent again matters to nobody but the customer, who asks for another: a second one would make void the first.
  if (operation.verb === 'resend') return { do: 'leave', cause: operation.cause ?? 'no definite answer' }
  const repeat = operation.cause === cannotRepeat ? undefined : can.repeat
  if (repeat?.kind === 'keyed' && age < repeat.windowMs - leaseMs - clockStepMs) return { do: 'send' }
  if (repeat?.kind === 'repeatable' && operation.tries < repeat.times) return { do: 'send' }
  if (can.lookUp && age < parkAfterMs) return { do: 'lookUp' }
  return { do: 'park', cause: operation.cause ?? 'no definite answer' }
}

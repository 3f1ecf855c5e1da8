/**
 * What a channel is: a folder whose `channel.ts` exports one `Channel`. What it can do is what it has: an absent function is an absent
 * capability. Functions are pure but for `call.send`; they never read a clock or roll a die. The provider's words stop in `wire.ts`.
 *
 * Bad news has two shapes only: `refused` (a definite no) and `uncertain` (anything else: timeout, reset, 5xx, 429, unreadable answer,
 * an answer about something other than what was asked). An adapter never throws for what a channel said; it throws for bugs only.
 */

import type { Secret } from '../core/secret.ts'
import type { ChannelName } from './names.ts'

export type { ChannelName } from './names.ts'

/** How strongly the adapter is proven: by the owner's machine-readable specification, its SDK, or its documentation. */
export type Proof = { readonly rank: 'specification' | 'sdk' | 'documentation'; readonly source: string }

/** How one operation may be repeated after a lost answer. */
export type Repeat =
  /** The same bytes under the same key, while the channel remembers the key (`windowMs` from the first send). After it: look up only. */
  | { readonly kind: 'keyed'; readonly windowMs: number; readonly keyLengthMax: number }
  /** Never re-sent: settled by `lookUp`. */
  | { readonly kind: 'lookUp' }
  /** Harmless twice (a read, a delete): sent again at most `times`. */
  | { readonly kind: 'repeatable'; readonly times: number }

/** Where and as whom the channel is called. Sandbox and live differ in this only. `secrets` and `settings` are named per channel. */
export type ChannelAccount = {
  readonly address: string
  readonly secrets: Readonly<Record<string, Secret>>
  readonly settings: Readonly<Record<string, string>>
  /** Current first, then the one being rotated out. */
  readonly webhookSecrets: readonly Secret[]
}

/**
 * One HTTP request to the channel, exactly as it goes out. With `card: true` the body holds placeholders that the vault fills on the
 * way out, escaped for the body's content type (form or JSON): `{{card.number}}`, `{{card.expiryMonth}}` (two digits),
 * `{{card.expiryYear}}` (four digits), `{{card.securityCode}}`, `{{card.holder}}`.
 */
export type ChannelRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly card?: true
}
/** Header names in lower case. */
export type ChannelAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** There is no definite answer: deadline, reset, connection refused, answer too large. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}
/** Throws `NoAnswer`, and nothing else, when no whole answer came back. */
export type Send = (request: ChannelRequest) => Promise<ChannelAnswer>

export type Call = {
  /** Our operation (`opn_…`). Sent as the channel's reference or metadata where it has room for one, so news can be matched to it. */
  readonly operation: string
  /** The operation's idempotency key, the same for every attempt (at most 40 characters). Several requests of one operation derive theirs from it by a suffix: `<key>.customer`. */
  readonly key: string
  readonly account: ChannelAccount
  readonly send: Send
}

/**
 * Names the channel gave: `payment_method`, `setup_intent`, `psp_reference`, … Kept on the binding and handed back; later news finds the
 * binding by any of them. The name `customer` is the channel's customer object: it is shared by a customer's bindings and finds none.
 */
export type References = Readonly<Record<string, string>>

export type CardView = {
  readonly brand: string
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
  /** Whether the vault holds a security code for this operation, and a holder's name: placeholders may be used only then. */
  readonly securityCode: boolean
  readonly holder: boolean
}

export type BindInput = {
  readonly tenant: string
  /** `cus_…`; also the shopper's name at channels that let us choose it. */
  readonly customer: string
  /** The channel's own customer object, if an earlier binding of this customer made one. */
  readonly channelCustomer: string | undefined
  readonly instrument: string
  readonly binding: string
  readonly card: CardView
  /** Ours: where the channel sends the customer's browser back to. Carries an unguessable token; the channel may append parameters. */
  readonly returnUrl: string
  readonly client: { readonly ip?: string | undefined; readonly userAgent?: string | undefined }
}
/** `returned`: the parameters that came back with the browser. */
export type ResumeInput = {
  readonly customer: string
  readonly binding: string
  readonly references: References
  readonly returned: Readonly<Record<string, string>>
}
export type LookUpInput = {
  readonly customer: string
  readonly binding: string
  readonly verb: 'bind' | 'resume' | 'revoke'
  readonly references: References
  readonly card: CardView | undefined
}
export type RevokeInput = { readonly customer: string; readonly binding: string; readonly token: string; readonly references: References }

/** The catalogue of why a binding was refused; the raw code stands beside it. */
export const refusalCategories = [
  'do_not_honour',
  'insufficient_funds',
  'expired',
  'lost_or_stolen',
  'invalid_account',
  'invalid_security_code',
  'authentication_failed',
  'limit_exceeded',
  'fraud_suspected',
  'not_permitted',
  'not_supported',
  'cancelled_by_customer',
  'try_later',
  'misconfigured',
  'unknown',
] as const
export type RefusalCategory = (typeof refusalCategories)[number]

/** When it happened by the channel's own reckoning. Clocks are compared only with themselves; `sequence` comes before the clock. */
export type Moment = { readonly atMs: number; readonly sequence?: number }

export type Bound = {
  readonly kind: 'bound'
  /** What later calls name it by. Unique per channel account. */
  readonly token: string
  readonly references: References
  /** What the channel says the card is now (after an update at the issuer it may differ from what was sent). */
  readonly card?: { readonly brand?: string; readonly last4?: string; readonly expiryMonth?: number; readonly expiryYear?: number }
  /** NTID, and Mastercard's TLID (must be kept since 2026-06-02). */
  readonly networkTransactionId?: string
  readonly transactionLinkId?: string
}
export type Challenged = { readonly kind: 'challenged'; readonly action: Action; readonly references: References }
export type Action = {
  readonly type: 'redirect'
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly data?: Readonly<Record<string, string>>
}
/** Accepted, and the answer comes later as news. */
export type Verifying = { readonly kind: 'verifying'; readonly references: References }
export type Refused = {
  readonly kind: 'refused'
  /** An issuer's refusal is never presented elsewhere; a channel's may be, if it says so. */
  readonly by: 'issuer' | 'channel'
  readonly category: RefusalCategory
  readonly code: string
  readonly message?: string
  readonly elsewhere: boolean
  readonly references: References
}
export type Revoked = { readonly kind: 'revoked' }
export type Suspended = { readonly kind: 'suspended'; readonly reason: string }
export type Resumed = { readonly kind: 'resumed' }
/** The channel replaced or refreshed what is behind the token, or the token itself. */
export type Updated = { readonly kind: 'updated'; readonly token?: string; readonly card?: Bound['card']; readonly references?: References }
export type Expired = { readonly kind: 'expired' }

/** What can be told about a binding: by the answer to an operation, or by the channel on its own. */
export type News = Bound | Challenged | Verifying | Refused | Revoked | Suspended | Resumed | Updated | Expired
export type Uncertain = { readonly kind: 'uncertain'; readonly cause: string; readonly references?: References }
/** Look-up only: the channel is sure that it never carried this operation out. */
export type None = { readonly kind: 'none' }

export type Outcome<N extends News = News> = (N & { readonly moment?: Moment }) | Uncertain
export type BindOutcome = Outcome<Bound | Challenged | Verifying | Refused>
export type RevokeOutcome = Outcome<Revoked | Refused>
export type LookUpOutcome = Outcome | None

/** A piece of news from a webhook, with every name by which its binding may be found. */
export type Told = {
  /** The channel's id of the event, unique per channel account; a repeated delivery has the same. */
  readonly event: string
  readonly type: string
  /** Our operation or binding if the channel echoes it. The news answers that operation. */
  readonly operation?: string
  readonly binding?: string
  /** The channel's names: token, setup intent, psp reference. */
  readonly names: readonly string[]
  /** Absent: nothing that changes a status; acknowledged and counted. */
  readonly news?: News
  readonly moment?: Moment
}
export type WebhookRequest = {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly nowMs: number
  readonly secrets: readonly Secret[]
  readonly account: ChannelAccount
}
export type WebhookReading =
  | {
      readonly kind: 'told'
      readonly told: readonly Told[]
      readonly answer: { readonly status: number; readonly contentType: string; readonly body: string }
    }
  /** forged: no signature fits · stale: outside the tolerance · malformed: signed, but not what the channel sends */
  | { readonly kind: 'rejected'; readonly reason: 'forged' | 'stale' | 'malformed'; readonly detail: string }

export interface Channel {
  readonly name: ChannelName
  readonly proof: Proof
  /** Per verb it has. */
  readonly repeat: { readonly bind?: Repeat; readonly resume?: Repeat; readonly revoke?: Repeat }
  readonly instrumentKinds: readonly ('card' | 'wallet' | 'bank_account')[]
  /** It gives a customer's card the same token however often it is bound, so what revokes one binding would revoke another. */
  readonly oneTokenPerCard?: true
  /** Upper bound of calls per second the channel grants by default, live. */
  readonly requestsPerSecondMax: number
  /** Names of what the account needs, for config's report. */
  readonly account: { readonly secrets: readonly string[]; readonly settings: readonly string[] }
  bind?(call: Call, input: BindInput): Promise<BindOutcome>
  resume?(call: Call, input: ResumeInput): Promise<BindOutcome>
  lookUp?(call: Call, input: LookUpInput): Promise<LookUpOutcome>
  revoke?(call: Call, input: RevokeInput): Promise<RevokeOutcome>
  webhook?(request: WebhookRequest): WebhookReading
}

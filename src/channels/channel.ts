/**
 * What a channel is: a folder whose `channel.ts` exports one `Channel`. What it can do is what it has: an absent function is an absent
 * capability. Functions are pure but for `call.send`; they never read a clock or roll a die. The provider's words stop in `wire.ts`.
 *
 * Bad news has two shapes only: `refused` (a definite no) and `uncertain` (anything else: timeout, reset, 5xx, 429, unreadable answer,
 * an answer about something other than what was asked). An adapter never throws for what a channel said; it throws for bugs only.
 */
import type { Secret } from '../core/secret.ts'
import type { Action } from './action.ts'
import type { Listing } from './listing.ts'
import type { RefusalCategory } from './refusal.ts'
import type { InstrumentKind, MandateRules, MandateTerms, SandboxValue, Shape, Source } from './source.ts'
import type { WebhookScheme } from './webhook-scheme.ts'

export type { Action } from './action.ts'
export type { RefusalCategory } from './refusal.ts'
export type { CardView, InstrumentKind, MandateRules, MandateTerms, PayerView, SandboxValue, Shape, Source } from './source.ts'
export type { WebhookScheme } from './webhook-scheme.ts'

/** A folder's name: lower-case letters, digits and underscores. Which there are is `index.ts`'s to say. */
export type ChannelName = string

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
  /** What webhooks are verified with: shared secrets, public keys or certificate fingerprints. Current first, then the one being rotated out. */
  readonly webhookSecrets: readonly Secret[]
}

/**
 * One HTTP request to the channel, exactly as it goes out. With `placeholders: true` the body holds placeholders that the vault fills on
 * the way out, escaped for the body's content type (form or JSON), each at most once: `{{card.number}}`, `{{card.expiryMonth}}` (two
 * digits), `{{card.expiryYear}}` (four digits), `{{card.securityCode}}`, `{{card.holder}}`, `{{card.cryptogram}}` (base64), and
 * `{{payer.<field>}}` for the fields of `source.ts`.
 */
export type ChannelRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly placeholders?: true
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
  /** When this attempt goes out, Unix milliseconds: for channels that want the time signed with the request. */
  readonly nowMs?: number
  readonly send: Send
  /** Which attempt of the operation this is, from 1: after the first, an earlier one may have been taken and its answer lost. */
  readonly attempt?: number
}

/**
 * Names the channel gave: `payment_method`, `setup_intent`, `psp_reference`, … Kept on the binding and handed back; later news finds the
 * binding by any of them, but by those of `unfindable`: `customer` is the channel's customer object, shared by a customer's bindings; the
 * others are states of the conversation.
 */
export type References = Readonly<Record<string, string>>
export const unfindable: ReadonlySet<string> = new Set(['customer', 'refresh_token', 'challenge', 'shopper_reference', 'currency'])

export type BindInput = {
  readonly tenant: string
  /** `cus_…`; also the shopper's name at channels that let us choose it. */
  readonly customer: string
  /** The channel's own customer object, if an earlier binding of this customer made one. */
  readonly channelCustomer: string | undefined
  readonly instrument: string
  readonly binding: string
  readonly source: Source
  /** What a mandate is to allow; a channel that makes mandates refuses to guess. */
  readonly terms: MandateTerms | undefined
  /** Ours: where the channel sends the customer's browser back to. Carries an unguessable token; the channel may append parameters. */
  readonly returnUrl: string
  readonly client: { readonly ip?: string | undefined; readonly userAgent?: string | undefined }
  /** The issuer has to ask the customer. */
  readonly stepUp?: true
}
/** `returned`: the parameters that came back with the browser, or what the customer answered under the names of `action.ts`. */
export type ResumeInput = {
  readonly customer: string
  readonly binding: string
  readonly references: References
  readonly returned: Readonly<Record<string, string>>
}
export type LookUpInput = {
  readonly customer: string
  readonly binding: string
  readonly verb: Verb
  readonly references: References
  readonly source: Source | undefined
  /** What a revocation is to end: after an erasure the only name that is left. */
  readonly token?: string | undefined
}
export type RefreshInput = { readonly customer: string; readonly binding: string; readonly token: string; readonly references: References }
/** `card`: what is to be shown from now on, of the number that is there already. */
export type UpdateInput = RefreshInput & {
  readonly card: { readonly last4: string; readonly expiryMonth: number; readonly expiryYear: number }
}
export type RevokeInput = { readonly customer: string; readonly binding: string; readonly token: string; readonly references: References }

/** When it happened by the channel's own reckoning. Clocks are compared only with themselves; `sequence` comes before the clock. */
export type Moment = { readonly atMs: number; readonly sequence?: number }

export type Bound = {
  readonly kind: 'bound'
  /** What later calls name it by. Unique per channel account. */
  readonly token: string
  readonly references: References
  /** What the channel says it is now (after an update at the issuer it may differ from what was sent). */
  readonly shown?: Shown
  /** By which the same account of the same customer is recognised: the wallet's id for its user, the channel's fingerprint of an account. */
  readonly identity?: { readonly kind: 'wallet' | 'account' | 'par' | 'network_token'; readonly value: string }
  /** When the token stops working by itself, and from when on it should be refreshed. Unix milliseconds. */
  readonly validUntilMs?: number
  readonly refreshAtMs?: number
  /** NTID, and Mastercard's TLID (must be kept since 2026-06-02). */
  readonly networkTransactionId?: string
  readonly transactionLinkId?: string
}
/** What may be shown of an instrument, as far as the channel tells. `handle`: a wallet's name for its user, masked. */
export type Shown = {
  readonly brand?: string
  readonly last4?: string
  readonly expiryMonth?: number
  readonly expiryYear?: number
  readonly bank?: string
  readonly handle?: string
}
/** `alternatives`: other ways to the same end, of which the customer takes one. */
export type Challenged = {
  readonly kind: 'challenged'
  readonly action: Action
  readonly alternatives?: readonly Action[]
  readonly references: References
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
/** `reason`: of the channel's own news; `by`: who took it back, where it is told. */
export type Revoked = { readonly kind: 'revoked'; readonly reason?: string }
/** The channel takes the revocation on and tells later, or when asked, that it is done. */
export type Revoking = { readonly kind: 'revoking' }
export type Suspended = { readonly kind: 'suspended'; readonly reason: string }
export type Resumed = { readonly kind: 'resumed' }
/** The channel replaced or refreshed what is behind the token, or the token itself. */
export type Updated = {
  readonly kind: 'updated'
  readonly token?: string
  readonly shown?: Shown
  readonly references?: References
  readonly validUntilMs?: number
  readonly refreshAtMs?: number
  /** Learned when it was charged; what the bind gave stays. */
  readonly networkTransactionId?: string
  readonly transactionLinkId?: string
}
/** `reason`: `consumed` where all that was agreed has been collected. */
export type Expired = { readonly kind: 'expired'; readonly reason?: string }
/** What had ended, bound (by this `token`) or not, lives again, and the channel shows why (a bank that took its cancellation back). */
export type Reinstated = { readonly kind: 'reinstated'; readonly evidence: string; readonly token?: string }

/** What can be told about a binding: by the answer to an operation, or by the channel on its own. */
export type News = Bound | Challenged | Verifying | Refused | Revoked | Revoking | Suspended | Resumed | Updated | Expired | Reinstated
export type Uncertain = { readonly kind: 'uncertain'; readonly cause: string; readonly references?: References }
/** Look-up only: the channel is sure that it never carried this operation out. */
export type None = { readonly kind: 'none' }

export type Outcome<N extends News = News> = (N & { readonly moment?: Moment }) | Uncertain
export type BindOutcome = Outcome<Bound | Challenged | Verifying | Refused>
export type RevokeOutcome = Outcome<Revoked | Revoking | Refused>
/** `verifying`: taken on, and what is new comes as news. */
export type RefreshOutcome = Outcome<Updated | Verifying | Refused | Revoked | Expired>
/** Never `verifying`: what was set is there, or it is not. */
export type UpdateOutcome = Outcome<Updated | Refused | Revoked>
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
  /** The customer finished without coming back to us: go on as if the browser had come back with these. */
  readonly returned?: Readonly<Record<string, string>>
  readonly moment?: Moment
}
export type WebhookRequest = {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly nowMs: number
  readonly secrets: readonly Secret[]
  readonly account: ChannelAccount
  /** For channels whose proof has to be fetched (a certificate). Throws `NoAnswer`. */
  readonly send: Send
  readonly remembered?: Remembered
}
/** What was fetched and is wanted again: small texts by name, kept by the process, the newest few. Nobody may rely on it. */
export type Remembered = { readonly get: (name: string) => string | undefined; readonly set: (name: string, text: string) => void }
export type WebhookReading =
  | {
      readonly kind: 'told'
      readonly told: readonly Told[]
      readonly answer: { readonly status: number; readonly contentType: string; readonly body: string }
    }
  /** forged: no signature fits · stale: outside the tolerance · malformed: signed, but not what the channel sends */
  | { readonly kind: 'rejected'; readonly reason: 'forged' | 'stale' | 'malformed'; readonly detail: string }

/** One way in: what is bound how, and where. `scheme`: of cards none, else the brand or rail, as `Source` names it. */
export type Way = {
  readonly kind: InstrumentKind
  readonly shape: Shape
  readonly scheme?: string
  /** ISO 3166-1 alpha-2; absent: wherever the channel works. */
  readonly countries?: readonly string[]
}
export type Verb = 'bind' | 'resume' | 'resend' | 'refresh' | 'update' | 'revoke'

export interface Channel {
  readonly name: ChannelName
  /** As its owner writes it. */
  readonly title: string
  readonly proof: Proof
  /** Per verb it has. */
  readonly repeat: Readonly<Partial<Record<Verb, Repeat>>>
  readonly ways: readonly Way[]
  /** Currency → decimal places of its minor unit at this channel (where these differ from ISO 4217, the channel is right). */
  readonly currencies: ReadonlyMap<string, number>
  /** Every code of the owner's lists, by what it means. */
  readonly refusals: ReadonlyMap<string, RefusalCategory>
  readonly webhookScheme?: WebhookScheme
  readonly sandboxValues: readonly SandboxValue[]
  /** It gives a customer's card the same token however often it is bound, so what revokes one binding would revoke another. */
  readonly oneTokenPerCard?: true
  /** It can have the issuer ask the customer whenever we want that. */
  readonly stepsUp?: true
  readonly mandates?: MandateRules
  /** Upper bound of calls per second the channel grants by default, live. */
  readonly requestsPerSecondMax: number
  /** Names of what the account needs, for config's report. */
  readonly account: { readonly secrets: readonly string[]; readonly settings: readonly string[] }
  /** Origins beside the account's address that it speaks to; no request goes to any other. */
  origins?(account: ChannelAccount): readonly string[]
  bind?(call: Call, input: BindInput): Promise<BindOutcome>
  resume?(call: Call, input: ResumeInput): Promise<BindOutcome>
  /** Sends a one-time password again. */
  resend?(call: Call, input: ResumeInput): Promise<BindOutcome>
  /** Asks for what is new behind the token: a fresh token for one that lapses, an update of the card. */
  refresh?(call: Call, input: RefreshInput): Promise<RefreshOutcome>
  /** Sets a new end of the card behind the token, which stays the same. Harmless twice. */
  update?(call: Call, input: UpdateInput): Promise<UpdateOutcome>
  lookUp?(call: Call, input: LookUpInput): Promise<LookUpOutcome>
  revoke?(call: Call, input: RevokeInput): Promise<RevokeOutcome>
  /** What it keeps for one of its customers, to compare with. */
  readonly list?: Listing
  webhook?(request: WebhookRequest): WebhookReading | Promise<WebhookReading>
}

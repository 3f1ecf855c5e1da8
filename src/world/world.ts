/**
 * Everything outside our own decisions, handed in as one value: clock, chance, store, channels, vault, log. Nothing else reads the
 * time or rolls a die. In production `live.ts` makes it; in simulation `sim/world.ts` does, and one seed replays everything.
 */
import type {
  CardView,
  Channel,
  ChannelAccount,
  ChannelAnswer,
  ChannelName,
  ChannelRequest,
  InstrumentKind,
  PayerView,
  Remembered,
  Send,
} from '../channels/channel.ts'
import { type IdPrefix, idBytes, newId } from '../core/id.ts'
import type { Secret } from '../core/secret.ts'
import type { Advice } from '../core/updater-file.ts'
import type { CardFileDesk } from './card-files.ts'
import type { Detokenized, DetokenizeInput } from './detokenize.ts'
import type { Disk } from './disk.ts'
import type { Health } from './health.ts'
import type { Store } from './store.ts'

export type Mode = 'test' | 'live'

export interface World {
  /** Unix milliseconds by the real (or simulated) clock. For a customer's own time see `instruments/customer.ts`. */
  now(): number
  /** Cryptographically random bytes (seeded in simulation). */
  random(count: number): Buffer
  sleep(ms: number): Promise<void>
  readonly store: Store
  readonly vault: Vault
  /** HTTP to channels: deadline, size cap, egress rules. Throws `NoAnswer` only. */
  readonly send: Send
  readonly channels: ReadonlyMap<ChannelName, Channel>
  account(channel: ChannelName, mode: Mode): ChannelAccount | undefined
  /** What this process saw of each channel lately. */
  readonly health: Health
  readonly remembered: Remembered
  /** Where our own database writes; absent where we cannot see it. */
  readonly disk?: Disk
  readonly log: Log
  readonly settings: Settings
  /** The card network's account updater and token service, in test mode the simulated one; absent: there is none. */
  readonly network?: NetworkAccount
  /** Sandbox only: a wallet of its own that makes a device's token for a test card, as JSON. `cryptogram` false: the card itself is in it. */
  readonly tap?: (card: TestTap) => string
}

/** `name`: the updater's, by which the vault knows its keys. `webhookSecrets`: what its news is signed with. */
export type NetworkAccount = {
  readonly name: string
  readonly address: string
  readonly secretKey: Secret
  readonly webhookSecrets: readonly Secret[]
}

export type TestTap = {
  readonly wallet: 'apple_pay' | 'google_pay'
  readonly number: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly cryptogram: boolean
}

export type Settings = {
  /** Where browsers and channels reach this server: `https://pay.example.com`. */
  readonly publicUrl: string
  /** Where cards and payers are handed to the vault: `https://vault.pay.example.com/capture`. */
  readonly captureUrl: string
  readonly channelTimeoutMs: number
  /** Channels to try, in order, when the caller names none. */
  readonly route: readonly ChannelName[]
  /** How many customers of a tenant may have one card or account, where the tenant says nothing; two without it. */
  readonly customersPerInstrument?: number
  /** Secret bytes of this deployment for keyed hashes of request bodies and for capture grants. */
  readonly idempotencyKey: Buffer
  readonly grantKey: Buffer
  /** When cards are asked about at account updaters, where nothing is said of an instrument; `on_decline` every 28 days without it. */
  readonly updates?: { readonly policy: UpdatePolicy; readonly daysMin: number }
  /** The account updater of live mode, by the name under which the vault has its keys; files go to it by hand. */
  readonly liveUpdater?: string | undefined
  /** How long a second person has to approve a sensitive act (30 without it), and whether test mode asks for one too. */
  readonly fourEyes?: { readonly minutes: number; readonly inTest: boolean }
  /** Sandbox only: webhooks out may go to loopback and over http. */
  readonly allowLoopback: boolean
  readonly safeguards?: SafeguardSettings
}

/** What an operator adds to the safeguards, or a simulation changes. */
export type SafeguardSettings = {
  /** Limits of numbers are so many times as high; fifty in test mode without it, one in live mode. */
  readonly times?: number
  /** Leading zero bits that a browser has to find. */
  readonly workBits?: number
  /** Whether a captcha's answer is good. False where its service does not answer. */
  readonly captcha?: (token: string, ip: string | null) => Promise<boolean>
  /** The autonomous system of an address, from a table of the operator's. */
  readonly autonomousSystemOf?: (ip: string) => string | undefined
}

/** `on_decline`: when somebody asks; `scheduled`: also by itself, whenever so many days have passed. */
export type UpdatePolicy = 'never' | 'on_decline' | 'scheduled'

export interface Log {
  info(what: string, facts?: LogFacts): void
  warn(what: string, facts?: LogFacts): void
  error(what: string, facts?: LogFacts): void
}
/** Ids, names and numbers; never a secret, never a card. */
export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined>>

/** A card as the rest of the system may know it. `bin`: six or eight leading digits. */
export type CapturedCard = CardView & { readonly bin: string }
/**
 * What was captured, as the rest of the system may know it. `fingerprint`: `ifp_…`, the same for the same number (expiry not included),
 * account, phone or UPI address within one tenant and mode, and different for each of these kinds; a payer with none of them has none.
 */
export type Captured =
  | { readonly kind: 'card'; readonly fingerprint: string; readonly card: CapturedCard }
  /** `card` is the device's number and expiry. `cryptogram`: whether the vault still holds it, for this operation. */
  | {
      readonly kind: 'device_token'
      readonly fingerprint: string
      readonly card: CapturedCard
      readonly wallet: 'apple_pay' | 'google_pay'
      readonly cryptogram: boolean
      /** As the wallet gave it, two characters. */
      readonly eci: string | undefined
    }
  /** `scheme`: as it was captured: a debit scheme, a wallet's brand or a rail, as `Source` names them. */
  | {
      readonly kind: Exclude<InstrumentKind, 'card' | 'device_token'>
      readonly fingerprint: string | undefined
      readonly scheme: string | undefined
      readonly payer: PayerView
    }

/**
 * What the vault says of a number by what was tried with it at all tenants: whether more may be, and no more than roughly how often it was.
 * `neighbours`: numbers that differ in their last four digits only.
 */
export type Seen = {
  readonly number: { readonly verdict: 'allow' | 'deny'; readonly tries: 'few' | 'many' }
  readonly neighbours: { readonly verdict: 'allow' | 'deny' }
}
/** What is captured, and what was seen of it. */
export type Peeked = Captured & { readonly seen?: Seen }

/** What a capture becomes: whose it is, and the operation it was captured for. The words that the vault tells one adoption from another by. */
export type Adoption = {
  readonly tenant: string
  readonly mode: Mode
  readonly reference: string
  readonly instrument: string
  readonly instrumentVersion: number
  readonly operation: string
}

/** The only process that knows numbers of cards and accounts, as seen from here. Every call is one round trip; calls made together share one. */
export interface Vault {
  /** What a captured reference is, without consuming it. Undefined: unknown, used up, lapsed (15 minutes) or another tenant's. */
  peek(input: { readonly tenant: string; readonly mode: Mode; readonly reference: string }): Promise<Peeked | undefined>
  /** Seals what was captured for good under this instrument; the same call again gives the same answer. */
  adopt(input: Adoption): Promise<Captured | undefined>
  /**
   * Seals it while the intent of a new instrument is being written, so that the adoption finds it done. Uses nothing up: until it is adopted,
   * under these words or others, it is captured and no more. Never throws for what could not be written.
   */
  sealAhead(input: Adoption): Promise<void>
  /**
   * Sends a request with the instrument's card or payer filled into its placeholders. Throws `NoAnswer` like `send`, and a `gone` problem
   * (nothing was sent) when something that the request wants is not held. `reference`: adopted first, and nothing is sent before that is
   * durable; `gone` where it cannot be adopted any more.
   */
  forward(input: {
    readonly tenant: string
    readonly mode: Mode
    readonly instrument: string
    readonly instrumentVersion: number
    readonly operation: string
    readonly reference?: string
    readonly timeoutMs: number
    readonly request: ChannelRequest
  }): Promise<ChannelAnswer>
  /** Seals a short text (webhook secrets, e-mail) for an owner and field; `open` turns it back for the same owner and field only. */
  seal(input: { readonly tenant: string; readonly owner: string; readonly field: string; readonly text: string }): Promise<string>
  open(input: { readonly tenant: string; readonly owner: string; readonly field: string; readonly sealed: string }): Promise<string>
  readonly updater: UpdaterDesk
  /**
   * Destroys the data keys of an owner (an instrument, a customer) in every version; nothing that was sealed for it opens again, and nothing
   * is sealed for it any more. Idempotent. `keys`: how many there were still.
   */
  shred(input: { readonly tenant: string; readonly owner: string }): Promise<{ readonly keys: number }>
  /** A number in the clear, sealed for a person's own key; counted against quotas and told in the audit before it is opened. */
  detokenize(input: DetokenizeInput): Promise<Detokenized>
  readonly cardFiles: CardFileDesk
}

/** One sealed version of an instrument. */
export type CardOwner = { readonly tenant: string; readonly mode: Mode; readonly instrument: string; readonly instrumentVersion: number }
type RunOfCards = { readonly tenant: string; readonly mode: Mode; readonly updater: string; readonly run: string }
type ExpiryTold = { readonly year: number; readonly month: number }

/** The vault's part in account updating. Numbers are in the files, which only vault and updater can read, and nowhere else. */
export interface UpdaterDesk {
  /** A file of inquiries, sealed for the updater, in base64. `left`: lines under which no typed card is sealed. `on`: `YYYYMMDD`. */
  writeInquiries(
    input: RunOfCards & {
      readonly on: string
      readonly lines: readonly { readonly line: number; readonly instrument: string; readonly instrumentVersion: number }[]
    },
  ): Promise<{ readonly file: string; readonly left: readonly number[] }>
  /** What a file of results says. `refused`: nothing of it is believed; `line` 0: it does not even open. `lines`: those that were asked. */
  readAdvices(input: RunOfCards & { readonly file: string; readonly lines: readonly number[] }): Promise<AdvicesRead>
  /** Seals what these lines tell anew (A and E) as versions of their instruments. Undefined: there is nothing to seal it from. */
  sealAdvices(
    input: RunOfCards & {
      readonly file: string
      readonly lines: readonly number[]
      readonly wanted: readonly {
        readonly line: number
        readonly instrument: string
        /** The version that was asked about, and the one that is made. */
        readonly from: number
        readonly instrumentVersion: number
      }[]
    },
  ): Promise<readonly { readonly line: number; readonly card: Captured | undefined }[]>
  /** The same number under a new version with another expiry, because somebody told so. The same words again get the same answer. */
  renew(
    input: CardOwner & { readonly from: number; readonly expiry: ExpiryTold; readonly operation: string },
  ): Promise<Captured | undefined>
}
export type AdvicesRead =
  | {
      readonly kind: 'read'
      readonly advices: readonly { readonly line: number; readonly advice: Advice; readonly last4?: string; readonly expiry?: ExpiryTold }[]
    }
  | { readonly kind: 'refused'; readonly line: number; readonly detail: string }

/** A new id from the world's clock and chance. `near`: an id whose home it shares. */
export function nextId(world: Pick<World, 'now' | 'random'>, prefix: IdPrefix, near?: string): string {
  return newId(prefix, world.now(), world.random(idBytes), near)
}

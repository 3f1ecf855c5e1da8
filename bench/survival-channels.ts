/**
 * The channels of the survival world as Bindery meets them: they bind, refresh, update and revoke, and what they hold of a card is one version of
 * it. Whether that is good is for the model to say when it is charged.
 */
import type { Channel, ChannelName, Shown, Source, UpdateInput, UpdateOutcome } from '../src/channels/channel.ts'
import type { Captured } from '../src/world/world.ts'
import { currentVersion, daysOfMonth, type Model, type Subject, type Version, within } from './survival-model.ts'

export type ModelChannel = 'primary' | 'second'
export const channelNames: readonly ModelChannel[] = ['primary', 'second']

/** 2026-01-01 */
const startMs = Date.UTC(2026, 0, 1)
export const dayMs = 24 * 3_600_000
export const atDay = (day: number): number => startMs + day * dayMs
const tokenDays = 12 * daysOfMonth

export type Held = { readonly subject: Subject; version: number; lapses: number }
/** What the channels hold, by token; `day` is today. */
export type Books = {
  day: number
  readonly model: Model
  readonly held: Map<string, Held>
  readonly subjects: Map<string, Subject>
  readonly tokens: Record<ModelChannel, Map<number, string>>
}

export const createBooks = (model: Model): Books => ({
  day: 0,
  model,
  held: new Map(),
  subjects: new Map(),
  tokens: { primary: new Map(), second: new Map() },
})

/** The end of the card's last month, by the calendar: it is never called over while the model still lets it live. */
export function shownOf({ number, expiry }: Version): Required<Pick<Shown, 'last4' | 'expiryMonth' | 'expiryYear'>> {
  const last = new Date(atDay(expiry * daysOfMonth - 1))
  return { last4: String(number).padStart(4, '0'), expiryMonth: last.getUTCMonth() + 1, expiryYear: last.getUTCFullYear() }
}

export const capturedCard = (subject: Subject, day: number): Captured => {
  const version = subject.versions[currentVersion(subject, day)] ?? subject.versions[0]
  if (version === undefined) throw new TypeError('a card without a version')
  const card = { brand: 'visa', bin: '411111', ...shownOf(version), securityCode: true, holder: false }
  return { kind: 'card', fingerprint: `ifp_${subject.index}_${version.number}`, card }
}

/** The version that is meant: what we believe of a card is told by its end and its last four digits. */
function versionOf(subject: Subject, source: Source | Shown): number {
  const card = 'type' in source ? (source.type === 'card' ? source.card : undefined) : source
  if (card === undefined) return 0
  const found = subject.versions.findIndex(one => {
    const shown = shownOf(one)
    return shown.last4 === card.last4 && shown.expiryMonth === card.expiryMonth && shown.expiryYear === card.expiryYear
  })
  return Math.max(found, 0)
}

const forever = { kind: 'keyed', windowMs: 365 * dayMs, keyLengthMax: 255 } as const

export function modelChannel(name: ModelChannel, books: Books): Channel {
  const closed = (): boolean => within(books.day, books.model.outages[name])
  const uncertain = { kind: 'uncertain', cause: 'the channel is closed' } as const
  return {
    name,
    title: name,
    proof: { rank: 'documentation', source: 'survival-model.ts' },
    repeat: { bind: forever, refresh: forever, update: forever, revoke: forever },
    ways: [
      { kind: 'card', shape: 'direct' },
      { kind: 'bank_account', shape: 'direct' },
      { kind: 'wallet', shape: 'redirect' },
    ],
    currencies: new Map([['EUR', 2]]),
    refusals: new Map(),
    sandboxValues: [],
    requestsPerSecondMax: 1_000_000,
    account: { secrets: [], settings: [] },
    bind: async (call, input) => {
      const subject = books.subjects.get(input.customer)
      if (subject === undefined) throw new TypeError(`no subject for ${input.customer}`)
      const token = `${name}_${call.operation}`
      const lapses = subject.kind === 'wallet' ? books.day + tokenDays : Number.POSITIVE_INFINITY
      const version = subject.kind === 'mandate' ? currentVersion(subject, books.day) : versionOf(subject, input.source)
      const held: Held = { subject, version, lapses }
      books.held.set(token, held)
      books.tokens[name].set(subject.index, token)
      const shown =
        subject.kind === 'card' ? { shown: shownOf(subject.versions[held.version] ?? { number: 0, expiry: 1, from: 0, until: 0 }) } : {}
      return { kind: 'bound', token, references: {}, ...shown, ...lifeOf(held) }
    },
    refresh: async (_call, { token }) => {
      const held = books.held.get(token)
      if (closed()) return uncertain
      if (held === undefined || books.day >= held.subject.endsAt || books.day >= held.lapses) return { kind: 'revoked' }
      held.lapses = books.day + tokenDays
      return { kind: 'updated', ...lifeOf(held) }
    },
    // Only the first channel can be told a card's new end; at the second it is bound again.
    ...(name === 'primary' ? { update: (_call, { token, card }) => Promise.resolve(takeOver(books, closed(), token, card)) } : {}),
    revoke: async (_call, { token }) => {
      books.held.delete(token)
      return { kind: 'revoked' }
    },
  }
}

/** What a channel says to the end of a card that it did not know: only the issuer's own is taken. */
function takeOver(books: Books, closed: boolean, token: string, card: UpdateInput['card']): UpdateOutcome {
  const held = books.held.get(token)
  if (closed) return { kind: 'uncertain', cause: 'the channel is closed' }
  if (held === undefined) return { kind: 'revoked' }
  held.version = Math.max(held.version, versionOf(held.subject, card))
  const version = held.subject.versions[held.version]
  return { kind: 'updated', ...(version === undefined ? {} : { shown: shownOf(version) }) }
}

/** A wallet's token: refreshed from four weeks before it lapses. */
const lifeOf = ({ lapses }: Held) => (Number.isFinite(lapses) ? { validUntilMs: atDay(lapses), refreshAtMs: atDay(lapses - 28) } : {})

export type Answer = 'approved' | 'declined' | 'closed'
/** What the channel says to a charge of this token today. */
export function present(books: Books, name: ModelChannel, token: string, works: (held: Held) => boolean): Answer {
  const held = books.held.get(token)
  if (within(books.day, books.model.outages[name])) return 'closed'
  return held !== undefined && books.day < held.lapses && works(held) ? 'approved' : 'declined'
}

export const isModelChannel = (name: ChannelName): name is ModelChannel => name === 'primary' || name === 'second'

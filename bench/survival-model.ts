/**
 * The world in which instruments survive or do not: what issuers, banks and wallets do to them over two years, drawn from one seed before any way
 * of keeping them is looked at. Every rate is published or said to be a guess; none was chosen after seeing a result.
 *
 * Cards. About 40 % of cardholders get a new card in a year (Stripe, "network tokens and card account updater", 2023). Here: cards are valid for 48
 * months, so a quarter end in a year and 93 % of these are renewed under the same number; and 15 % are lost, stolen or in a breach and come back
 * under a new number three days later (guess: what is left of the 40 %). 3 % of accounts are closed in a year, and 5 % of cards are frozen
 * once, for 3 to 30 days (guesses).
 * Issuers. Whether one takes part in updating is drawn once and holds for every channel, every batch and every network token. Which of those
 * that do a channel's updater reaches differs: the primary channel 85 %, the second 75 %, the networks' own batch 95 % (guesses; Spreedly,
 * Stripe and Adyen publish none). What is reached comes late: 1 to 5 days, 3 to 12, and by the batch of the 1st and the 15th 5 to 6 days after it
 * (Spreedly). Of what should come 2, 4 and 3 % never do.
 * Mandates. 6 % are revoked by their payer in a year, 3 % move to another bank and get another mandate, 4 % are paused for 30 to 60 days, 1 % are
 * cancelled by mistake and reinstated after ten days (guesses; the kinds of news are GoCardless').
 * Wallets. 8 % are unlinked in a year (guess). A token lives for twelve months and may be refreshed in the last of them (Antom).
 * Channels. Three outages a year each, of 2 to 36 hours; 0.3 % of charges are carried out although no answer comes.
 */
export const months = 24
export const daysOfMonth = 30
export const days = months * daysOfMonth

export type Kind = 'card' | 'mandate' | 'wallet'
/** Works from the day it was issued until, not including, the day it ends. `expiry`: in months since the beginning. */
export type Version = { readonly number: number; readonly expiry: number; readonly from: number; readonly until: number }
export type Span = { readonly from: number; readonly until: number }
export type Subject = {
  readonly index: number
  readonly kind: Kind
  readonly issuer: number
  /** Of a card, in order; of a mandate each is another mandate. */
  readonly versions: readonly Version[]
  /** Declined, and well again afterwards. */
  readonly frozen: readonly Span[]
  /** From here on nothing brings it back without its owner; Infinity: never. */
  readonly endsAt: number
  /** Cancelled by mistake and reinstated. */
  readonly mistaken?: Span
  /** The day of each month on which it is charged. */
  readonly chargedOn: number
  /** Whether a network would give a token for it, if its issuer takes part. */
  readonly tokenisable: boolean
}

export const updaters = ['primary', 'second', 'batch'] as const
export type Updater = (typeof updaters)[number]
const reach: Readonly<Record<Updater, number>> = { primary: 0.85, second: 0.75, batch: 0.95 }
const lost: Readonly<Record<Updater, number>> = { primary: 0.02, second: 0.04, batch: 0.03 }
const delay: Readonly<Record<Updater, readonly [number, number]>> = { primary: [1, 5], second: [3, 12], batch: [5, 6] }

export type Model = {
  readonly seed: number
  readonly participation: number
  readonly subjects: readonly Subject[]
  /** When this updater tells of this version of this subject; undefined: never. */
  readonly told: (updater: Updater, subject: Subject, version: number) => number | undefined
  /** Whether the network keeps a token for it. */
  readonly tokenised: (subject: Subject) => boolean
  readonly takesPart: (subject: Subject) => boolean
  readonly outages: Readonly<Record<'primary' | 'second', readonly Span[]>>
  /** Whether the answer to this charge is lost although it was carried out. */
  readonly answerLost: (subject: Subject, month: number) => boolean
}

const issuers = 300
const shares: readonly (readonly [Kind, number])[] = [
  ['card', 0.65],
  ['mandate', 0.2],
  ['wallet', 0.15],
]

export function createModel(of: { readonly seed: number; readonly count: number; readonly participation: number }): Model {
  const { seed, participation } = of
  // Drawn against one number each, so that at 90 % those that take part at 50 % do so too.
  const takesPart = (subject: Subject): boolean => chance(seed, 'takes part', subject.issuer) < participation
  const reached = (updater: Updater, subject: Subject): boolean =>
    takesPart(subject) && chance(seed, `reach ${updater}`, subject.issuer) < reach[updater]
  const subjects = Array.from({ length: of.count }, (_, index) => subjectOf(seed, index))
  return {
    seed,
    participation,
    subjects,
    takesPart,
    told: (updater, subject, version) => {
      const issued = subject.versions[version]
      if (issued === undefined || subject.kind !== 'card' || !reached(updater, subject)) return undefined
      if (chance(seed, `lost ${updater}`, subject.index, version) < lost[updater]) return undefined
      const [least, most] = delay[updater]
      const late = least + Math.floor(chance(seed, `delay ${updater}`, subject.index, version) * (most - least + 1))
      return (updater === 'batch' ? nextBatch(issued.from) : issued.from) + late
    },
    tokenised: subject => subject.kind === 'card' && subject.tokenisable && takesPart(subject),
    outages: { primary: outagesOf(seed, 'primary'), second: outagesOf(seed, 'second') },
    answerLost: (subject, month) => chance(seed, 'answer lost', subject.index, month) < 0.003,
  }
}

/** The 1st or the 15th, whichever comes first. */
const nextBatch = (day: number): number => {
  const at = day % daysOfMonth
  return day - at + (at === 0 ? 0 : at <= 14 ? 14 : daysOfMonth)
}

export const within = (day: number, spans: readonly Span[]): boolean => spans.some(one => day >= one.from && day < one.until)

/** Whether what a channel holds of it, this version, is good on that day. */
export function works(subject: Subject, version: number, day: number): boolean {
  const held = subject.versions[version]
  if (held === undefined || day < held.from || day >= held.until || day >= subject.endsAt) return false
  return !within(day, subject.frozen) && !(subject.mistaken !== undefined && within(day, [subject.mistaken]))
}

/** The one its owner has. */
export const currentVersion = (subject: Subject, day: number): number => subject.versions.findLastIndex(one => one.from <= day)

function subjectOf(seed: number, index: number): Subject {
  const roll = (what: string, ...of: readonly number[]): number => chance(seed, what, index, ...of)
  const kind = kindOf(roll('kind'))
  const base = {
    index,
    kind,
    issuer: Math.floor(roll('issuer') * issuers),
    chargedOn: Math.floor(roll('charged on') * 28),
    tokenisable: roll('tokenisable') < 0.9,
  }
  const year = 12 * daysOfMonth
  const dayIn = (what: string, yearly: number): number => -Math.log(1 - roll(what)) * (year / yearly)
  const onceIn = (what: string, yearly: number, least: number, most: number): Span[] => {
    const from = Math.floor(dayIn(what, yearly))
    return from >= days ? [] : [{ from, until: from + least + Math.floor(roll(`${what} for`) * (most - least)) }]
  }
  switch (kind) {
    case 'card': {
      const { versions, endsAt } = versionsOf(roll)
      return { ...base, versions, endsAt: Math.min(endsAt, Math.floor(dayIn('closed', 0.03))), frozen: onceIn('frozen', 0.05, 3, 30) }
    }
    case 'mandate': {
      const moved = Math.floor(dayIn('moved', 0.03))
      const first = { number: 0, expiry: 0, from: -1, until: moved < days ? moved : Number.POSITIVE_INFINITY }
      const versions = moved < days ? [first, { number: 1, expiry: 0, from: moved, until: Number.POSITIVE_INFINITY }] : [first]
      const [mistaken] = onceIn('mistaken', 0.01, 10, 10)
      const frozen = onceIn('paused', 0.04, 30, 60)
      return { ...base, versions, endsAt: Math.floor(dayIn('revoked', 0.06)), frozen, ...(mistaken === undefined ? {} : { mistaken }) }
    }
    case 'wallet':
      return {
        ...base,
        versions: [{ number: 0, expiry: 0, from: -1, until: Number.POSITIVE_INFINITY }],
        endsAt: Math.floor(dayIn('unlinked', 0.08)),
        frozen: [],
      }
  }
}

function kindOf(roll: number): Kind {
  let sum = 0
  for (const [kind, share] of shares) {
    sum += share
    if (roll < sum) return kind
  }
  return 'wallet'
}

/** One card after the other: each ends with its month or is lost before, whichever comes first. */
function versionsOf(roll: (what: string, ...of: readonly number[]) => number): { versions: readonly Version[]; endsAt: number } {
  const versions: Version[] = []
  let [number, from, expiry] = [0, -1, 1 + Math.floor(roll('expiry') * 48)]
  for (let k = 0; ; k += 1) {
    const lostOn = Math.max(from, 0) + Math.floor(-Math.log(1 - roll('lost', k)) * ((12 * daysOfMonth) / 0.15))
    const ends = expiry * daysOfMonth
    const until = Math.min(lostOn, ends)
    versions.push({ number, expiry, from, until })
    if (until >= days) return { versions, endsAt: Number.POSITIVE_INFINITY }
    if (lostOn < ends) {
      ;[number, from, expiry] = [number + 1, lostOn + 3, Math.floor(lostOn / daysOfMonth) + 48]
    } else {
      if (roll('renewed', k) >= 0.93)
        return { versions, endsAt: ends }
        // Sent three weeks before the old one ends.
      ;[from, expiry] = [Math.max(from + 1, ends - 21), expiry + 48]
    }
  }
}

function outagesOf(seed: number, channel: string): readonly Span[] {
  return Array.from({ length: 6 }, (_, i) => {
    const from = chance(seed, `outage ${channel}`, i) * days
    return { from, until: from + (2 + chance(seed, `outage ${channel} for`, i) * 34) / 24 }
  })
}

/** A number from 0 to 1 for what it is asked for, always the same: FNV-1a over the name, then the mixing of SplitMix32. */
export function chance(seed: number, what: string, ...of: readonly number[]): number {
  let hash = 0x811c9dc5 ^ seed
  for (const unit of `${what} ${of.join(' ')}`) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad)
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97)
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x1_0000_0000
}

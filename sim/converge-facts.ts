/** Facts drawn by chance: every kind of news that a channel can tell, every kind that is told of an instrument itself, at any moment. */
import type { Action, News, References, Shown } from '../src/channels/channel.ts'
import { refusalCategories } from '../src/channels/refusal.ts'
import type { AnyNews } from '../src/instruments/binding.ts'
import type { Expiry } from '../src/instruments/expiry.ts'
import type { NewFact } from '../src/instruments/fact.ts'
import { advices, networkTokenStatuses, type OwnKind, type OwnNews } from '../src/instruments/own.ts'
import type { BindingRow, OperationRow } from '../src/instruments/tables.ts'
import type { NewOwnFact } from '../src/instruments/tell.ts'
import type { Dice } from './converge-dice.ts'

/** 2026-01-01T00:00:00Z */
export const startMs = 1_767_225_600_000
const minute = 60_000

const expiries: readonly Expiry[] = [
  { year: 2026, month: 2 },
  { year: 2028, month: 7 },
  { year: 2030, month: 3 },
  { year: 2031, month: 12 },
]

/** Of a binding that is told about: the names its channel has for it. `token`: also of another binding, if the channel gives one per card. */
export type About = { readonly binding: BindingRow; readonly operation: OperationRow; readonly token: string }

export const newsKinds = [
  'bound',
  'challenged',
  'verifying',
  'refused',
  'revoked',
  'revoking',
  'suspended',
  'resumed',
  'updated',
  'expired',
  'reinstated',
] as const satisfies readonly News['kind'][]
type NewsKind = (typeof newsKinds)[number]

const moments = (dice: Dice) => ({
  atMs: startMs - dice.pick(12) * minute,
  ...(dice.chance() < 0.3 ? { sequence: dice.pick(6) } : {}),
})

/** Now and then nothing is shown; expiry and last four change together, as with a reissued card, or the expiry alone. */
function shownBy(dice: Dice): { shown?: Shown } {
  if (dice.chance() < 0.4) return {}
  const { year, month } = dice.one(expiries)
  return { shown: { expiryYear: year, expiryMonth: month, ...(dice.chance() < 0.6 ? { last4: dice.one(['1111', '2222', '3333']) } : {}) } }
}

const references = (dice: Dice, { binding }: About): References => ({
  reference: `ref_${binding.id.slice(-6)}_${dice.pick(3)}`,
  ...(dice.chance() < 0.3 ? { mandate: `man_${binding.id.slice(-6)}_${dice.pick(2)}` } : {}),
})

const actions = (dice: Dice): Action =>
  dice.chance() < 0.5
    ? { type: 'redirect', url: `https://bank.example/${dice.pick(3)}`, method: 'GET' }
    : { type: 'await', where: dice.one(['bank_app', 'text_message']) }

const validity = (dice: Dice): { validUntilMs?: number; refreshAtMs?: number } =>
  dice.chance() < 0.7
    ? {}
    : { validUntilMs: startMs + (2 + dice.pick(3)) * 3_600_000, refreshAtMs: startMs + (1 + dice.pick(3)) * 3_600_000 }

function newsOf(dice: Dice, kind: NewsKind, about: About): News {
  const token = dice.chance() < 0.85 ? about.token : `${about.token}_${dice.pick(2)}`
  switch (kind) {
    case 'bound':
      return {
        kind,
        token,
        references: references(dice, about),
        ...shownBy(dice),
        ...validity(dice),
        ...(dice.chance() < 0.5 ? { identity: { kind: 'wallet', value: dice.chance() < 0.8 ? 'wallet_one' : 'wallet_other' } } : {}),
        ...(dice.chance() < 0.3 ? { networkTransactionId: `nti_${dice.pick(2)}` } : {}),
      }
    case 'challenged':
      return { kind, action: actions(dice), references: references(dice, about) }
    case 'verifying':
      return { kind, references: references(dice, about) }
    case 'refused':
      return {
        kind,
        by: dice.one(['issuer', 'channel']),
        category: dice.one(refusalCategories),
        code: `code_${dice.pick(3)}`,
        elsewhere: false,
        references: references(dice, about),
      }
    case 'updated':
      return { kind, ...shownBy(dice), ...validity(dice), ...(dice.chance() < 0.3 ? { token } : {}) }
    case 'suspended':
      return { kind, reason: dice.one(['blocked', 'mandate_pending']) }
    case 'revoked':
      return { kind, ...(dice.chance() < 0.5 ? { reason: dice.one(['mandate_inactive', 'card_closed']) } : {}) }
    case 'reinstated':
      return { kind, evidence: dice.one(['bank_took_it_back', 'cancelled_in_error']), ...(dice.chance() < 0.5 ? { token } : {}) }
    default:
      return { kind }
  }
}

/** The channel's own notice. Some echo the operation that began the binding, for years. */
export function channelFact(dice: Dice, about: About, number: number, kind: NewsKind = dice.one(newsKinds)): NewFact {
  return {
    source: `${about.binding.channel}:test`,
    event: `evt_${about.binding.id.slice(-6)}_${number}`,
    news: newsOf(dice, kind, about),
    rank: 2,
    ...(dice.chance() < 0.8 ? { moment: moments(dice) } : {}),
    ...(dice.chance() < 0.5 ? { operation: about.operation.id } : {}),
  }
}

/** What the call itself answered: one of each kind at most. */
export function answerFact(dice: Dice, about: About, kind: 'bound' | 'challenged' | 'verifying' | 'refused'): NewFact {
  return {
    source: `${about.binding.channel}:test`,
    event: `${about.operation.id}:${kind}`,
    news: newsOf(dice, kind, about),
    rank: 1,
    operation: about.operation.id,
  }
}

/** Our own patience ended. */
export const abandonedFact = ({ operation }: About): NewFact => ({
  source: 'bindery',
  event: `${operation.id}:abandoned`,
  news: { kind: 'abandoned', reason: 'challenge took too long' } satisfies AnyNews,
  rank: 3,
  operation: operation.id,
})

const ownSources = ['updater:vau', 'updater:abu', 'network', 'tenant', 'clock'] as const
/** `erased` is told by an erasure alone, in the commit that rewrites all rows (instruments/tombstone.ts). */
const ownKinds: Readonly<Record<(typeof ownSources)[number], readonly OwnKind[]>> = {
  'updater:vau': ['advised'],
  'updater:abu': ['advised'],
  network: ['network_token'],
  tenant: ['blocked', 'unblocked', 'blocked', 'unblocked', 'replaced', 'merged', 'erasing'],
  clock: ['expiring', 'lapsed'],
}

export const ownKindsDrawn: readonly string[] = [...new Set(Object.values(ownKinds).flat())]

function ownNews(dice: Dice, kind: OwnKind): OwnNews {
  switch (kind) {
    case 'expiring':
    case 'lapsed':
      return { kind, about: dice.one(expiries) }
    case 'advised': {
      const advice = dice.one(advices)
      const about = dice.chance() < 0.7 ? { about: dice.one(expiries) } : {}
      const renewed = {
        ...(dice.chance() < 0.8 ? { expiry: dice.one(expiries) } : {}),
        ...(advice === 'A' ? { last4: dice.one(['4444', '5555']), cardVersion: 2 + dice.pick(3) } : {}),
      }
      return { kind, advice, ...about, ...(advice === 'A' || advice === 'E' ? renewed : {}) }
    }
    case 'network_token':
      return {
        kind,
        status: dice.one(networkTokenStatuses),
        reference: dice.one(['tok_a', 'tok_b']),
        ...(dice.chance() < 0.4 ? { last4: dice.one(['7777', '8888']), expiry: dice.one(expiries) } : {}),
      }
    case 'blocked':
      return { kind, reason: dice.one(['fraud', 'asked']) }
    case 'replaced':
      return { kind, by: dice.one(['ins_one', 'ins_other']) }
    case 'merged':
      return { kind, into: dice.one(['ins_one', 'ins_other']) }
    case 'unblocked':
    case 'erasing':
    case 'erased':
      return { kind }
    default:
      throw new TypeError(`${kind} is drawn by nobody`)
  }
}

/** Ends are rare: after one of them nothing much can be seen. */
export function ownFact(dice: Dice, number: number): NewOwnFact {
  const source = dice.one(ownSources)
  const drawn = dice.one(ownKinds[source])
  const kind = ['replaced', 'merged', 'erasing'].includes(drawn) && dice.chance() < 0.8 ? 'blocked' : drawn
  return {
    source,
    event: `own_${number}`,
    news: ownNews(dice, kind),
    at: startMs - dice.pick(12) * minute,
    ...(dice.chance() < 0.4 ? { sequence: dice.pick(6) } : {}),
  }
}

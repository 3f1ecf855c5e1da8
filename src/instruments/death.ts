/**
 * The death of a binding whose instrument lives: its channel revoked or forgot the token, or it expired. Not what we gave up, nor what the
 * customer did. Each death is one row, made in the commit that learned of it; `heal.ts` attends it.
 */
import type { ChannelName } from '../channels/channel.ts'
import { refusalCatalogue } from '../channels/refusal.ts'
import { int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import type { Minds, Rows } from './decide.ts'
import { ended } from './instrument.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

/** due: to be attended · trying: bound anew, and its answer is waited for · healed · asked: the customer was, once · over: nothing is to be done */
export const deathStatuses = ['due', 'trying', 'healed', 'asked', 'over'] as const
export type DeathStatus = (typeof deathStatuses)[number]

/** A channel where it was tried, once; `at` by the customer's clock. Counted before it is made. */
export type Attempt = { readonly channel: ChannelName; readonly at: number }

export const deaths = table(
  'deaths',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    customer: text(),
    instrument: text(),
    binding: text(),
    channel: text<ChannelName>(),
    status: text<DeathStatus>(),
    tried: json<readonly Attempt[]>(),
    /** Why it ended so. */
    cause: maybe(text()),
    created_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { deaths_instrument: ['instrument', 'tenant'] },
    checks: {
      deaths_status: row => deathStatuses.includes(row.status),
      deaths_due_said: row => (row.due_at === null) === (row.status !== 'due' && row.status !== 'trying'),
    },
  },
)
export type DeathRow = Row<typeof deaths>

/** What else the channel has to say about it (a successor, a correction) usually comes with it. */
const settleMs = 10 * 60_000

/** Undefined: it did not die, or it was given up. */
export function planDeath(before: Rows, after: BindingRow, minds: Minds): DeathRow | undefined {
  const { instrument, binding } = before
  const lived = binding.status === 'active' || binding.status === 'suspended'
  const died = after.status === 'revoked' || after.status === 'expired'
  const givenUp = instrument.unbound_at !== null || before.operations.some(one => one.verb === 'revoke')
  if (!lived || !died || givenUp) return undefined
  return {
    tenant: binding.tenant,
    id: minds.mint('dth', binding.customer),
    mode: binding.mode,
    customer: binding.customer,
    instrument: binding.instrument,
    binding: binding.id,
    channel: binding.channel,
    status: 'due',
    tried: [],
    cause: null,
    created_at: minds.customerNow,
    due_at: minds.customerNow + settleMs,
    clock: instrument.clock,
    version: 1,
  }
}

/** Attempts for one instrument in thirty days, over all its deaths: who is asked more often than that takes notice. */
export const attemptsMax = 3
const budgetMs = 30 * 24 * 3_600_000
/** Until the next channel is tried: an hour, then two, then four. */
export const backoffOf = (death: Pick<DeathRow, 'tried'>): number => 3_600_000 * 2 ** Math.max(0, death.tried.length - 1)

export type Healing =
  | { readonly do: 'over'; readonly status: 'over' | 'healed'; readonly cause: string }
  | { readonly do: 'wait' }
  | { readonly do: 'try'; readonly channel: ChannelName }
  | { readonly do: 'ask'; readonly cause: string }

/** `open`: channels that may be tried, the dead one's own first. `deaths`: all of this instrument. */
export function nextHealing(
  of: {
    readonly death: DeathRow
    readonly instrument: InstrumentRow
    readonly bindings: readonly BindingRow[]
    readonly deaths: readonly DeathRow[]
    readonly sealed: boolean
    readonly open: readonly ChannelName[]
  },
  now: number,
): Healing {
  const { death, instrument, bindings } = of
  const dead = bindings.find(one => one.id === death.binding)
  const stays = lastWord(instrument)
  if (stays !== undefined) return { do: 'over', status: 'over', cause: stays }
  if (dead === undefined || (dead.status !== 'revoked' && dead.status !== 'expired'))
    return { do: 'over', status: 'healed', cause: 'it lives again' }
  // It was tried where nothing held the slot, so whatever holds it now is newer.
  const tried = new Set([death.channel, ...death.tried.map(one => one.channel)])
  const others = bindings.filter(one => one.id !== dead.id && one.slot !== null && tried.has(one.channel))
  if (others.some(one => one.status === 'active' || one.status === 'suspended'))
    return { do: 'over', status: 'healed', cause: 'it is bound anew' }
  const waiting = others.find(one => one.status === 'initiated' || one.status === 'verifying' || one.status === 'uncertain')
  if (waiting !== undefined) return { do: 'wait' }
  if (others.some(one => one.status === 'challenge')) return { do: 'ask', cause: 'the customer has to prove who they are' }
  const no = bindings.filter(one => one.refusal?.by === 'issuer')
  if (no.some(isForGood)) return { do: 'over', status: 'over', cause: 'the issuer refused for good' }
  if (no.some(one => death.tried.some(attempt => attempt.channel === one.channel))) return { do: 'ask', cause: 'the issuer refused' }
  if (customersWord.test(dead.reason ?? '')) return { do: 'over', status: 'over', cause: `the customer gave it up: ${dead.reason}` }
  if (!of.sealed) return { do: 'ask', cause: 'it cannot be bound without the customer' }
  const lately = of.deaths.flatMap(one => one.tried).filter(one => now - one.at < budgetMs).length
  if (lately >= attemptsMax) return { do: 'ask', cause: 'it was tried often enough' }
  const channel = of.open.find(name => !death.tried.some(one => one.channel === name))
  return channel === undefined ? { do: 'ask', cause: 'no channel is left' } : { do: 'try', channel }
}

/** Where nothing is to be healed, and why. That no channel holds it any more is what is to be healed. */
function lastWord({ status, unbound_at, own, reasons }: InstrumentRow): string | undefined {
  if (unbound_at !== null) return 'it was unbound'
  if (ended.includes(status) && status !== 'unbound') return `it is ${status}`
  if (own.blocked !== undefined) return 'it is blocked'
  return reasons.find(one => one === 'card_lapsed' || one === 'account_closed')
}

/** `customer_canceled`, `cancelled_by_payer`: whoever owns it took it back, and is not bound anew without being asked. */
const customersWord = /customer|payer|cardholder|shopper|fraud|stolen|lost/i

const isForGood = ({ refusal }: BindingRow): boolean => refusal !== null && refusalCatalogue[refusal.category].retry === 'never'

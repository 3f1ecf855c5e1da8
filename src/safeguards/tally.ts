/** Counting in sliding windows: sub-windows are rows, a window is the sum of those that reach into it. */
import { type Add, add } from '../world/store.ts'
import type { Mode } from '../world/world.ts'
import { type CountRow, safeguardCounts } from './tables.ts'

export type Tally = { readonly attempts: number; readonly declines: number; readonly denied: number }
export const nothing: Tally = { attempts: 0, declines: 0, denied: 0 }

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/**
 * Per kind: how long a sub-window is, and how long its row is wanted. A window is too long by one sub-window at most, never too short. What
 * many share (leading digits, a tenant) is counted finely for the hour and coarsely for the week, so that few rows have to be read.
 */
export const kinds = {
  customer: { slotMs: 10 * minute, keepMs: 7 * day },
  device: { slotMs: 10 * minute, keepMs: day },
  address: { slotMs: 2 * minute, keepMs: 2 * hour },
  subnet: { slotMs: 10 * minute, keepMs: day },
  autonomous_system: { slotMs: 2 * minute, keepMs: hour },
  bin: { slotMs: 5 * minute, keepMs: 2 * hour },
  bin_week: { slotMs: 6 * hour, keepMs: 7 * day },
  tenant: { slotMs: minute, keepMs: hour },
} as const
export type Kind = keyof typeof kinds
/** `<kind>:<name>` */
export type Value = `${Kind}:${string}`

const isKind = (text: string): text is Kind => text in kinds
export function kindOf(value: string): Kind {
  const kind = value.slice(0, value.indexOf(':'))
  if (!isKind(kind)) throw new TypeError(`nothing is counted as ${kind}`)
  return kind
}

/** Counted downwards, so that a page of rows in key order begins with the newest. */
export const slotOf = (kind: Kind, atMs: number): number => -Math.floor(atMs / kinds[kind].slotMs)
/** The oldest sub-window that reaches into a window which ends now. */
const oldestOf = (kind: Kind, nowMs: number, windowMs: number): number => slotOf(kind, nowMs - windowMs)

/** What was counted in the window that ends now. */
export function tally(kind: Kind, rows: readonly CountRow[], nowMs: number, windowMs: number): Tally {
  const oldest = oldestOf(kind, nowMs, windowMs)
  let [attempts, declines, denied] = [0, 0, 0]
  for (const row of rows) {
    if (row.slot > oldest) continue
    attempts += row.attempts
    declines += row.declines
    denied += row.denied
  }
  return { attempts, declines, denied }
}

export type Owner = { readonly tenant: string; readonly mode: Mode }

/**
 * One addition to the sub-window of now. `max`: of attempts in a window; more are refused by the store itself, however many commit at once:
 * past sub-windows stand still, so what is left of the window bounds the present one.
 */
export function count(
  owner: Owner,
  value: string,
  amounts: Partial<Tally>,
  nowMs: number,
  most?: { readonly rows: readonly CountRow[]; readonly limits: readonly { readonly max: number; readonly windowMs: number }[] },
): Add {
  const kind = kindOf(value)
  const slot = slotOf(kind, nowMs)
  const big = Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, BigInt(amount)]))
  const { slotMs, keepMs } = kinds[kind]
  return add(safeguardCounts, { value, slot, mode: owner.mode, tenant: owner.tenant }, big, {
    create: { due_at: (1 - slot) * slotMs + keepMs, clock: null },
    ...(most === undefined ? {} : { bounds: { attempts: { max: BigInt(roomIn(kind, slot, nowMs, most)) } } }),
  })
}
export const countsBound = 'safeguard_counts_attempts_bound'

function roomIn(kind: Kind, slot: number, nowMs: number, { rows, limits }: NonNullable<Parameters<typeof count>[4]>): number {
  const past = rows.filter(row => row.slot > slot)
  return limits.reduce(
    (room, { max, windowMs }) => Math.min(room, Math.max(0, max - tally(kind, past, nowMs, windowMs).attempts)),
    2 ** 31 - 1,
  )
}

/** Of a hundred attempts, how many were declined. */
export const declinedPct = ({ attempts, declines }: Tally): number => (attempts === 0 ? 0 : Math.round((100 * declines) / attempts))

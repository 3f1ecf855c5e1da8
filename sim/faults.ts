/** What goes wrong in a simulated world, how often, and how often it did. Drawn anew for every seed, so that seeds differ in character. */
import type { Scheduler } from './scheduler.ts'

export type FaultName =
  | 'crash_before'
  | 'crash_after'
  | 'vault_crash'
  | 'commit_lost_before'
  | 'commit_lost_after'
  | 'request_lost'
  | 'answer_lost'
  | 'channel_error_before'
  | 'channel_error_after'
  | 'rate_limited'
  | 'answer_html'
  | 'answer_half'
  | 'answer_empty'
  | 'answer_error_200'
  | 'answer_about_other'
  | 'answer_wrong_money'
  | 'answer_slow'
  | 'answer_drips'
  | 'channel_dead'
  | 'webhook_duplicate'
  | 'webhook_late'
  | 'webhook_reordered'
  | 'webhook_forged'
  | 'webhook_contradictory'
  | 'webhook_partial'
  | 'receiver_down'
  | 'door_closed'
  | 'clock_step'

export type Faults = {
  /** Whether it happens now; counted. Never once healed. */
  strikes(name: FaultName): boolean
  /** Counts one that was brought about elsewhere. */
  count(name: FaultName): void
  heal(): void
  readonly counts: ReadonlyMap<FaultName, number>
}

/** Upper bounds of each fault's rate per opportunity; a seed draws its own below them. */
const ratesMax: Readonly<Record<FaultName, number>> = {
  crash_before: 0.006,
  crash_after: 0.006,
  vault_crash: 0.003,
  commit_lost_before: 0.02,
  commit_lost_after: 0.02,
  request_lost: 0.08,
  answer_lost: 0.12,
  channel_error_before: 0.05,
  channel_error_after: 0.08,
  rate_limited: 0.05,
  answer_html: 0.04,
  answer_half: 0.04,
  answer_empty: 0.03,
  answer_error_200: 0.03,
  answer_about_other: 0.02,
  answer_wrong_money: 0.03,
  answer_slow: 0.02,
  answer_drips: 0.02,
  // Once a minute and channel.
  channel_dead: 0.02,
  webhook_duplicate: 0.3,
  webhook_late: 0.3,
  webhook_reordered: 0.3,
  webhook_forged: 0.1,
  webhook_contradictory: 0.03,
  webhook_partial: 0.5,
  receiver_down: 0.3,
  door_closed: 0.05,
  // Once a minute.
  clock_step: 0.3,
}

const isFault = (name: string): name is FaultName => name in ratesMax

/** `never`: those that do not happen at all in this run. */
export function createFaults(scheduler: Scheduler, never: readonly FaultName[] = []): Faults {
  const rates = new Map<FaultName, number>()
  // One seed in four is calm in any one respect, so that each fault is also met alone.
  for (const [name, max] of Object.entries(ratesMax))
    if (isFault(name)) rates.set(name, scheduler.chance() < 0.25 ? 0 : scheduler.chance() * max)
  const counts = new Map<FaultName, number>()
  let healed = false
  const count = (name: FaultName) => counts.set(name, (counts.get(name) ?? 0) + 1)
  return {
    strikes(name) {
      if (healed || scheduler.chance() >= (rates.get(name) ?? 0) || never.includes(name)) return false
      count(name)
      return true
    },
    count,
    heal: () => {
      healed = true
    },
    counts,
  }
}

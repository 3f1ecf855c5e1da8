/** Whether a card is asked about: each inquiry costs, some cardholders do not want it, and some cards nobody can update. A pure decision. */
import { ended } from '../instruments/instrument.ts'
import type { InstrumentRow } from '../instruments/tables.ts'
import type { Settings, UpdatePolicy } from '../world/world.ts'
import type { UpdateScheduleRow } from './tables.ts'

export const dayMs = 24 * 3_600_000
/** Visa Account Updater takes a merchant's whole file once in a billing cycle; a card asked about more often seldom tells more. */
const usual = { policy: 'on_decline', daysMin: 28 } as const

export type Policy = { readonly policy: UpdatePolicy; readonly daysMin: number }

export const policyOf = (settings: Settings, row: Pick<UpdateScheduleRow, 'policy' | 'days_min'> | undefined): Policy => {
  const deployment = settings.updates ?? usual
  return { policy: row?.policy ?? deployment.policy, daysMin: row?.days_min ?? deployment.daysMin }
}

/** When it is asked about by itself next; null: never. */
export const nextAskAt = ({ policy, daysMin }: Policy, from: number): number | null =>
  policy === 'scheduled' ? from + daysMin * dayMs : null

export type Verdict = { readonly ask: true } | { readonly ask: false; readonly because: string }
const no = (because: string): Verdict => ({ ask: false, because })

/** `how`: in a batch, or because somebody asks now. `now` is the customer's own time. */
export function verdict(
  of: {
    readonly instrument: InstrumentRow
    readonly schedule: UpdateScheduleRow | undefined
    readonly policy: Policy
    readonly how: 'batch' | 'online'
  },
  now: number,
): Verdict {
  const { instrument, schedule, policy } = of
  if (instrument.kind !== 'card') return no('is no card that a customer typed')
  if (ended.includes(instrument.status) || instrument.status === 'failed' || instrument.status === 'pending')
    return no(`is ${instrument.status}`)
  if (hasOptedOut(instrument)) return no('its holder opted out of updates; giving the card again opts in')
  if (instrument.reasons.includes('account_closed')) return no('its account is closed')
  if (policy.policy === 'never') return no('its policy is never to ask')
  if (policy.policy === 'on_decline' && of.how === 'batch') return no('its policy is to ask on a decline only')
  const asked = schedule?.asked_at ?? null
  if (asked !== null && now < asked + policy.daysMin * dayMs)
    return no(`was asked about on ${new Date(asked).toISOString().slice(0, 10)}, and ${policy.daysMin} days have to pass`)
  return { ask: true }
}

export const hasOptedOut = (instrument: Pick<InstrumentRow, 'reasons'>): boolean => instrument.reasons.includes('updates_refused')

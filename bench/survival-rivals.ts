/** The two ways everybody has today, over the same world: tokens that are stored and charged, and the same with one channel's updater. */
import { currentVersion, days, daysOfMonth, type Model, months, type Subject, type Updater, within, works } from './survival-model.ts'

export type Result = {
  /** Of all instruments: still charged in the last month, without anybody having asked the customer. */
  readonly chargeable: number
  /** Of all charges that were due. */
  readonly charged: number
  /** Of all instruments: the owner has something that could be charged, and has to be asked for it. */
  readonly asked: number
  /** Charged twice for a month, or something that its owner had given up. */
  readonly wrong: number
  /** US dollars of an instrument over the two years. */
  readonly cost: number
}

/** The middle of what is published for an update that was found: TabaPay 0.01 to 0.13 an advice, Finix 0.55 an update. */
export const updateUsd = 0.25
/** After a charge that found the channel closed. */
export const retryDays = 3

export const share = (part: number, of: number): number => Math.round((part / of) * 10_000) / 10_000

/** `updater`: the channel's own, which keeps its token fresh; without it the token is what it was when it was bound. */
export function rival(model: Model, updater: Updater | undefined): Result {
  let [chargeable, charged, asked, cost] = [0, 0, 0, 0]
  for (const subject of model.subjects) {
    const held = (day: number): number => (updater === undefined ? 0 : versionAt(model, updater, subject, day))
    const lapses = lapseOf(model, subject)
    let good = false
    for (let month = 0; month < months; month += 1) {
      good = chargeOf(model, subject, month, day => day < lapses && works(subject, held(day), day))
      if (good) charged += 1
    }
    if (good) chargeable += 1
    else if (days < subject.endsAt) asked += 1
    cost += updateUsd * held(days)
  }
  const count = model.subjects.length
  return {
    chargeable: share(chargeable, count),
    charged: share(charged, count * months),
    asked: share(asked, count),
    wrong: 0,
    cost: Math.round((cost / count) * 1_000) / 1_000,
  }
}

/** Tried on its day and, if the channel is closed, on the next ones. */
function chargeOf(model: Model, subject: Subject, month: number, isGood: (day: number) => boolean): boolean {
  const due = month * daysOfMonth + subject.chargedOn
  for (let day = due; day <= due + retryDays; day += 1) if (!within(day, model.outages.primary)) return isGood(day)
  return false
}

/** The latest version that this updater has told by then. */
export function versionAt(model: Model, updater: Updater, subject: Subject, day: number): number {
  for (let version = currentVersion(subject, day); version > 0; version -= 1) {
    const told = model.told(updater, subject, version)
    if (told !== undefined && told <= day) return version
  }
  return 0
}

/** When a wallet's token lapses: these ways refresh it with the last charge before it would, unless the channel is closed on that day. */
function lapseOf(model: Model, subject: Subject): number {
  if (subject.kind !== 'wallet') return Number.POSITIVE_INFINITY
  for (let year = 12; year <= months; year += 12) {
    const last = (year - 1) * daysOfMonth + subject.chargedOn
    if (within(last, model.outages.primary) || last >= subject.endsAt) return year * daysOfMonth
  }
  return Number.POSITIVE_INFINITY
}

/**
 * Which instruments can still be charged after two years, kept three ways over one seeded world (`survival-model.ts`): tokens that are stored, the
 * same with one channel's updater, and Bindery's own code.
 */
import { binderyWay } from './survival-bindery.ts'
import { createModel, currentVersion, days, type Model, works } from './survival-model.ts'
import { type Result, rival, share } from './survival-rivals.ts'

export type SurvivalOptions = {
  readonly count: number
  readonly seed: number
  readonly participations: readonly number[]
  readonly say: (line: string) => void
}
export type AtParticipation = {
  readonly participation: number
  readonly plain: Result
  readonly updater: Result
  readonly bindery: Result
  /** What a way could keep that knew at once all that any issuer taking part tells: nobody can do better without asking the customer. */
  readonly ceiling: number
  /** Of those whose owner still has something to be charged: what Bindery loses over what the updater loses, and the least that is possible. */
  readonly loss_ratio: number
  readonly loss_ratio_floor: number
}
export type SurvivalLine = {
  readonly bench: 'survival'
  readonly instruments: number
  /** Shares that are still charged in the last month without anybody having asked the customer, at the middle participation. */
  readonly plain: number
  readonly updater: number
  readonly bindery: number
  /** By Bindery: the owner has to be asked. */
  readonly asked: number
  readonly wrong: number
  readonly cost_usd: number
  readonly at: readonly AtParticipation[]
}

export async function benchSurvival({ count, seed, participations, say }: SurvivalOptions): Promise<SurvivalLine> {
  const at: AtParticipation[] = []
  for (const participation of participations) {
    const model = createModel({ seed, count, participation })
    const [plain, updater, bindery] = [rival(model, undefined), rival(model, 'primary'), await binderyWay(model)]
    const { living, ceiling } = boundsOf(model)
    const rounded = (value: number): number => Math.round(value * 100) / 100
    const lostBy = (kept: number): number => Math.max(0, living - kept)
    at.push({
      participation,
      plain,
      updater,
      bindery,
      ceiling,
      loss_ratio: rounded(lostBy(bindery.chargeable) / lostBy(updater.chargeable)),
      loss_ratio_floor: rounded(lostBy(ceiling) / lostBy(updater.chargeable)),
    })
    say(
      `${participation * 100} % of issuers take part: plain ${plain.chargeable}, updater ${updater.chargeable}, bindery ${bindery.chargeable}`,
    )
  }
  const middle = at[at.length >> 1]
  if (middle === undefined) throw new RangeError('no participation was asked for')
  return {
    bench: 'survival',
    instruments: count,
    plain: middle.plain.chargeable,
    updater: middle.updater.chargeable,
    bindery: middle.bindery.chargeable,
    asked: middle.bindery.asked,
    wrong: Math.max(...at.map(one => one.bindery.wrong)),
    cost_usd: middle.bindery.cost,
    at,
  }
}

/** Of all: whose owner could pay in the last month at all; and of these the ones of which everything new is told by somebody. */
function boundsOf(model: Model): { readonly living: number; readonly ceiling: number } {
  const living = model.subjects.filter(one => works(one, currentVersion(one, lastDay(one.chargedOn)), lastDay(one.chargedOn)))
  const told = living.filter(one => one.kind !== 'card' || model.takesPart(one) || currentVersion(one, lastDay(one.chargedOn)) === 0)
  return { living: share(living.length, model.subjects.length), ceiling: share(told.length, model.subjects.length) }
}

const lastDay = (chargedOn: number): number => days - 30 + chargedOn

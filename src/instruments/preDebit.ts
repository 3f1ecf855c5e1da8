/** Telling the payer before a collection, where the rail asks for it: what it asks, and whether what was told covers a charge. */
import { fieldProblem, Problem } from '../core/problem.ts'
import { insert } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { customerNow } from './customer.ts'
import { dayFloor, dayOf } from './days.ts'
import type { LastCollected, Mandate } from './mandate.ts'
import { dayMs, type NoticeRule, railRules } from './rails.ts'
import { type BindingRow, bindings, type InstrumentRow } from './tables.ts'
import { type PreDebitNoticeRow, preDebitNotices } from './usageTables.ts'

/** A notice covers the day it names and the two after it: collections move to the next banking day. Ours. */
export const coveredDays = 3
/** Nobody is told of a charge further ahead than this, in ms. */
const aheadMaxMs = 400 * dayMs

/** What the rail asks of this mandate; undefined where nobody has to be told, or the channel does it. `leastMs` as the two agreed. */
export function noticeRuleOf(mandate: Mandate): NoticeRule | undefined {
  const rule = railRules[mandate.rail].notice
  if (rule === null || mandate.toldByChannel) return undefined
  const days = rule.agreed ? mandate.terms?.noticeDays : undefined
  if (days === 0) return undefined
  return days === undefined ? rule : { ...rule, leastMs: days * dayMs }
}

type Charge = { readonly amount: bigint; readonly currency: string; readonly at: number }

/** Whether this charge may not be made unless the payer was told of it. */
export function needsNotice(mandate: Mandate, last: LastCollected | null, charge: Charge): NoticeRule | undefined {
  const rule = noticeRuleOf(mandate)
  if (rule === undefined || rule.when === 'each') return rule
  const asBefore = last !== null && BigInt(last.amount) === charge.amount && last.currency === charge.currency
  const asAgreed =
    mandate.terms?.rule === 'fixed' && mandate.terms.amount === String(charge.amount) && mandate.terms.currency === charge.currency
  return asBefore || asAgreed ? undefined : rule
}

/** Whether this notice told of this charge, early enough. */
export const covers = (notice: PreDebitNoticeRow, rule: NoticeRule, { amount, currency, at }: Charge): boolean =>
  notice.amount === amount &&
  notice.currency === currency &&
  at >= dayFloor(notice.charge_at) &&
  at < dayFloor(notice.charge_at) + coveredDays * dayMs &&
  at - notice.told_at >= rule.leastMs

/** The days whose notices may cover a charge at this moment. */
export const daysCovering = (at: number): readonly string[] => Array.from({ length: coveredDays }, (_, n) => dayOf(at - n * dayMs))

export async function readNotices(world: World, binding: string, at: number): Promise<readonly PreDebitNoticeRow[]> {
  const each = await Promise.all(daysCovering(at).map(day => world.store.find(preDebitNotices, { binding, charge_on: day })))
  return each.flat()
}

export type Telling = {
  readonly binding: string | undefined
  readonly amount: bigint
  readonly currency: string
  readonly chargeAt: number
  /** When the payer was told; now, if it is not said. */
  readonly toldAt: number | undefined
}

/**
 * Records that the payer was told. It is the tenant's duty: most channels tell the payer with the charge itself or not at all, and Adyen's
 * `notifyShopper` (Recurring API, India) is not called from here.
 * Throws a problem naming the field when it is too late or too early for the rail, or of no mandate.
 */
export async function recordNotice(world: World, instrument: InstrumentRow, telling: Telling): Promise<PreDebitNoticeRow> {
  const { tenant, id } = instrument
  const now = await customerNow(world, instrument)
  const binding = mandateNamed(await world.store.find(bindings, { tenant, instrument: id }), telling.binding)
  const toldAt = telling.toldAt ?? now
  if (toldAt > now) throw fieldProblem('/told_at', 'must not be in the future')
  const ahead = telling.chargeAt - toldAt
  if (ahead <= 0) throw fieldProblem('/charge_at', 'must be after the payer was told')
  if (ahead > aheadMaxMs) throw fieldProblem('/charge_at', 'must be at most 400 days ahead')
  const rule = binding.mandate === null ? undefined : noticeRuleOf(binding.mandate)
  const last = dayFloor(telling.chargeAt) + coveredDays * dayMs
  if (rule !== undefined && last - toldAt <= rule.leastMs) throw fieldProblem('/charge_at', `is too soon: ${rule.source}`, 'unprocessable')
  if (rule?.mostMs !== undefined && ahead > rule.mostMs)
    throw fieldProblem('/charge_at', `is too far ahead: ${rule.source}`, 'unprocessable')
  const row: PreDebitNoticeRow = {
    tenant,
    id: nextId(world, 'pdn', instrument.customer),
    instrument: id,
    binding: binding.id,
    charge_on: dayOf(telling.chargeAt),
    amount: telling.amount,
    currency: telling.currency,
    charge_at: telling.chargeAt,
    told_at: toldAt,
    told_by: 'tenant',
    created_at: world.now(),
  }
  const result = await world.store.commit([insert(preDebitNotices, row)])
  if (!result.ok) throw new Problem('conflict', 'the notice was not taken')
  return row
}

/** The binding that was named, or the only one that has a mandate and lives. */
export function mandateNamed(rows: readonly BindingRow[], named: string | undefined): BindingRow {
  const alive = rows.filter(one => one.mandate !== null && (one.status === 'active' || one.status === 'suspended'))
  const found = named === undefined ? alive : rows.filter(one => one.id === named)
  const [only, ...others] = found
  if (only === undefined)
    throw fieldProblem(
      '/binding',
      named === undefined ? 'none has a living mandate' : 'is not a binding of this instrument',
      'unprocessable',
    )
  if (others.length > 0) throw fieldProblem('/binding', 'must be named: there are several mandates')
  if (only.mandate === null) throw fieldProblem('/binding', 'has no mandate', 'unprocessable')
  return only
}

/**
 * What giving an instrument up would do to those who rely on it: who they are, and what else of the customer's could take its place. The plan's
 * token is made of what is affected, so that a plan that is no longer true confirms nothing.
 */
import { createHash } from 'node:crypto'
import { fieldProblem, Problem } from '../core/problem.ts'
import type { World } from '../world/world.ts'
import { type DependentRow, dependentsOf, viewDependent } from './dependent.ts'
import { standIns } from './nextBest.ts'
import { type InstrumentRow, instruments } from './tables.ts'

/** Offered at most. */
const offeredMax = 5

export type UnbindPlan = {
  readonly token: string
  readonly affected: readonly DependentRow[]
  readonly replacements: readonly InstrumentRow[]
}

/** By `confirm` the dependents are left without an instrument; by `replacement` they get another. */
export type Consent = { readonly confirm?: string | undefined; readonly replacement?: string | undefined }

export async function readPlan(world: World, instrument: InstrumentRow): Promise<UnbindPlan> {
  const affected = await dependentsOf(world, instrument)
  if (affected.length === 0) return { token: tokenOf(instrument, []), affected, replacements: [] }
  const all = await world.store.find(instruments, { tenant: instrument.tenant, customer: instrument.customer })
  return { token: tokenOf(instrument, affected), affected, replacements: standIns(instrument, all).slice(0, offeredMax) }
}

function tokenOf({ id }: InstrumentRow, affected: readonly DependentRow[]): string {
  const what = affected.map(one => [one.id, one.reference, one.kind, one.next_charge_at])
  return `pln_${createHash('sha256')
    .update(JSON.stringify([id, what]))
    .digest('base64url')
    .slice(0, 26)}`
}

export const viewPlan = (plan: UnbindPlan) => ({
  confirm: plan.token,
  affected: plan.affected.map(viewDependent),
  replacements: plan.replacements.map(({ id, kind, display, preferred }) => ({
    instrument: id,
    kind,
    label: display.scheme ?? display.brand ?? null,
    last4: display.last4 ?? null,
    is_default: preferred,
  })),
})

/** Throws the plan as a problem unless nobody is affected or the caller has agreed to exactly this. */
export function agreed(plan: UnbindPlan, { confirm, replacement }: Consent): void {
  if (plan.affected.length === 0 || confirm === plan.token || (replacement !== undefined && confirm === undefined)) return
  const count = plan.affected.length === 1 ? 'One dependent relies' : `${plan.affected.length} dependents rely`
  const detail = confirm === undefined ? 'must confirm the plan, or name a replacement' : 'is of a plan that is no longer true'
  throw new Problem('conflict', `${count} on this instrument; nothing was changed.`, {
    errors: [{ pointer: '/confirm', detail }],
    members: { plan: viewPlan(plan) },
  })
}

/** The instrument that takes its place; throws a problem naming the field where it cannot. */
export async function readReplacement(world: World, instrument: InstrumentRow, replacement: string): Promise<InstrumentRow> {
  const row = await world.store.get(instruments, { tenant: instrument.tenant, id: replacement })
  if (row === undefined || row.mode !== instrument.mode || row.customer !== instrument.customer)
    throw fieldProblem('/replacement', "is not an instrument of this one's customer", 'unprocessable')
  if (row.id === instrument.id) throw fieldProblem('/replacement', 'is the instrument itself', 'unprocessable')
  if (row.status !== 'active') throw fieldProblem('/replacement', `is ${row.status}: it must be active`, 'unprocessable')
  return row
}

/** Why a binding may be called active: somebody verified it, and what the channel said of its end has not come. */
import { foldBinding } from '../src/instruments/binding.ts'
import { asFact } from '../src/instruments/fact.ts'
import { alive, by, type Ledger } from './ledger.ts'
import { endOn } from './time.ts'

/** Time for the worker to come, in ms: it looks once an hour when all is quiet. */
const slackMs = 2 * 3_600_000

/** Of the facts only: what our rows say of the end is not asked. */
export function unproven(ledger: Ledger): readonly string[] {
  const told = by(ledger.facts, row => row.binding)
  const clockOf = new Map(ledger.instruments.map(row => [row.id, row.clock]))
  return ledger.bindings.filter(alive).flatMap(row => {
    const { known, folded } = foldBinding((told.get(row.id) ?? []).map(asFact))
    const evidence = folded.applied.some(one => one.on === 'bound' || one.on === 'reinstated')
    if (!evidence) return [`${row.id} is ${row.status}, and nothing says that it was bound`]
    const end = known.validUntilMs
    const now = endOn(ledger, clockOf.get(row.instrument) ?? null)
    return end !== undefined && end + slackMs < now ? [`${row.id} is ${row.status}, and its token lapsed ${now - end} ms ago`] : []
  })
}

/** What a run has seen, by channel and by shape: a simulation that never meets a thing says nothing about it. */
import { bindings, facts } from '../src/instruments/tables.ts'
import type { Simulated } from './world.ts'

const told = ['bound', 'challenged', 'verifying', 'refused', 'suspended', 'resumed', 'updated', 'reinstated', 'revoked'] as const

/** `<channel or shape> <what was told>`, each that happened at least once. */
export function coverageOf(simulated: Simulated): ReadonlySet<string> {
  const out = new Set<string>()
  const rows = new Map(simulated.all(bindings).map(row => [row.id, row]))
  for (const fact of simulated.all(facts)) {
    const row = rows.get(fact.binding)
    if (row === undefined || !told.some(one => one === fact.kind)) continue
    out.add(`${row.channel} ${fact.kind}`)
    const shape = simulated.shapes.get(row.id)
    if (shape !== undefined) out.add(`${shape} ${fact.kind}`)
  }
  return out
}

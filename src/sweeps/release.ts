/** A sweep that was held: a person says that it is right, or that it is not. */
import { Problem } from '../core/problem.ts'
import { insert, move, remove } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { plannedSweep } from './sweep.ts'
import { misses, type SweepRow, sweepFindings, sweeps } from './tables.ts'

/** It is right: what it found is carried out. */
export async function release(world: World, row: SweepRow): Promise<SweepRow> {
  heldOnly(row)
  return moved(world, row, { status: 'applying', due_at: world.now() })
}

/** What one call takes off. */
const page = 500

/** It is not: nothing changes, and what was missing is seen as if it had been there. Throws `conflict` unless the sweep is held. */
export async function discard(world: World, row: SweepRow): Promise<SweepRow> {
  heldOnly(row)
  for (;;) {
    const findings = await world.store.find(sweepFindings, { tenant: row.tenant, sweep: row.id }, page)
    if (findings.length === 0) break
    const counted = await Promise.all(findings.map(one => world.store.get(misses, { tenant: row.tenant, binding: one.binding })))
    const forgotten = counted.flatMap(one => (one === undefined ? [] : [remove(misses, one)]))
    const result = await world.store.commit([...findings.map(one => remove(sweepFindings, one)), ...forgotten])
    if (!result.ok) throw new Problem('conflict', 'the sweep changed meanwhile')
  }
  const now = world.now()
  const next = row.repeat_hours === null ? [] : [insert(sweeps, plannedSweep(world, row, now + row.repeat_hours * 3_600_000))]
  const after = { status: 'discarded' as const, slot: null, due_at: null, ended_at: now }
  if (!(await world.store.commit([move(sweeps, row, after), ...next])).ok) throw new Problem('conflict', 'the sweep changed meanwhile')
  return { ...row, ...after, version: row.version + 1 }
}

function heldOnly({ status }: SweepRow): void {
  if (status !== 'held') throw new Problem('conflict', `the sweep is ${status}, not held`)
}

async function moved(world: World, row: SweepRow, set: Partial<SweepRow>): Promise<SweepRow> {
  if (!(await world.store.commit([move(sweeps, row, set)])).ok) throw new Problem('conflict', 'the sweep changed meanwhile')
  return { ...row, ...set, version: row.version + 1 }
}

/** I42: whatever the clocks do, what was over stays over, and what was told once is not told again. */
import { deaths } from '../src/instruments/death.ts'
import { clocks } from '../src/instruments/tables.ts'
import { by, type Ledger } from './ledger.ts'

/** The time of what stands on this clock (null: the real one), at the end of the run. */
export function endOn({ simulated }: Pick<Ledger, 'simulated'>, clock: string | null): number {
  if (clock === null) return simulated.scheduler.now()
  return simulated.all(clocks).find(row => row.id === clock)?.now_at ?? simulated.scheduler.now()
}

/** What time does to an instrument is one fact for each thing it is about, told when its time had come. */
export function momentsTwice(ledger: Ledger): readonly string[] {
  const clockOf = new Map(ledger.instruments.map(row => [row.id, row.clock]))
  const told = ledger.instrumentFacts.filter(row => row.source === 'clock')
  const groups = by(told, row => `${row.instrument} ${JSON.stringify(row.news)}`)
  return [
    ...[...groups].filter(([, group]) => group.length > 1).map(([name, group]) => `${name} was told ${group.length} times`),
    ...told
      .filter(row => row.effective_at > endOn(ledger, clockOf.get(row.instrument) ?? null))
      .map(row => `${row.instrument} was told ${row.kind} before its time`),
  ]
}

/** A channel that names one moment is asked at it once; what a refresh left open is asked again as the same operation. */
export function refreshesTwice({ operations: asked }: Ledger): readonly string[] {
  const planned = asked.filter(row => row.verb === 'refresh' && row.input.refreshAtMs !== undefined)
  const groups = by(planned, row => `${row.binding} at ${row.input.refreshAtMs}`)
  return [...groups].filter(([, group]) => group.length > 1).map(([name, group]) => `${group.length} refreshes of ${name}`)
}

/** Two hours behind the clock nothing is left to be told. */
export const untoldMoments = (ledger: Ledger): readonly string[] =>
  [...ledger.instruments, ...ledger.simulated.all(deaths)]
    .filter(row => row.due_at !== null && row.due_at < endOn(ledger, row.clock) - 2 * 3_600_000)
    .map(row => `${row.id} has something to be told since ${row.due_at}`)

/** Whether every change of an instrument was told, in order, to everybody who listens. */
import type { InstrumentRow } from '../src/instruments/tables.ts'
import { by, type Ledger } from './ledger.ts'

export function untold(ledger: Ledger, row: InstrumentRow): readonly string[] {
  const told = ledger.events.filter(one => one.instrument === row.id).sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))
  const faults: string[] = []
  if (told.length !== row.sequence || told.some((one, i) => one.sequence !== i + 1))
    faults.push(`${row.id} is at ${row.sequence}, its notices are ${told.map(one => one.sequence).join(' ')}`)
  const last = told.at(-1)?.data.instrument
  const said = JSON.stringify(last)
  if (last !== undefined && !said.includes(`"status":"${row.status}"`))
    faults.push(`${row.id} is ${row.status}, the last notice said ${said.slice(0, 120)}`)
  for (const binding of ledger.bindings) {
    if (
      binding.instrument === row.id &&
      told.length > 0 &&
      binding.status !== 'initiated' &&
      !said.includes(`"${binding.id}","object":"binding","channel":"${binding.channel}","status":"${binding.status}"`)
    )
      faults.push(`${binding.id} is ${binding.status}, the last notice of ${row.id} did not say so`)
  }
  for (const [url, heard] of by(
    ledger.simulated.receivers.received.filter(one => one.instrument === row.id),
    one => one.url,
  )) {
    const first = [...new Map(heard.map(one => [one.sequence, one])).keys()]
    if (first.some((sequence, i) => sequence !== i + 1) || first.length !== row.sequence)
      faults.push(`${url} heard ${first.join(' ')} of ${row.sequence} about ${row.id}`)
  }
  return faults
}

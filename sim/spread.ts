/** Whether what is new of a card went from whoever told it to every other channel that has the card. */
import { isCard } from '../src/instruments/display.ts'
import { compareExpiry, expiryOf } from '../src/instruments/expiry.ts'
import type { BindingRow, InstrumentRow } from '../src/instruments/tables.ts'
import { by, type Ledger } from './ledger.ts'

/** Living bindings that show an earlier end than their instrument, of the same number, and were never told of it. */
export function keptToThemselves({ instruments: all, bindings: rows, operations: asked }: Ledger): readonly string[] {
  const of = by(rows, row => row.instrument)
  const told = by(
    asked.filter(row => row.verb === 'update'),
    row => row.binding,
  )
  const replaced = new Set(rows.flatMap(row => (row.replaces === null ? [] : [row.replaces])))
  return all.flatMap(row =>
    (of.get(row.id) ?? []).flatMap(binding => {
      const target = expiryOf(row.display)
      if (target === undefined || !isBehind(row, binding) || replaced.has(binding.id)) return []
      const asks = (told.get(binding.id) ?? []).map(one => one.input.expiry)
      return asks.some(one => one !== undefined && compareExpiry(one, target) >= 0)
        ? []
        : [`${binding.id} at ${binding.channel} was not told that the card of ${row.id} lasts longer`]
    }),
  )
}

function isBehind(row: InstrumentRow, { status, shown, token }: BindingRow): boolean {
  const [has, target] = [expiryOf(shown), expiryOf(row.display)]
  const alive = (status === 'active' || status === 'suspended') && token !== null && row.status !== 'unbound'
  // A token of a device has an end of its own; and four digits are no number.
  if (!isCard(row) || row.kind !== 'card' || !alive || has === undefined || target === undefined) return false
  return compareExpiry(has, target) < 0 && shown?.last4 === row.display.last4
}

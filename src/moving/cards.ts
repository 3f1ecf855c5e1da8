/**
 * Rows whose card lies in the vault: what the vault says of it is put beside the row before it is judged, and the number is sealed under the
 * instrument that the row becomes before the batch is written. Nothing here ever sees a number.
 */
import type { Display } from '../instruments/tables.ts'
import type { ToSealAs } from '../world/card-files.ts'
import type { Captured, World } from '../world/world.ts'
import type { Entry } from './entries.ts'
import type { Fault, TakenRow } from './row.ts'
import type { ImportRow } from './tables.ts'

/** Without a card file the column says nothing, as others that are none of ours. */
export async function withCards(world: World, of: ImportRow, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const names = [...new Set(entries.flatMap(one => ('row' in one && one.row.card !== undefined ? [one.row.card] : [])))]
  if (of.card_file === null || names.length === 0) return entries
  const found = await world.vault.cardFiles.peek({ tenant: of.tenant, mode: of.mode, file: of.card_file, cards: names })
  const known = new Map(names.map((name, index) => [name, found[index]]))
  return entries.map(entry => {
    if (!('row' in entry) || entry.row.card === undefined) return entry
    const row = beside(entry.row, known.get(entry.row.card))
    return 'detail' in row ? { line: entry.line, token: entry.row.token ?? null, fault: row } : { line: entry.line, row }
  })
}

/** The row with what the vault has, or where the two contradict each other. The latest end of a card is told by whoever told it last. */
function beside(row: TakenRow, found: Captured | undefined): TakenRow | Fault {
  if (found?.kind !== 'card') return { field: 'card', detail: "is no card of the import's card file" }
  const { brand, last4, bin, expiryMonth, expiryYear } = found.card
  if (row.display.last4 !== undefined && row.display.last4 !== last4) return { field: 'last4', detail: 'is not what the card file has' }
  if (row.display.bin !== undefined && !bin.startsWith(row.display.bin.slice(0, 6)))
    return { field: 'bin', detail: 'is not what the card file has' }
  const told: Display = { brand, last4, bin, expiryMonth, expiryYear }
  return { ...row, vaulted: found, display: { ...told, ...row.display, bin } }
}

/** A name whose card changed or went between being judged and being sealed: the batch has to be judged again. */
export class CardMoved extends Error {
  override readonly name = 'CardMoved'
}

/** Throws `CardMoved`. */
export async function sealCards(world: World, of: ImportRow, wanted: readonly ToSealAs[]): Promise<void> {
  if (of.card_file === null || wanted.length === 0) return
  const done = await world.vault.cardFiles.sealAs({ tenant: of.tenant, mode: of.mode, file: of.card_file, wanted })
  const at = done.findIndex(one => one !== 'sealed')
  if (at >= 0) throw new CardMoved(`${wanted[at]?.instrument ?? ''}: ${done[at] ?? 'unanswered'}`)
}

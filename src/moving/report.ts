/** What became of each row, as it is downloaded: piece by piece in the file's order, so that millions of rows never stand in memory. */
import type { World } from '../world/world.ts'
import { csvField } from './csv.ts'
import { fromLines, unpack } from './pack.ts'
import { type Format, type ImportRow, importReports } from './tables.ts'

const columns = ['line', 'token', 'outcome', 'field', 'detail', 'customer', 'instrument', 'binding'] as const

export async function* reportPieces(
  world: World,
  row: ImportRow,
  wanted: { readonly format: Format; readonly outcome: string | undefined },
): AsyncGenerator<string> {
  if (wanted.format === 'csv') yield `${columns.join()}\n`
  for (let number = 1; number <= row.reports; number += 1) {
    const piece = await world.store.get(importReports, { import: row.id, number, tenant: row.tenant })
    if (piece === undefined) throw new TypeError(`piece ${number} of the report of ${row.id} is gone`)
    const text = await unpack(piece.content)
    if (wanted.format === 'jsonl' && wanted.outcome === undefined) yield text
    else yield [...fromLines(text)].map(one => lineOf(one, wanted)).join('')
  }
}

function lineOf(outcome: unknown, wanted: { readonly format: Format; readonly outcome: string | undefined }): string {
  const of = new Map<string, unknown>(typeof outcome === 'object' && outcome !== null ? Object.entries(outcome) : [])
  if (wanted.outcome !== undefined && of.get('outcome') !== wanted.outcome) return ''
  if (wanted.format === 'jsonl') return `${JSON.stringify(outcome)}\n`
  return `${columns.map(name => csvField(String(of.get(name) ?? ''))).join()}\n`
}

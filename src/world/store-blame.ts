/** PostgreSQL names the constraint that stood in the way, not the write. This finds the write, in the same way for both stores. */

import type { RefusedWrite, Write } from './store.ts'
import type { TableLayout } from './store-layout.ts'
import { type Read, readWrites, type StoreShape } from './store-write.ts'

export type Named = { readonly kind: 'check' | 'reference' | 'exists'; readonly table: string; readonly constraint: string }

/** `named.table` is the table that declares the constraint. Undefined: none of these writes can have met it. */
export function blame(shape: StoreShape, writes: readonly Write[], named: Named): RefusedWrite | undefined {
  const reads = readWrites(shape, writes)
  const found = guilty(shape, reads, named)
  if (found === undefined) return undefined
  return { write: found.write, table: found.table.name, constraint: named.constraint, kind: named.kind }
}

function guilty(shape: StoreShape, reads: readonly Read[], { kind, table, constraint }: Named): Read | undefined {
  const here = reads.filter(read => read.table.name === table || (read.of.verb === 'post' && table === 'accounts'))
  const inserts = here.filter(read => read.of.verb === 'insert')
  const changes = here.filter(read => read.of.verb === 'move' || read.of.verb === 'add' || read.of.verb === 'post')
  if (kind === 'check') {
    const broken = inserts.find(read => read.of.verb === 'insert' && !passes(read.table, constraint, read.of.row))
    return broken ?? changes[0] ?? inserts[0]
  }
  if (kind === 'exists') return changes[0] ?? inserts[0]
  const reference = shape.layout.byName.get(table)?.table.references[constraint]
  const removes = reads.filter(read => read.of.verb === 'remove' && read.table.name === reference?.to)
  return removes[0] ?? inserts[0] ?? changes[0]
}

/** Whether a row passes a declared check. As in SQL, a check that is not declared here cannot be judged. */
export function passes(table: TableLayout, check: string, row: Readonly<Record<string, unknown>>): boolean {
  const declared = table.table.checks[check]
  if (declared === undefined) return true
  const whole: Record<string, unknown> = { version: 1 }
  for (const column of table.columns) whole[column.name] = row[column.name] ?? null
  // The edge where a table's columns were forgotten: the row was checked against them, so it is what the check takes.
  return declared(whole as never)
}

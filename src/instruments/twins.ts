import { int, maybe, type Row, table, text, time } from '../world/table.ts'

/** Two instruments of a customer of which it turned out that they are one, until the worker has merged them. */
export const twins = table(
  'twins',
  { tenant: text(), later: text(), older: text(), due_at: maybe(time()), clock: maybe(text()), version: int() },
  { key: ['tenant', 'later', 'older'] },
)
export type TwinRow = Row<typeof twins>

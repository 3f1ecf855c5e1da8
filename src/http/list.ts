/**
 * Lists come in pages. A page starts after a cursor: the position of the last row of the page before, an order of commits that never
 * changes, wrapped so that nobody builds on its form. A cursor of one list does not open another.
 */
import { z } from 'zod'
import { fieldProblem } from '../core/problem.ts'

export const pageSizeMax = 100
export const pageSizeDefault = 20

/** Spread into an endpoint's query: `z.strictObject({ ...listQuery, status: … })`. */
export const listQuery = {
  limit: z
    .string()
    .regex(/^(?:[1-9][0-9]?|100)$/, `must be 1 to ${pageSizeMax}`)
    .transform(Number)
    .default(pageSizeDefault)
    .describe(`1 to ${pageSizeMax}, ${pageSizeDefault} without it.`),
  starting_after: z.string().max(200, 'is not a cursor').optional().describe('`next_cursor` of the page before.'),
}

/** What a query in `queries.ts` needs: rows after `after`, one more than `limit` so that it is known whether more follow. */
export type Page = { readonly after: bigint | undefined; readonly limit: number }

/** `list`: the list's name, such as `instruments`. Throws a problem for a cursor of another list, or none of ours. */
export function pageOf(list: string, query: { readonly limit: number; readonly starting_after?: string | undefined }): Page {
  return { after: query.starting_after === undefined ? undefined : readCursor(list, query.starting_after), limit: query.limit }
}

export function cursorOf(list: string, position: bigint): string {
  return `cur_${Buffer.from(`${list}:${position}`).toString('base64url')}`
}

function readCursor(list: string, cursor: string): bigint {
  const body = /^cur_([A-Za-z0-9_-]{2,180})$/.exec(cursor)?.[1] ?? ''
  const [name, digits] = Buffer.from(body, 'base64url').toString('latin1').split(':')
  if (name !== list || digits === undefined || !/^(?:0|[1-9][0-9]{0,17})$/.test(digits) || cursorOf(list, BigInt(digits)) !== cursor)
    throw fieldProblem('query/starting_after', 'This is not a cursor of this list; take next_cursor of the page before.')
  return BigInt(digits)
}

export type List<T> = {
  readonly object: 'list'
  readonly data: readonly T[]
  readonly has_more: boolean
  readonly next_cursor: string | null
}

/** The answer from what the query gave: up to `limit + 1` rows in order of position. */
export function listOf<R, T>(list: string, page: Page, rows: readonly R[], of: { position(row: R): bigint; show(row: R): T }): List<T> {
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  const more = rows.length > page.limit && last !== undefined
  return { object: 'list', data: shown.map(of.show), has_more: more, next_cursor: more ? cursorOf(list, of.position(last)) : null }
}

/** The answer's shape, for `answers`. */
export const listShape = <S extends z.ZodType>(of: S) =>
  z.object({ object: z.literal('list'), data: z.array(of), has_more: z.boolean(), next_cursor: z.string().nullable() })

/** Pages of lists that go by a place in commit order: the form of http/list.ts, with a cursor that holds both halves of the place. */
import { fieldProblem } from '../core/problem.ts'
import type { List } from '../http/list.ts'
import type { Page, Place } from './queries.ts'

/** Throws a problem for a cursor of another list, or none of ours. */
export function placeOf(list: string, cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(/^cur_([A-Za-z0-9_-]{2,180})$/.exec(cursor)?.[1] ?? '', 'base64url').toString('latin1')
  const [, name, xid, position] = /^([a-z]+):(\d{1,18})\.(\d{1,18})$/.exec(text) ?? []
  const place = xid === undefined || position === undefined ? undefined : { xid: BigInt(xid), position: BigInt(position) }
  if (name !== list || place === undefined || cursorOf(list, place) !== cursor)
    throw fieldProblem('query/starting_after', 'This is not a cursor of this list; take next_cursor of the page before.')
  return place
}

const cursorOf = (list: string, place: Place): string =>
  `cur_${Buffer.from(`${list}:${place.xid}.${place.position}`).toString('base64url')}`

export function showPage<R, T>(list: string, page: Page<R>, show: (row: R) => T): List<T> {
  const { next } = page
  return {
    object: 'list',
    data: page.rows.map(show),
    has_more: next !== undefined,
    next_cursor: next === undefined ? null : cursorOf(list, next),
  }
}

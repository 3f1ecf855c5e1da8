/**
 * Four eyes: an act that could do harm on a large scale is asked for by one person and allowed by another, and what is then done is to the
 * letter what was allowed. Decided here, from a row and a clock, and nowhere else; acted on in approval.ts.
 *
 * asked → approved → used, or denied; what is neither decided nor used in time is void.
 */
import type { Mode } from '../world/world.ts'
import type { Endpoint, RawInput } from './endpoint.ts'
import type { ApprovalRow } from './tables.ts'

/** Reference: a request lapses after half an hour; a deployment may say 15 minutes to a day. */
export const approvalMinutesDefault = 30
/** Requests of one person that wait at the same time. */
export const openMax = 20

export type Someone = { readonly person: string | null; readonly key: string }
type Refused = { readonly refused: string }
export type Decided = { readonly set: Partial<ApprovalRow> } | Refused

const nobody = 'This needs a key that names the person who uses it; one that names nobody could be anybody’s.'

/** `live` always asks for two persons; `test` where the deployment says so. */
export const needsTwo = (fourEyes: Endpoint['fourEyes'], input: Pick<RawInput, 'params' | 'body'>, mode: Mode, inTest: boolean): boolean =>
  (mode === 'live' || inTest) && (fourEyes === true || (fourEyes?.(input, mode) ?? false))

/** Whether somebody may ask. */
export const mayAsk = ({ person }: Someone): Refused | undefined => (person === null ? { refused: nobody } : undefined)

/** `approve` or `deny`, by somebody who is not the one who asked: two keys of one person are one person. */
export function decideApproval(row: ApprovalRow, by: Someone, status: 'approved' | 'denied', now: number): Decided {
  if (by.person === null) return { refused: nobody }
  if (by.person === row.asked_by || by.key === row.asked_key) return { refused: 'Whoever asked may not decide: this takes another person.' }
  if (isOver(row, now) || row.status === 'lapsed') return { refused: 'The request has lapsed: it was not decided in time. Ask anew.' }
  if (row.status !== 'asked') return { refused: `The request was ${row.status} already, by ${row.decided_by ?? 'nobody'}.` }
  return { set: { status, decided_by: by.person, decided_key: by.key, decided_at: now } }
}

/** Once, by whoever asked, for exactly the act that was asked for (`hash`), while it lasts. */
export function useApproval(row: ApprovalRow | undefined, by: Someone & { readonly mode: string }, hash: string, now: number): Decided {
  if (row === undefined || row.mode !== by.mode) return { refused: 'There is no such approval.' }
  if (row.hash !== hash) return { refused: 'What was approved is another act: address or body differ from what was asked for.' }
  if (by.person !== row.asked_by) return { refused: 'The approval is for the person who asked.' }
  if (isOver(row, now) || row.status === 'lapsed') return { refused: 'The approval has lapsed. Ask anew.' }
  if (row.status === 'used') return { refused: 'The approval was used already: it is good for one act.' }
  if (row.status === 'denied') return { refused: `The request was denied by ${row.decided_by ?? 'nobody'}.` }
  if (row.status === 'asked') return { refused: 'The request waits for a second person.' }
  return { set: { status: 'used', used_at: now } }
}

export const isOver = (row: Pick<ApprovalRow, 'status' | 'expires_at'>, now: number): boolean =>
  now >= row.expires_at && (row.status === 'asked' || row.status === 'approved')

/**
 * A binding session: what a browser may do for one customer, once, with a secret of its own. Where it stands follows from what became of the
 * bindings that its last submission began; the row keeps it, and whoever reads it later than news came brings it up to date.
 */
import { lifecycle, next } from '../core/lifecycle.ts'
import type { BindingRow, InstrumentRow } from '../instruments/tables.ts'
import type { SessionRow } from './tables.ts'

export const sessionLifecycle = lifecycle({
  name: 'binding session',
  states: ['open', 'submitted', 'challenge', 'complete', 'failed', 'expired', 'cancelled'],
  initial: 'open',
  terminal: ['complete', 'failed', 'cancelled'],
  edges: [
    { on: 'submitted', from: ['open'], to: 'submitted' },
    { on: 'challenged', from: ['submitted', 'challenge'], to: 'challenge' },
    // The customer has done it, and the bank is at work.
    { on: 'verifying', from: ['submitted', 'challenge'], to: 'submitted' },
    // Time ran out for new submissions; what is under way goes on, and its outcome still counts.
    { on: 'challenged', from: ['expired'], to: 'same' },
    { on: 'verifying', from: ['expired'], to: 'same' },
    { on: 'bound', from: ['submitted', 'challenge', 'expired'], to: 'complete' },
    { on: 'refused', from: ['submitted', 'challenge'], to: 'open' },
    { on: 'exhausted', from: ['submitted', 'challenge', 'expired'], to: 'failed' },
    { on: 'lapsed', from: ['open', 'submitted', 'challenge'], to: 'expired' },
    { on: 'cancelled', from: ['open', 'submitted', 'challenge'], to: 'cancelled' },
  ],
})
export type SessionStatus = (typeof sessionLifecycle.states)[number]
export type SessionEvent = (typeof sessionLifecycle.edges)[number]['on']

/** Time to begin, as payment pages give it. */
export const sessionLifeMs = 15 * 60_000
/** Visa and Mastercard count tries on one card; five is what a person needs, and little to whoever tests cards (reliability page, L2). */
export const submissionsMax = 5
/** A page that is reloaded asks for a new one. */
export const grantsMax = 2 * submissionsMax
/** How long after its end the secret still reads it and finishes what is under way: as long as a challenge may be taken over. */
export const afterglowMs = 24 * 3_600_000

/** What became of the last submission. */
export type Outcome = 'bound' | 'challenged' | 'verifying' | 'refused'

type Leg = Pick<BindingRow, 'status' | 'action' | 'created_at'>

/** Of the bindings that the submission began; of one that began none (the card was here already) the instrument itself. */
export function outcomeOf(
  session: Pick<SessionRow, 'submitted_at'>,
  { instrument, bindings }: { readonly instrument: Pick<InstrumentRow, 'status'>; readonly bindings: readonly Leg[] },
): Outcome {
  if (instrument.status === 'unbound' || instrument.status === 'erased') return 'refused'
  const begun = bindings.filter(one => one.created_at >= (session.submitted_at ?? 0))
  const legs = begun.length === 0 ? bindings : begun
  const has = (...of: readonly BindingRow['status'][]) => legs.some(one => of.includes(one.status))
  if (has('active', 'suspended')) return 'bound'
  if (legs.some(one => one.status === 'challenge' || (one.status === 'uncertain' && one.action !== null))) return 'challenged'
  if (has('initiated', 'verifying', 'uncertain')) return 'verifying'
  return 'refused'
}

/** The session as its submission's outcome and its clock make it; the same row when nothing follows. */
export function standing(session: SessionRow, outcome: Outcome | undefined, now: number): SessionRow {
  const told = outcome === undefined ? session : after(session, eventOf(session, outcome, now))
  const late = now >= told.expires_at ? after(told, 'lapsed') : told
  const { status } = late
  return { ...late, due_at: dueOf(late, status === 'expired' ? underWay(outcome) : false, now) }
}

const underWay = (outcome: Outcome | undefined): boolean => outcome === 'challenged' || outcome === 'verifying'

function eventOf({ status, submissions, expires_at }: SessionRow, outcome: Outcome, now: number): SessionEvent {
  if (outcome !== 'refused') return outcome
  return status === 'expired' || submissions >= submissionsMax || now >= expires_at ? 'exhausted' : 'refused'
}

/** One step of the table; what has no edge changes nothing. */
export function after(session: SessionRow, event: SessionEvent): SessionRow {
  const status = next(sessionLifecycle, session.status, event)
  if (status === undefined || status === session.status) return session
  const nothing = event === 'refused' || event === 'exhausted'
  return { ...session, status, ...(nothing ? { instrument: null, refused: session.refused + 1 } : {}) }
}

/** When somebody has to look: at its end; and once more when what was under way then must have ended. */
function dueOf(session: SessionRow, open: boolean, now: number): number | null {
  if (sessionLifecycle.terminal.some(one => one === session.status)) return null
  const last = session.expires_at + afterglowMs
  return session.status !== 'expired' ? session.expires_at : open && now < last ? last : null
}

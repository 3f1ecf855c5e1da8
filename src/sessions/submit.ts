/**
 * A submission: what the browser captured is bound, and the session's move rides in the very commit that makes the intent durable. So of two
 * clicks one binds and the other finds the session moved, and a crash after it leaves a session that says what is under way.
 */
import { kindOfSource } from '../channels/source.ts'
import { keyedHash } from '../core/keyed.ts'
import { fieldProblem, Problem, type ProblemCode } from '../core/problem.ts'
import { type Bound, bind, type Companions } from '../instruments/bind.ts'
import { isCrowded } from '../instruments/sharing.ts'
import { captureOf, type Subject } from '../instruments/source.ts'
import type { Client } from '../instruments/tables.ts'
import { refuseIfOff } from '../safeguards/killSwitch.ts'
import { afterDecline, afterRefusal } from '../safeguards/pace.ts'
import { challengeOf, isRefusal } from '../safeguards/refusal.ts'
import { currentSwitches } from '../safeguards/switches.ts'
import { moveTo, refusedBy } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { type Current, currentSession } from './current.ts'
import { after, outcomeOf, type SessionStatus, standing } from './session.ts'
import { bindingSessions, type SessionRow } from './tables.ts'

export type Submission = {
  readonly subject: Subject
  readonly client: Client
  readonly agreed: boolean
  readonly proof: string | undefined
  readonly request: string
}

/** Somebody else moved the session first: a second click. */
class Overtaken extends Error {
  override readonly name = 'Overtaken'
}

/** `proofWanted`: nothing was spent, and the same may be submitted again with what the browser finds for it. */
export type Submitted = { readonly current: Current; readonly proofWanted?: string | undefined }

export async function submit(
  world: World,
  at: { readonly session: SessionRow; readonly now: number },
  submission: Submission,
): Promise<Submitted> {
  const began = world.now()
  const { session, bound } = await currentSession(world, at)
  const digest = digestOf(world, session, submission.subject)
  // A repetition is told how things stand. What has no capture may be tried again once it was refused.
  const again = session.submitted === digest && (session.status !== 'open' || captureOf(submission.subject) !== undefined)
  if (again) return { current: { session, bound } }
  admitSubmission(session, submission)
  let ours = false
  try {
    refuseIfOff(await currentSwitches(world), session, 'sessions')
    await bindFor(world, { session, now: at.now }, submission, digest)
  } catch (error) {
    const proofWanted = challengeOf(error)
    if (proofWanted !== undefined) return { current: { session, bound }, proofWanted }
    ours = isCrowded(error) || isRefusal(error)
    if (ours) await spend(world, session, { digest, now: at.now })
    else if (!(error instanceof Overtaken)) throw forBrowser(error, submission.subject)
  }
  const row = await world.store.get(bindingSessions, { id: session.id })
  if (row === undefined) throw new TypeError(`no session ${session.id}`)
  const current = await currentSession(world, { session: row, now: at.now })
  // Nobody must see by the clock whether a channel was asked.
  if (ours) await afterRefusal(world, 'session', began)
  else if (current.session.refused > session.refused) await afterDecline(world, 'session', began)
  return { current }
}

const digestOf = (world: World, { id }: SessionRow, subject: Subject): string =>
  keyedHash(world.settings.grantKey, 'session submission', `${id} ${JSON.stringify(subject)}`).toString('hex')

const closed: Readonly<Record<Exclude<SessionStatus, 'open'>, readonly [ProblemCode, string]>> = {
  submitted: ['conflict', 'something is being bound already: read the session'],
  challenge: ['conflict', 'something is being bound already, and waits for the customer: read the session'],
  complete: ['conflict', 'the session is complete'],
  failed: ['gone', 'the session takes no more tries'],
  expired: ['gone', 'the session has expired: ask for a new one'],
  cancelled: ['gone', 'the session was cancelled'],
}

export function refuseClosed({ status }: Pick<SessionRow, 'status'>): void {
  if (status !== 'open') throw new Problem(...closed[status])
}

/** Throws unless the session takes a submission, and this one. */
function admitSubmission(session: SessionRow, { subject, agreed }: Submission): void {
  refuseClosed(session)
  const { kinds, consent_text } = session
  const kind = kindOfSource[subject.type]
  if (kinds !== null && !kinds.includes(kind)) throw fieldProblem(`/${subject.type}`, 'is not what this session binds', 'unprocessable')
  if (consent_text !== null && !agreed) throw fieldProblem('/agreed', 'must be true: the customer agrees to the text', 'unprocessable')
}

/** Kinds that are agreed to by a mandate; a card needs none. */
const mandated: ReadonlySet<Subject['type']> = new Set(['bank_account', 'instant_mandate', 'wallet'])

async function bindFor(
  world: World,
  { session, now }: { readonly session: SessionRow; readonly now: number },
  { subject, client, request, proof }: Submission,
  digest: string,
): Promise<Bound> {
  const { consent_text: textVersion, terms, channels } = session
  const startedAt = world.now()
  return bind(
    world,
    {
      tenant: session.tenant,
      mode: session.mode,
      customer: session.customer,
      subject,
      terms: terms !== null && mandated.has(subject.type) ? terms : undefined,
      channels: channels ?? undefined,
      all: undefined,
      returnUrl: returnTo(session),
      client,
      consent: textVersion === null ? null : { textVersion, acceptedAt: startedAt, ip: client.ip, userAgent: client.userAgent },
      metadata: {},
      request,
      proof,
    },
    companionsOf({ session, digest, startedAt, now }),
  )
}

/** The page that the browser comes back to learns which session it was; its secret the page has to know. */
function returnTo({ id, return_url }: SessionRow): string {
  const url = new URL(return_url)
  url.searchParams.set('binding_session', id)
  return url.href
}

type Claim = { readonly session: SessionRow; readonly digest: string; readonly startedAt: number; readonly now: number }

function companionsOf({ session, digest, startedAt, now }: Claim): Companions {
  const claimed = (instrument: string): SessionRow => ({
    ...after(session, 'submitted'),
    instrument,
    submitted: digest,
    submitted_at: startedAt,
    submissions: session.submissions + 1,
    updated_at: startedAt,
  })
  /** What replaces another is complete only when the other has ended: `currentSession` sees to it. */
  const stood = (row: SessionRow, bound: Bound): SessionRow => (row.replaces === null ? standing(row, outcomeOf(row, bound), now) : row)
  return {
    claim: instrument => [moveTo(bindingSessions, session, claimed(instrument))],
    answer: bound => {
      const row = { ...claimed(bound.instrument.id), version: session.version + 1 }
      const next = stood(row, bound)
      return next === row || next.status === row.status ? [] : [moveTo(bindingSessions, row, next)]
    },
    both: bound => [moveTo(bindingSessions, session, stood(claimed(bound.instrument.id), bound))],
    check: result => {
      if (refusedBy(result, 'binding_sessions_version')) throw new Overtaken()
    },
  }
}

/** What a stranger's browser need not know: which channels there are, and why none of them takes it. */
function forBrowser(error: unknown, subject: Subject): unknown {
  if (!(error instanceof Problem) || !error.errors.some(one => one.pointer.startsWith('/channels'))) return error
  return fieldProblem(`/${subject.type}`, 'cannot be bound here', 'unprocessable')
}

/**
 * Refused before any channel was asked, by a safeguard or because others have the card: it counts and looks like any refusal, or whoever guesses numbers would
 * learn which of them somebody pays with here.
 */
async function spend(world: World, session: SessionRow, { digest, now }: { readonly digest: string; readonly now: number }): Promise<void> {
  const tried = { ...after(session, 'submitted'), submitted: digest, submissions: session.submissions + 1, updated_at: world.now() }
  // Refused: a second click was faster, and told the same.
  await world.store.commit([moveTo(bindingSessions, session, standing(tried, 'refused', now))])
}

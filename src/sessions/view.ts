/** What a session shows to the server that opened it, and what to the browser. */
import type { MandateTerms } from '../channels/channel.ts'
import type { BindingRow, InstrumentRow } from '../instruments/tables.ts'
import { viewInstrument } from '../instruments/view.ts'
import type { Current } from './current.ts'
import { submissionsMax } from './session.ts'
import type { SessionRow } from './tables.ts'

const instant = (ms: number): string => new Date(ms).toISOString()

const shared = (row: Omit<SessionRow, 'version'>) => ({
  id: row.id,
  object: 'binding_session' as const,
  livemode: row.mode === 'live',
  status: row.status,
  kinds: row.kinds,
  return_url: row.return_url,
  consent_text_version: row.consent_text,
  mandate: row.terms === null ? null : viewTerms(row.terms),
  submissions_left: row.status === 'open' ? submissionsMax - row.submissions : 0,
  expires_at: instant(row.expires_at),
})

function viewTerms({ startsOn, endsOn, ...rest }: MandateTerms) {
  return { ...rest, starts_on: startsOn, ...(endsOn === undefined ? {} : { ends_on: endsOn }) }
}

/** `key`: what is told once, to whoever opened it. */
export const viewSession = (row: Omit<SessionRow, 'version'>, key?: { readonly secret: string; readonly url: string }) => ({
  ...shared(row),
  customer: row.customer,
  ...(key === undefined
    ? {}
    : { client_secret: key.secret, ...(row.kinds === null || row.kinds.includes('card') ? { url: key.url } : {}) }),
  channels: row.channels,
  origins: row.origins,
  replaces: row.replaces,
  instrument: row.instrument,
  created_at: instant(row.created_at),
})

/** Without tokens, network ids, leading digits, channels or reasons. */
export function viewForClient(row: InstrumentRow, bindings: readonly BindingRow[]) {
  const { id, object, kind, status, expiring, card, account } = viewInstrument(row, bindings)
  return { id, object, kind, status, expiring, card: card === null ? null : withoutBin(card), account }
}

const withoutBin = <C extends { readonly bin: unknown }>({ bin: _, ...shown }: C): Omit<C, 'bin'> => shown

/** Of an instrument that is not bound yet only what is to be done next is told: whether it was known here before is nobody's to find out. */
export function viewClientSession({ session, bound }: Current, proofWanted?: string) {
  const complete = session.status === 'complete' && bound !== undefined
  const underWay = !complete && session.instrument !== null && bound !== undefined
  return {
    ...shared(session),
    last_submission: complete ? 'bound' : underWay ? 'under_way' : session.refused > 0 ? 'refused' : null,
    proof_wanted: proofWanted ?? null,
    next_action: underWay ? viewInstrument(bound.instrument, bound.bindings).next_action : null,
    instrument: complete ? viewForClient(bound.instrument, bound.bindings) : null,
  }
}

/** Opening a session: the caller's server says what may be bound for whom, and gets a secret to hand to the browser, told once. */
import type { ChannelName, InstrumentKind, MandateTerms } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { customerNow, readCustomer } from '../instruments/customer.ts'
import { knownChannels } from '../instruments/route.ts'
import { type Committed, insert, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { newSecret, secretHash } from './secret.ts'
import { sessionLifeMs } from './session.ts'
import { bindingSessions, type SessionRow } from './tables.ts'

export type Opening = {
  readonly tenant: string
  readonly mode: Mode
  readonly customer: string
  readonly kinds: readonly InstrumentKind[] | null
  readonly channels: readonly ChannelName[] | null
  /** Undefined: the return address's. */
  readonly origins: readonly string[] | undefined
  readonly returnUrl: string
  readonly consentText: string | null
  readonly terms: MandateTerms | null
  readonly replaces: string | null
}

/** `companions`: what rides in the same commit. Throws a problem naming the field for a customer or channel that is not there. */
export async function openSession(
  world: World,
  opening: Opening,
  companions: {
    readonly writes: (row: SessionRow, secret: string) => readonly Write[]
    readonly check: (result: Committed) => void
  } = { writes: () => [], check: () => {} },
): Promise<{ readonly session: SessionRow; readonly secret: string }> {
  const { tenant, mode } = opening
  knownChannels(world, opening.channels ?? [], index => `/channels/${index}`)
  const customer = await readCustomer(world, { tenant, mode, id: opening.customer })
  if (customer === undefined) throw fieldProblem('/customer', 'is not a customer of yours', 'unprocessable')
  const id = nextId(world, 'bse', customer.id)
  const secret = newSecret(world, id)
  const now = world.now()
  const expires = (await customerNow(world, customer)) + sessionLifeMs
  const session: SessionRow = {
    id,
    tenant,
    mode,
    customer: customer.id,
    status: 'open',
    secret_hash: secretHash(world, secret),
    kinds: opening.kinds,
    channels: opening.channels,
    origins: [...new Set((opening.origins ?? [opening.returnUrl]).map(one => new URL(one).origin))],
    return_url: opening.returnUrl,
    consent_text: opening.consentText,
    terms: opening.terms,
    replaces: opening.replaces,
    instrument: null,
    submitted: null,
    submitted_at: null,
    submissions: 0,
    grants: 0,
    refused: 0,
    created_at: now,
    updated_at: now,
    expires_at: expires,
    due_at: expires,
    clock: customer.clock,
    version: 1,
  }
  const result = await world.store.commit([insert(bindingSessions, session), ...companions.writes(session, secret)])
  companions.check(result)
  if (!result.ok) throw new Problem('conflict', 'the session could not be opened')
  return { session, secret }
}

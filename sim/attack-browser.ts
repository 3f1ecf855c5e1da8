/** One browser, a person's or a robot's: it opens a session for a customer, captures a card, submits it, and works when it is told to. */
import { Problem } from '../src/core/problem.ts'
import { resume } from '../src/instruments/resume.ts'
import { bindings } from '../src/instruments/tables.ts'
import { paced } from '../src/safeguards/pace.ts'
import { work } from '../src/safeguards/proof.ts'
import { isRefusal } from '../src/safeguards/refusal.ts'
import { cancelSession } from '../src/sessions/cancel.ts'
import { openSession } from '../src/sessions/open.ts'
import { submit } from '../src/sessions/submit.ts'
import { bindingSessions, type SessionRow } from '../src/sessions/tables.ts'
import { viewClientSession } from '../src/sessions/view.ts'
import { nextId } from '../src/world/world.ts'
import type { Arena } from './attack-world.ts'

export type Visitor = { readonly tenant: string; readonly customer: string; readonly ip: string | null; readonly device: string | null }
export type Card = { readonly number: string; readonly code: string }
/** `text`: what the browser got, without what differs in every answer. `ms`: how long it waited. `worked`: it had to work for it. */
export type Tried = {
  readonly outcome: 'bound' | 'challenge' | 'refused' | 'no_capture'
  readonly text: string
  readonly ms: number
  readonly worked: boolean
  readonly instrument: string | undefined
  readonly session: SessionRow | undefined
}

export async function tryCard({ world, vault }: Arena, visitor: Visitor, card: Card): Promise<Tried> {
  const { tenant, customer } = visitor
  const opening = {
    tenant,
    mode: 'live' as const,
    customer,
    kinds: null,
    channels: null,
    origins: undefined,
    returnUrl: 'https://shop.example/back',
    consentText: null,
    terms: null,
    replaces: null,
  }
  const { session } = await openSession(world, opening)
  const body = { number: card.number, expiry_month: 11, expiry_year: 2029, security_code: card.code }
  const reference = await vault.capture({ tenant, mode: 'live' }, Buffer.from(JSON.stringify(body))).then(
    one => one.reference,
    error => {
      if (error instanceof Problem) return undefined
      throw error
    },
  )
  if (reference === undefined) return { outcome: 'no_capture', text: '', ms: 0, worked: false, instrument: undefined, session: undefined }
  const submission = (proof: string | undefined) => ({
    subject: { type: 'card' as const, capture: reference },
    client: { ip: visitor.ip, userAgent: null, device: visitor.device },
    agreed: false,
    request: nextId(world, 'req'),
    proof,
  })
  const at = { session, now: world.now() }
  let began = world.now()
  let answer = await submit(world, at, submission(undefined))
  const { proofWanted } = answer
  if (proofWanted !== undefined) {
    began = world.now()
    answer = await submit(world, at, submission(work(proofWanted)))
  }
  const shown = viewClientSession(answer.current, answer.proofWanted)
  const status = shown.status
  const outcome = status === 'complete' ? 'bound' : status === 'challenge' ? 'challenge' : 'refused'
  const ms = world.now() - began
  const text = JSON.stringify({ ...shown, id: '', return_url: '', expires_at: '' })
  const { session: now } = answer.current
  return { outcome, text, ms, worked: proofWanted !== undefined, instrument: now.instrument ?? undefined, session: now }
}

/** The browser cancels. */
export async function giveUp({ world }: Arena, { session }: Tried): Promise<void> {
  const now = session && (await world.store.get(bindingSessions, { id: session.id }))
  if (now !== undefined) await cancelSession(world, { session: now, now: world.now() }, nextId(world, 'req'))
}

/** Types a password for the challenge before which the instrument is. */
export async function tryPassword(
  { world, store }: Arena,
  tenant: string,
  instrument: string,
  otp: string,
): Promise<'bound' | 'wrong' | 'refused'> {
  const [binding] = await store.find(bindings, { tenant, instrument })
  if (binding === undefined) throw new TypeError('nothing is being bound')
  const asked = { tenant, binding: binding.id, returned: { otp }, request: nextId(world, 'req') }
  try {
    const before = binding.operations
    const { bindings: after } = await paced(
      world,
      'session',
      () => resume(world, asked),
      () => false,
    )
    const now = after.find(one => one.id === binding.id)
    if (now?.status === 'active') return 'bound'
    return (now?.operations ?? before) > before ? 'wrong' : 'refused'
  } catch (error) {
    if (isRefusal(error)) return 'refused'
    throw error
  }
}

/** What comes after binding: asking how it stands, and giving the mandate up. */
import type { BindOutcome, Call, LookUpInput, LookUpOutcome, References, RevokeInput, RevokeOutcome } from '../channel.ts'
import { ask, fetchMandate, fetchRequest, type Got, outcomeOf, outcomeOfMandate, referencesOf, send, waiting } from './bind.ts'
import {
  type BillingRequest,
  get,
  type Mandate,
  mandateId,
  mandateShape,
  marks,
  post,
  read,
  readFailure,
  readPage,
  requestId,
  schemes,
  uncertain,
} from './wire.ts'

/** A page holds 500 at most (API reference, "Cursor pagination"). */
const pageLimit = 500
/** 5,000 billing requests back. Whoever makes more between a lost answer and its look-up is told that nothing is proven. */
const pagesMax = 10

/** Mandates that take no payment any more. `expired` and `cancelled` may be reinstated; that is told by an event of its own. */
const ended: ReadonlySet<string> = new Set(['cancelled', 'failed', 'expired', 'consumed', 'blocked'])

export async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const { references } = input
  const mandate = mandateId.safeParse(references.mandate ?? input.token)
  if (input.verb === 'revoke') return mandate.success ? stillThere(call, mandate.data, references) : uncertain('no_mandate', references)
  const known = requestId.safeParse(references.billing_request)
  const found = known.success ? await fetchRequest(call, known.data, references) : await search(call, references)
  if (found.kind !== 'got') return found
  const request = found.value
  if (request.metadata?.[marks.binding] !== input.binding) return uncertain('another_binding', references)
  const scheme = input.source?.type === 'bank_account' ? schemes[input.source.scheme] : undefined
  if (scheme !== undefined && request.mandate_request.currency !== scheme.currency) return uncertain('another_scheme', references)
  const names = { ...references, ...referencesOf(request, scheme) }
  const outcome = await outcomeOf(call, request, names, () => unfinished(call, request, names))
  // A mandate that lived and ended since: its end is the news, not a refusal.
  return mandate.success && outcome.kind === 'refused' ? standing(call, mandate.data, names) : outcome
}

/** Where the page's address was lost with its answer, the payer is sent by a new one, back to where the first would have led. */
function unfinished(call: Call, request: BillingRequest, references: References): BindOutcome | Promise<BindOutcome> {
  const back = request.metadata?.[marks.back]
  if (references.challenge !== undefined || back === undefined || !URL.canParse(back)) return waiting(references)
  return send(call, request.id, back, references)
}

/**
 * Requests cannot be found by what they carry, so they are read, newest first. When the list was read to its end and ours is not in it,
 * none was made; should one still arrive, it is a request that nobody is sent to, and binds nothing.
 */
async function search(call: Call, references: References): Promise<Got<BillingRequest> | { readonly kind: 'none' }> {
  let after = ''
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await ask(call, get(call, `/billing_requests?limit=${pageLimit}${after}`))
    const list = answer === undefined ? undefined : readPage(answer)
    if (list === undefined) return uncertain('list_not_read', references)
    const ours = list.billing_requests.find(one => one.metadata?.[marks.operation] === call.operation)
    const id = requestId.safeParse(ours?.id)
    if (id.success) return fetchRequest(call, id.data, { ...references, billing_request: id.data })
    const next = list.meta.cursors.after
    if (next == null || next === '') return { kind: 'none' }
    after = `&after=${encodeURIComponent(next)}`
  }
  return uncertain('list_too_long', references)
}

async function standing(call: Call, id: string, references: References): Promise<LookUpOutcome> {
  const found = await fetchMandate(call, id, references)
  if (found.kind !== 'got') return found
  const mandate = found.value
  const next = mandate.links?.new_mandate
  if (next != null) return { kind: 'updated', token: next, references: { ...references, mandate: next } }
  if (mandate.status === 'expired') return { kind: 'expired' }
  if (mandate.status === 'consumed') return { kind: 'expired', reason: 'consumed' }
  if (mandate.status === 'suspended_by_payer') return { kind: 'suspended', reason: 'mandate_suspended_by_payer' }
  if (ended.has(mandate.status)) return { kind: 'revoked', reason: `mandate_${mandate.status}` }
  return outcomeOfMandate(mandate, undefined, references)
}

async function stillThere(call: Call, id: string, references: References): Promise<LookUpOutcome> {
  const found = await fetchMandate(call, id, references)
  if (found.kind !== 'got') return found
  return gone(found.value) ? { kind: 'revoked' } : { kind: 'none' }
}

/** A mandate that was replaced lives on under its new name. */
const gone = (mandate: Mandate): boolean => ended.has(mandate.status) && mandate.links?.new_mandate == null

/** A replacement may have been replaced; more than this is a circle. */
const replacementsMax = 3

/**
 * "Immediately cancels a mandate … This will fail with a cancellation_failed error if the mandate is already cancelled" (API reference):
 * then the mandate is asked, and where it was replaced its successor is cancelled.
 */
export async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const { references } = input
  let token = mandateId.safeParse(input.token)
  for (let hop = 0; hop <= replacementsMax; hop += 1) {
    if (!token.success) return uncertain('no_mandate', references)
    const id = token.data
    // One key for one thing: the successor's cancellation is another. 48 characters at most.
    const answer = await ask(call, post(call, `/mandates/${id}/actions/cancel`, `${call.key}.cancel${hop === 0 ? '' : hop}`))
    if (answer === undefined) return uncertain('no_answer', references)
    const cancelled = read(answer, 'mandates', mandateShape)
    if (cancelled !== undefined) return confirm(cancelled, id, references)
    const failure = readFailure(answer, references)
    if (failure.kind === 'conflict') return uncertain('cancel_in_conflict', references)
    if (failure.kind !== 'refused' || failure.code !== 'cancellation_failed') return failure
    const found = await fetchMandate(call, id, references)
    if (found.kind !== 'got') return found
    if (gone(found.value)) return { kind: 'revoked' }
    if (found.value.links?.new_mandate == null) return failure
    token = mandateId.safeParse(found.value.links.new_mandate)
  }
  return uncertain('replaced_too_often', references)
}

function confirm(mandate: Mandate, id: string, references: References): RevokeOutcome {
  if (mandate.id !== id) return uncertain('another_mandate', references)
  return gone(mandate) ? { kind: 'revoked' } : uncertain(`left_${mandate.status}`, references)
}

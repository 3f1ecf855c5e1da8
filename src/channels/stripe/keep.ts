/** What comes after binding at Stripe: a new end of the card, giving up, and asking whether it is gone. */
import type { Call, LookUpInput, LookUpOutcome, RevokeInput, RevokeOutcome, Uncertain, UpdateInput, UpdateOutcome } from '../channel.ts'
import { elsewhereCause, exchange, get, type Method, methodShape, post, refusal, shownOf } from './wire.ts'

/** docs.stripe.com/api/payment_methods/update: of a card that is attached to a customer its end may be set, and nothing else. */
export async function update(call: Call, { token, references, card }: UpdateInput): Promise<UpdateOutcome> {
  const request = post(call, `/v1/payment_methods/${encodeURIComponent(token)}`, undefined, [
    ['card[exp_month]', String(card.expiryMonth)],
    ['card[exp_year]', String(card.expiryYear)],
  ])
  const answer = await exchange(call, request, methodShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'object') return updated(answer.value, { token, card })
  const meaning = refusal(answer.error, references, answer.status)
  if (meaning.kind === 'uncertain' || meaning.category !== 'misconfigured' || answer.status === 401 || answer.status === 403) return meaning
  const now = await readMethod(call, token)
  return now.kind === 'attached' ? meaning : now
}

function updated(method: Method, { token, card }: Pick<UpdateInput, 'token' | 'card'>): UpdateOutcome {
  const shown = shownOf(method)
  const fits = method.id === token && shown?.expiryMonth === card.expiryMonth && shown.expiryYear === card.expiryYear
  return fits ? { kind: 'updated', shown } : { kind: 'uncertain', cause: elsewhereCause }
}

export async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const path = `/v1/payment_methods/${encodeURIComponent(input.token)}`
  const answer = await exchange(call, post(call, `${path}/detach`, undefined, []), methodShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'object') return detached(answer.value, input.token)
  const meaning = refusal(answer.error, input.references, answer.status)
  if (meaning.kind === 'uncertain' || meaning.category !== 'misconfigured' || answer.status === 401 || answer.status === 403) return meaning
  // `not attached, so detachment is impossible` has no code of its own: the object itself says whether it is gone.
  const now = await readMethod(call, input.token)
  return now.kind === 'attached' ? meaning : now
}

const detached = (method: { readonly id: string; readonly customer?: unknown }, token: string): RevokeOutcome =>
  method.id === token && method.customer === null
    ? { kind: 'revoked' }
    : { kind: 'uncertain', cause: method.id === token ? 'still attached after a detach' : elsewhereCause }

async function readMethod(call: Call, token: string): Promise<{ readonly kind: 'attached' } | { readonly kind: 'revoked' } | Uncertain> {
  const answer = await exchange(call, get(call, `/v1/payment_methods/${encodeURIComponent(token)}`), methodShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'error') {
    // A token of the other mode is `missing` too, and then it is our configuration that is wrong, not the card that is gone.
    const gone = answer.error.code === 'resource_missing' && !/similar object exists/i.test(answer.error.message ?? '')
    return gone
      ? { kind: 'revoked' }
      : { kind: 'uncertain', cause: `stripe ${answer.status} while reading: ${answer.error.code ?? answer.error.type}` }
  }
  if (answer.value.id !== token) return { kind: 'uncertain', cause: elsewhereCause }
  // `null` is the word for it; one that says nothing of its customer proves nothing.
  if (answer.value.customer === undefined) return { kind: 'uncertain', cause: 'the customer is not told' }
  return answer.value.customer === null ? { kind: 'revoked' } : { kind: 'attached' }
}

export async function lookUpRevoke(call: Call, { references, token }: LookUpInput): Promise<LookUpOutcome> {
  const method = references.payment_method ?? token
  if (method === undefined) return { kind: 'uncertain', cause: 'the payment method is not known', references }
  const now = await readMethod(call, method)
  return now.kind === 'attached' ? { kind: 'none' } : now
}

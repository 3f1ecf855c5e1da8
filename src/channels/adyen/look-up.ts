/** What Adyen can be asked afterwards: the list of a shopper's stored details, and nothing else. */
import type { LookUpInput, LookUpOutcome, References } from '../channel.ts'
import { boundFrom, type readFailure, type StoredCards, uncertain, updatedFrom } from './wire.ts'

/**
 * What the list says. An entry that merely looks the same (last four and expiry) may have been stored by an earlier bind, and a missing one
 * may still be on its way; neither is taken for an answer. Under a shopper's reference that is one binding's own, what is there is its;
 * that the list shows mandates is read from the specification ("the tokens for stored payment details"), and was not seen live. The webhook
 * tells the same.
 */
export function readList(list: StoredCards, input: LookUpInput, references: References): LookUpOutcome {
  const stored = list.storedPaymentMethods
  const token = input.references.stored_payment_method ?? input.token
  const found = stored.find(one => one.id === token)
  if (input.verb === 'revoke') {
    if (found !== undefined) return { kind: 'none' }
    // Absence proves something only for a token we know, in a list that says whose it is.
    return token === undefined || list.shopperReference === undefined ? uncertain('not_provable', references) : { kind: 'revoked' }
  }
  if (input.verb === 'refresh') return found === undefined ? uncertain('not_provable', references) : updatedFrom(found, references)
  if (found !== undefined) return boundFrom(found, references)
  if (input.source?.type === 'instant_mandate' || input.source?.type === 'encrypted_card') {
    const [only, another] = list.shopperReference === undefined ? [] : stored
    return only !== undefined && another === undefined ? boundFrom(only, references) : uncertain('not_approved_yet', references)
  }
  const alike = stored.filter(one => looksLike(one, input.source)).length
  return uncertain(`not_provable: ${alike} stored card(s) look the same`, references)
}

function looksLike(
  stored: { lastFour?: string | undefined; expiryMonth?: string | undefined; expiryYear?: string | undefined },
  source: LookUpInput['source'],
): boolean {
  if (source?.type !== 'card' || stored.lastFour !== source.card.last4) return false
  const { card } = source
  return Number(stored.expiryMonth) === card.expiryMonth && Number(stored.expiryYear) % 100 === card.expiryYear % 100
}

/** The list itself failed. A shopper Adyen has never heard of has nothing stored, which proves a revoke and nothing else. */
export function notAnswered(failure: ReturnType<typeof readFailure>, input: LookUpInput, references: References): LookUpOutcome {
  if (failure.kind === 'gone') return input.verb === 'revoke' ? { kind: 'revoked' } : uncertain('shopper_not_found', references)
  return failure.kind === 'refused' ? uncertain(`look_up_refused_${failure.code}`, references) : failure
}

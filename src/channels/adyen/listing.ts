/** The stored payment details of a shopper: GET /storedPaymentMethods, all of them at once. What was disabled is not on it. */
import type { ChannelAnswer } from '../channel.ts'
import { NoAnswer } from '../channel.ts'
import type { Listing } from '../listing.ts'
import { listRequest, merchantAccountOf } from './requests.ts'
import { readFailure, readStoredCards, uncertain } from './wire.ts'

export const listing: Listing = {
  by: 'shopper_reference',
  page: async (call, { owner }) => {
    let answer: ChannelAnswer
    try {
      answer = await call.send(listRequest(call, owner))
    } catch (error) {
      if (error instanceof NoAnswer) return uncertain('no_answer')
      throw error
    }
    const list = readStoredCards(answer)
    if (list === undefined) {
      const failure = readFailure(answer, {})
      if (failure.kind === 'gone') return { kind: 'listed', listed: [] }
      return failure.kind === 'refused' ? uncertain(`list_refused_${failure.code}`) : failure
    }
    // Absence is counted, so a list has to say whose it is; the specification leaves both out where it is empty.
    if (list.merchantAccount !== undefined && list.merchantAccount !== merchantAccountOf(call.account)) return uncertain('another_merchant')
    if (list.shopperReference !== owner) return uncertain('another_shopper')
    return {
      kind: 'listed',
      listed: list.storedPaymentMethods.map(({ id }) => ({ token: id, status: 'kept' })),
    }
  },
}

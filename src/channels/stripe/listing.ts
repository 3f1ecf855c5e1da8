/** The payment methods of a customer: GET /v1/customers/{customer}/payment_methods, newest first. What was detached is not on it. */
import { z } from 'zod'
import type { Listed, Listing } from '../listing.ts'
import { exchange, get, idOf, type Method, methodShape } from './wire.ts'

/** Stripe's largest page. */
const pageSize = 100
const methodsShape = z.looseObject({ object: z.literal('list'), data: z.array(methodShape), has_more: z.boolean() })

export const listing: Listing = {
  by: 'customer',
  page: async (call, { owner, cursor }) => {
    const request = get(call, `/v1/customers/${encodeURIComponent(owner)}/payment_methods`, [
      ['limit', String(pageSize)],
      ...(cursor === undefined ? [] : [['starting_after', cursor] as const]),
    ])
    const answer = await exchange(call, request, methodsShape)
    if (answer.kind === 'uncertain') return answer
    if (answer.kind === 'error') {
      // A customer of the other mode is `missing` too, and then it is our configuration that is wrong.
      const unknown =
        answer.status === 404 && answer.error.code === 'resource_missing' && !/similar object/i.test(answer.error.message ?? '')
      return unknown ? { kind: 'listed', listed: [] } : { kind: 'uncertain', cause: `stripe ${answer.status} while listing` }
    }
    const { data, has_more: more } = answer.value
    if (data.some(one => idOf(one.customer) !== owner)) return { kind: 'uncertain', cause: 'the answer is about somebody else' }
    const last = data.at(-1)?.id
    if (more && last === undefined) return { kind: 'uncertain', cause: 'a list that goes on from nothing' }
    return { kind: 'listed', listed: data.map(listedOf), ...(more && last !== undefined ? { next: last } : {}) }
  },
}

/** Cards have no status of their own; of a bank account Stripe says when it is blocked (`us_bank_account.status_details.blocked`). */
function listedOf({ id, us_bank_account: account }: Method): Listed {
  const blocked = account?.status_details?.blocked
  return blocked == null ? { token: id, status: 'kept' } : { token: id, status: 'suspended', reason: blocked.reason ?? 'blocked' }
}

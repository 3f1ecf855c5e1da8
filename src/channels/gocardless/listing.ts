/** The mandates of a customer: GET /mandates?customer=…, in whatever status they are (API reference, Mandates, "List mandates"). */
import { z } from 'zod'
import type { Listed, Listing } from '../listing.ts'
import { ask } from './bind.ts'
import { get, type Mandate, mandateShape, uncertain } from './wire.ts'

/** A page holds 500 at most (API reference, "Cursor pagination"). */
const pageLimit = 500
const listedMandate = mandateShape.extend({ links: z.looseObject({ customer: z.string(), new_mandate: z.string().nullish() }) })
const mandatesShape = z.object({
  mandates: z.array(listedMandate),
  meta: z.looseObject({ cursors: z.looseObject({ after: z.string().nullish() }) }),
})

export const listing: Listing = {
  by: 'customer',
  page: async (call, { owner, cursor }) => {
    const after = cursor === undefined ? '' : `&after=${encodeURIComponent(cursor)}`
    const answer = await ask(call, get(call, `/mandates?customer=${encodeURIComponent(owner)}&limit=${pageLimit}${after}`))
    if (answer === undefined) return uncertain('no_answer', {})
    const page = answer.status === 200 ? mandatesShape.safeParse(parsed(answer.body)) : undefined
    if (page?.success !== true) return uncertain('list_not_read', {})
    const { mandates, meta } = page.data
    if (mandates.some(one => one.links.customer !== owner)) return uncertain('another_customer', {})
    const next = meta.cursors.after
    return { kind: 'listed', listed: mandates.map(listedOf), ...(next == null || next === '' ? {} : { next }) }
  },
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const revoked: ReadonlySet<string> = new Set(['cancelled', 'failed', 'blocked'])
const ended: ReadonlySet<string> = new Set(['expired', 'consumed'])

/** A mandate that was replaced lives on under its successor's name, of which an event tells. */
function listedOf({
  id,
  status,
  links,
}: Pick<Mandate, 'id' | 'status'> & { readonly links: { readonly new_mandate?: string | null | undefined } }): Listed {
  if (links.new_mandate != null) return { token: id, status: 'kept' }
  if (status === 'active') return { token: id, status: 'active' }
  if (status === 'suspended_by_payer') return { token: id, status: 'suspended', reason: 'mandate_suspended_by_payer' }
  if (ended.has(status)) return { token: id, status: 'expired' }
  return revoked.has(status) ? { token: id, status: 'revoked', reason: `mandate_${status}` } : { token: id, status: 'kept' }
}

/** How an order, a payment, a token stands over there, and what that means for the binding. Reads only. */
import type { Bound, Call, News, References, Refused, Uncertain, Verifying } from '../channel.ts'
import { authorisation } from './mandate.ts'
import { ask, type Payment, read, refusedBecause, refusedPayment, shapes, type Token, uncertain } from './wire.ts'

export type Ending = Bound | Verifying | Refused | Uncertain
export type Standing =
  | { readonly kind: 'ended'; readonly ending: Ending }
  /** The customer has not acted yet. */
  | { readonly kind: 'waiting'; readonly payment: Payment }
  /** Nobody has tried to pay it. */
  | { readonly kind: 'untried' }

const ended = (ending: Ending): Standing => ({ kind: 'ended', ending })

/** "There can only be one successful payment for each order ID": the one that succeeded is the mandate. */
export async function standingOf(call: Call, order: string, references: References): Promise<Standing> {
  const said = await ask(call, read.paymentsOf(call, order), shapes.payments)
  if (said.kind !== 'said') return ended(uncertain(said.kind === 'no' ? 'order_not_read' : said.cause, references))
  const { items } = said.content
  if (items.some(one => !isOf(one, order))) return ended(uncertain('another_order', references))
  const paid = items.find(one => one.status !== 'created' && one.status !== 'failed')
  if (paid !== undefined) return ended(await endingOf(call, paid, references))
  const newest = items.toSorted((one, other) => other.created_at - one.created_at)
  const waiting =
    newest.find(one => one.id === references.payment && one.status === 'created') ?? newest.find(one => one.status === 'created')
  if (waiting !== undefined) return { kind: 'waiting', payment: waiting }
  const [failed] = newest
  return failed === undefined ? { kind: 'untried' } : ended(refusedPayment(failed, { ...references, payment: failed.id }))
}

/** A payment of our order over our amount; anything else is not what was asked for. */
export const isOf = (payment: Payment, order: string): boolean =>
  payment.order_id === order && payment.amount === authorisation.amount && payment.currency === authorisation.currency

/** A payment that was made: its token decides. */
async function endingOf(call: Call, { id, token_id: token, customer_id }: Payment, references: References): Promise<Ending> {
  const known = { ...references, payment: id }
  const customer = references.customer ?? customer_id ?? ''
  if (typeof token !== 'string' || customer === '') return { kind: 'verifying', references: known }
  const said = await ask(call, read.token(call, customer, token), shapes.token)
  if (said.kind !== 'said') return uncertain(said.kind === 'no' ? 'token_not_read' : said.cause, { ...known, token })
  if (said.content.id !== token) return uncertain('another_token', known)
  return tokenEnding(said.content, { ...known, customer, token })
}

/** States by razorpay.com/docs/api/payments/recurring-payments/upi/tokens. A paused mandate is one all the same; its pause is told apart. */
export function tokenEnding(token: Token, references: References): Ending {
  const { status, failure_reason: reason } = token.recurring_details
  switch (status) {
    case 'confirmed':
    case 'paused':
    case 'resumed':
      return boundBy(token, references)
    case 'initiated':
      return { kind: 'verifying', references }
    case 'rejected':
      return refusedBecause('token_rejected', reason, references)
    case 'cancellation_initiated':
    case 'cancelled':
      return refusedBecause('token_cancelled', reason, references)
    default:
      return uncertain(`token_${status}`, references)
  }
}

export function boundBy(token: Token, references: References): Bound {
  return {
    kind: 'bound',
    token: token.id,
    references: { ...references, token: token.id },
    ...shownOf(token),
    ...(typeof token.expired_at === 'number' ? { validUntilMs: token.expired_at * 1_000 } : {}),
  }
}

export function shownOf({ method, vpa, card }: Token): Pick<Bound, 'shown'> {
  if (method === 'upi') return { shown: { brand: 'upi_autopay', ...(vpa ? { handle: masked(vpa.username, vpa.handle) } : {}) } }
  if (!card) return {}
  const { last4, network, expiry_month: month, expiry_year: year } = card
  return {
    shown: {
      ...(network ? { brand: network.toLowerCase() } : {}),
      ...(last4 ? { last4 } : {}),
      ...(month ? { expiryMonth: month } : {}),
      ...(year ? { expiryYear: year < 100 ? 2_000 + year : year } : {}),
    },
  }
}
const masked = (username: string, handle: string): string => `${username.slice(0, 2)}****@${handle}`

/** What a token's state is on its own, after it was bound. */
export function tokenNews(token: Token): News | undefined {
  const { status, failure_reason: reason } = token.recurring_details
  switch (status) {
    case 'confirmed':
      return boundBy(token, {})
    case 'paused':
      return { kind: 'suspended', reason: 'paused_by_customer' }
    case 'resumed':
      return { kind: 'resumed' }
    case 'cancellation_initiated':
      return { kind: 'revoking' }
    case 'cancelled':
      return { kind: 'revoked', ...(reason ? { reason } : {}) }
    case 'rejected':
      return refusedBecause('token_rejected', reason, { token: token.id })
    default:
      return undefined
  }
}

/**
 * Razorpay, India: UPI Autopay mandates by the customer's UPI app, and cards by one-time password, both as a ₹1 authorisation payment of an
 * order that carries the mandate. Razorpay has no idempotency keys: the order's `receipt` is our operation, and an order can be paid once.
 */
import type {
  BindInput,
  BindOutcome,
  Call,
  Channel,
  LookUpInput,
  LookUpOutcome,
  References,
  ResumeInput,
  RevokeInput,
  RevokeOutcome,
} from '../channel.ts'
import { attemptCard, attemptUpi, noOf, otpChallenge, placeOrder, sendPassword } from './attempt.ts'
import { sandboxValues } from './magic.ts'
import { type Method, orderTokenOf } from './mandate.ts'
import { refusals } from './refusals.ts'
import { standingOf } from './standing.ts'
import { readWebhook, webhookScheme } from './webhook.ts'
import { actionsIn, ask, end, type Failure, noteIn, otp, read, refusedBy, shapes, uncertain } from './wire.ts'

export const razorpay: Channel = {
  name: 'razorpay',
  title: 'Razorpay',
  proof: {
    rank: 'sdk',
    source:
      'razorpay 2.9.8 (npm), driven against the simulator, its webhook verifier, and razorpay.com/docs (razorpay/markdown-docs, 2026-04); no specification is published. Not confirmed: whether cancelling a card’s token is possible otherwise than by deleting it',
  },
  repeat: {
    // The order is looked for by its receipt first; a further attempt in it cannot be paid beside another. Cards: while the vault has the code.
    bind: { kind: 'repeatable', times: 5 },
    // A password is good for a few tries only: never sent twice by us.
    resume: { kind: 'lookUp' },
    // "The resend option may be unavailable after a certain number of retries", which the bank determines.
    resend: { kind: 'repeatable', times: 1 },
    revoke: { kind: 'repeatable', times: 5 },
  },
  ways: [
    { kind: 'instant_mandate', shape: 'app_link', scheme: 'upi_autopay', countries: ['IN'] },
    { kind: 'instant_mandate', shape: 'qr', scheme: 'upi_autopay', countries: ['IN'] },
    { kind: 'card', shape: 'otp', countries: ['IN'] },
    { kind: 'card', shape: 'redirect', countries: ['IN'] },
  ],
  // "Currently, we only support INR."
  currencies: new Map([['INR', 2]]),
  refusals,
  webhookScheme,
  sandboxValues,
  // Razorpay throttles (429) and publishes no number. A courtesy.
  requestsPerSecondMax: 20,
  account: { secrets: ['keySecret'], settings: ['keyId', 'contactEmail', 'contactPhone'] },
  bind,
  resume,
  resend,
  lookUp,
  revoke,
  webhook: readWebhook,
}

const no = (code: string): BindOutcome => ({
  kind: 'refused',
  by: 'channel',
  category: 'not_supported',
  code,
  elsewhere: true,
  references: {},
})

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source } = input
  const method: Method | undefined =
    source.type === 'card' ? 'card' : source.type === 'instant_mandate' && source.rail === 'upi_autopay' ? 'upi' : undefined
  if (method === undefined) return no(`source_${source.type}`)
  const token = orderTokenOf(input.terms, method)
  if (typeof token === 'string') return no(token)
  const placed = await placeOrder(call, input, { method, token })
  if (placed.kind === 'ended') return placed.ending
  const { references } = placed
  if (placed.found) {
    const standing = await standingOf(call, references.order, references)
    // A refusal of an earlier attempt is final as well: the same call gives the same answer.
    if (standing.kind === 'ended') return standing.ending
  }
  if (method === 'card') return attemptCard(call, input, references)
  return attemptUpi(call, { ...references, binding: input.binding }, source, references)
}

/** Whatever the browser brings, what stands in the order counts. Only a password is carried on. */
async function resume(call: Call, { references, returned }: ResumeInput): Promise<BindOutcome> {
  const { order } = references
  if (order === undefined) return uncertain('no_order', references)
  const standing = await standingOf(call, order, references)
  if (standing.kind === 'ended') return standing.ending
  if (standing.kind === 'untried') return uncertain('untried', references)
  const password = returned.otp
  if (references.challenge !== 'card' || password === undefined || password === '') return uncertain('awaiting_the_customer', references)
  const { id } = standing.payment
  const said = await ask(call, otp.submit(call, id, password), shapes.attempted)
  if (said.kind === 'nothing') return uncertain(said.cause, references)
  if (said.kind === 'no') {
    const again = actionsIn(said.failure.next)
    if (!again.some(one => one.action === 'otp_submit')) return passwordRefused(call, said.failure, order, references)
    return otpChallenge({ razorpay_payment_id: id, next: said.failure.next }, { ...references, payment: id })
  }
  if (said.content.razorpay_payment_id !== id) return uncertain('another_payment', references)
  const after = await standingOf(call, order, { ...references, payment: id })
  return after.kind === 'ended' ? after.ending : { kind: 'verifying', references: { ...references, payment: id } }
}

/** A closed door says nothing about the password. */
async function passwordRefused(call: Call, failure: Failure, order: string, references: References): Promise<BindOutcome> {
  const outcome = await noOf(call, failure, order, references)
  return outcome.kind === 'refused' && outcome.category === 'misconfigured' ? uncertain(`closed_door_${outcome.code}`, references) : outcome
}

async function resend(call: Call, { references }: ResumeInput): Promise<BindOutcome> {
  const { payment } = references
  if (payment === undefined || references.challenge !== 'card') return uncertain('no_password_to_send', references)
  const said = await ask(call, otp.resend(call, payment), shapes.attempted)
  if (said.kind === 'nothing') return uncertain(said.cause, references)
  // The old password may still be good: not being able to send another decides nothing.
  if (said.kind === 'no') return uncertain('not_sent_again', references)
  if (said.content.razorpay_payment_id !== payment) return uncertain('another_payment', references)
  return otpChallenge(said.content, references)
}

async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  if (input.verb === 'revoke') return lookUpToken(call, input)
  const { references } = input
  // While the customer has been shown nothing, the order goes by our own name for it; after that by the payment that was shown.
  const order = references.payment === undefined || references.order === undefined ? await ownOrder(call) : references.order
  if (typeof order !== 'string') return order
  const found = { ...references, order }
  const standing = await standingOf(call, order, found)
  if (standing.kind === 'ended') return standing.ending
  const card = input.source?.type === 'card' || references.challenge === 'card'
  if (!card) return references.payment === undefined ? linkAgain(call, input, order) : uncertain('awaiting_the_customer', found)
  if (standing.kind === 'untried') return uncertain('untried', found)
  const { id } = standing.payment
  const known = { ...found, payment: id, challenge: 'card' }
  // Its answer was lost, or a password's was: the customer is asked for one (again).
  return sendPassword(call, id, known)
}

/** Without an order nothing can have been agreed to: it stands before the customer sees anything. */
async function ownOrder(call: Call): Promise<string | LookUpOutcome> {
  const said = await ask(call, read.ordersByReceipt(call), shapes.orders)
  if (said.kind !== 'said') return uncertain(said.kind === 'no' ? 'orders_not_read' : said.cause)
  const { items } = said.content
  if (items.some(one => one.receipt?.includes(call.operation) !== true)) return uncertain('another_receipt')
  const found = items.find(one => one.receipt === call.operation)
  return found === undefined ? { kind: 'none' } : found.id
}

/** The link was in an answer that was lost. Another one of the same order takes its place; only one of them can be agreed to. */
async function linkAgain(call: Call, input: LookUpInput, order: string): Promise<LookUpOutcome> {
  const said = await ask(call, read.order(call, order), shapes.order)
  const customer = said.kind === 'said' && said.content.id === order ? noteIn(said.content.notes, 'customer') : undefined
  if (customer === undefined) return uncertain('order_not_read', { ...input.references, order })
  const references = { ...input.references, customer, order, challenge: 'upi' }
  return attemptUpi(call, { order, customer, binding: input.binding }, input.source, references)
}

async function lookUpToken(call: Call, { references }: LookUpInput): Promise<LookUpOutcome> {
  const { customer, token } = references
  if (customer === undefined || token === undefined) return uncertain('no_token', references)
  const standing = await tokenOf(call, customer, token, references)
  return standing.kind === 'alive' ? { kind: 'none' } : standing.outcome
}

type TokenStanding = { readonly kind: 'alive'; readonly method: string } | { readonly kind: 'known'; readonly outcome: RevokeOutcome }

async function tokenOf(call: Call, customer: string, token: string, references: RevokeInput['references']): Promise<TokenStanding> {
  const known = (outcome: RevokeOutcome): TokenStanding => ({ kind: 'known', outcome })
  const said = await ask(call, read.token(call, customer, token), shapes.token)
  if (said.kind === 'nothing') return known(uncertain(said.cause, references))
  if (said.kind === 'no') {
    // A card's token that was deleted is not found any more; a mandate that is not found may still live at NPCI.
    const gone = references.challenge === 'card' && /does not exist/.test(said.failure.error.description ?? '')
    return known(gone ? { kind: 'revoked' } : uncertain('token_not_found', references))
  }
  if (said.content.id !== token) return known(uncertain('another_token', references))
  switch (said.content.recurring_details.status) {
    case 'cancelled':
    case 'rejected':
      return known({ kind: 'revoked' })
    case 'cancellation_initiated':
      return known({ kind: 'revoking' })
    default:
      return { kind: 'alive', method: said.content.method }
  }
}

/** A mandate is cancelled at NPCI and ends later ("cancellations can fail if NPCI returns a failure"); a card's token is deleted. */
async function revoke(call: Call, { token, references }: RevokeInput): Promise<RevokeOutcome> {
  const { customer } = references
  if (customer === undefined) return uncertain('no_customer', references)
  const standing = await tokenOf(call, customer, token, references)
  if (standing.kind === 'known') return standing.outcome
  if (standing.method === 'card') {
    const said = await ask(call, end.card(call, customer, token), shapes.deleted)
    if (said.kind === 'no') return refusedBy(said.failure, references)
    return said.kind === 'said' ? { kind: 'revoked' } : uncertain(said.cause, references)
  }
  const said = await ask(call, end.mandate(call, customer, token), shapes.cancelled)
  if (said.kind === 'no') return refusedBy(said.failure, references)
  if (said.kind === 'nothing') return uncertain(said.cause, references)
  if (said.content.status === 'cancellation_initiated') return { kind: 'revoking' }
  return said.content.status === 'cancelled' ? { kind: 'revoked' } : uncertain(`cancel_${said.content.status}`, references)
}

/** Adyen: cards stored by a zero-value authorisation, through Checkout API v71. */
import {
  type BindInput,
  type BindOutcome,
  type Call,
  type Channel,
  type ChannelAnswer,
  type ChannelRequest,
  type LookUpInput,
  type LookUpOutcome,
  NoAnswer,
  type References,
  type Refused,
  type Repeat,
  type ResumeInput,
  type RevokeInput,
  type RevokeOutcome,
  type Uncertain,
} from '../channel.ts'
import { currencies } from './currencies.ts'
import { sandboxValues } from './magic.ts'
import { categories, refusalOf } from './refusals.ts'
import { readWebhook } from './webhook.ts'
import {
  bindRequest,
  boundFrom,
  boundOf,
  deleteRequest,
  listRequest,
  merchantAccountOf,
  type PaymentAnswer,
  readFailure,
  readPayment,
  readStoredCards,
  redirectOf,
  resumeRequest,
  shopperOf,
  tokenOf,
  uncertain,
} from './wire.ts'

const dayMs = 86_400_000
/**
 * POST only. Keys are kept at least 7 days (docs.adyen.com/development-resources/api-idempotency; older copies of the page say 31, the
 * shorter is believed), at most 64 characters (Checkout v71, `Idempotency-Key`).
 */
const keyed: Repeat = { kind: 'keyed', windowMs: 7 * dayMs, keyLengthMax: 64 }

export const adyen: Channel = {
  name: 'adyen',
  title: 'Adyen',
  proof: { rank: 'specification', source: 'Adyen Checkout v71, Webhooks v1 and Tokenization webhooks v1 (adyen-openapi, 2026-07)' },
  // "GET, DELETE and PUT are idempotent by definition", same page.
  repeat: { bind: keyed, resume: keyed, revoke: { kind: 'repeatable', times: 5 } },
  ways: [
    { kind: 'card', shape: 'direct' },
    { kind: 'card', shape: 'redirect' },
  ],
  currencies,
  refusals: categories,
  webhookScheme: {
    algorithm: 'hmac-sha256',
    over: 'eight fields of a standard item, joined by colons; the raw body of a token event',
    header: 'additionalData.hmacSignature; HmacSignature',
  },
  sandboxValues,
  // It answers `recurring.token.alreadyExisting`, with the token it gave before.
  oneTokenPerCard: true,
  // Adyen publishes no number. Ours is a courtesy, below what any merchant is known to be given.
  requestsPerSecondMax: 20,
  account: { secrets: ['apiKey'], settings: ['merchantAccount'] },
  bind,
  resume,
  lookUp,
  revoke,
  webhook: readWebhook,
}

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const references = { merchant_reference: call.operation, shopper_reference: input.customer }
  if (input.source.type !== 'card') return notTaken(input.source.type, references)
  const answer = await ask(call, bindRequest(call, input, input.source.card))
  return answer === undefined ? uncertain('no_answer', references) : outcomeOf(answer, references)
}

/** Nothing was sent, so it is a definite no. */
const notTaken = (code: string, references: References): Refused => ({
  kind: 'refused',
  by: 'channel',
  category: 'not_supported',
  code,
  elsewhere: true,
  references,
})

/**
 * Without a result in the address nothing is sent and nothing is known, nor if Adyen cannot read it: the challenge may still be open in
 * another tab, so neither is a refusal.
 */
async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const references = { shopper_reference: input.customer, ...input.references }
  const request = resumeRequest(call, input.returned)
  if (request === undefined) return uncertain('returned_without_result', references)
  const answer = await ask(call, request)
  if (answer === undefined) return uncertain('no_answer', references)
  // A result that Adyen cannot read was not made by Adyen's page, and says nothing about the challenge.
  if (answer.status === 400 || answer.status === 422) return uncertain('result_not_read', references)
  return outcomeOf(answer, references)
}

/**
 * Adyen has no way to ask how a payment ended. The list of the shopper's stored cards tells what stands behind a token we know already.
 * An entry that merely looks the same (last four and expiry) may have been stored by an earlier bind, and a missing one may still be on
 * its way; neither is taken for an answer. A bind whose answer was lost for good is told by webhook, or parked for a person.
 */
async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const references = { shopper_reference: input.customer, ...input.references }
  const answer = await ask(call, listRequest(call, references.shopper_reference))
  if (answer === undefined) return uncertain('no_answer', references)
  const list = readStoredCards(answer)
  if (list === undefined) return notAnswered(readFailure(answer, references), input, references)
  if (list.merchantAccount !== undefined && list.merchantAccount !== merchantAccountOf(call.account))
    return uncertain('another_merchant', references)
  if (list.shopperReference !== undefined && list.shopperReference !== references.shopper_reference)
    return uncertain('another_shopper', references)
  const cards = list.storedPaymentMethods
  const { stored_payment_method: token } = input.references
  const found = cards.find(one => one.id === token)
  if (input.verb === 'revoke') {
    if (found !== undefined) return { kind: 'none' }
    // Absence proves something only for a token we know, in a list that says whose it is.
    return token === undefined || list.shopperReference === undefined ? uncertain('not_provable', references) : { kind: 'revoked' }
  }
  if (found !== undefined) return boundFrom(found, references)
  const alike = cards.filter(one => looksLike(one, input.source)).length
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
function notAnswered(failure: ReturnType<typeof readFailure>, input: LookUpInput, references: References): LookUpOutcome {
  if (failure.kind === 'gone') return input.verb === 'revoke' ? { kind: 'revoked' } : uncertain('shopper_not_found', references)
  return failure.kind === 'refused' ? uncertain(`look_up_refused_${failure.code}`, references) : failure
}

async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const answer = await ask(call, deleteRequest(call, input.token, input.references.shopper_reference ?? input.customer))
  if (answer === undefined) return uncertain('no_answer', input.references)
  if (answer.status === 204) return { kind: 'revoked' }
  const failure = readFailure(answer, input.references)
  return failure.kind === 'gone' ? { kind: 'revoked' } : failure
}

async function ask(call: Call, request: ChannelRequest): Promise<ChannelAnswer | undefined> {
  try {
    return await call.send(request)
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

function outcomeOf(answer: ChannelAnswer, references: References): BindOutcome {
  const payment = readPayment(answer)
  if (payment === undefined) {
    const failure = readFailure(answer, references)
    return failure.kind === 'gone' ? uncertain(`unexpected_${answer.status}`, references) : failure
  }
  if (payment.merchantReference !== undefined && payment.merchantReference !== references.merchant_reference)
    return uncertain('another_reference', references)
  const shopper = shopperOf(payment.additionalData)
  if (shopper !== undefined && shopper !== references.shopper_reference) return uncertain('another_shopper', references)
  const known = payment.pspReference === undefined ? references : { ...references, psp_reference: payment.pspReference }
  return readResult(payment, known)
}

/**
 * Result codes as Checkout v71 describes them. `Error` is called a final state there ("there was an error when the payment was being
 * processed"), so it is a no by the channel; should a webhook still say otherwise, that is a fact of its own.
 */
function readResult(payment: PaymentAnswer, references: References): BindOutcome {
  switch (payment.resultCode) {
    case 'Authorised':
    case 'PartiallyAuthorised': {
      const token = tokenOf(payment.additionalData)
      // Accounts that do not show the token in answers hear it by webhook (`recurring.token.created`).
      return token === undefined ? { kind: 'verifying', references } : boundOf(token, payment.additionalData, references)
    }
    case 'Pending':
    case 'Received':
      return { kind: 'verifying', references }
    case 'RedirectShopper':
    case 'IdentifyShopper':
    case 'ChallengeShopper':
    case 'PresentToShopper':
      return challengeOf(payment, references)
    case 'Refused':
    case 'Cancelled':
    case 'Error':
      return refusedBecause(payment, references)
    default:
      return uncertain(`result_${payment.resultCode}`, references)
  }
}

function challengeOf(payment: PaymentAnswer, references: References): BindOutcome {
  const action = redirectOf(payment.action)
  if (action !== undefined) return { kind: 'challenged', action, references }
  // Without the shopper it can never be authorised, and this is not a step we can show: a definite no, and another channel may do better.
  const code = `${payment.resultCode}:${payment.action?.type ?? 'no_action'}`
  return { kind: 'refused', by: 'channel', category: 'not_supported', code, elsewhere: true, references }
}

function refusedBecause(payment: PaymentAnswer, references: References): Refused | Uncertain {
  const known = refusalOf(payment.refusalReasonCode)
  // No code at all: `Cancelled` and `Error` were not the issuer's doing.
  const bare = payment.refusalReasonCode === undefined && payment.resultCode !== 'Refused'
  const refusal = bare ? { by: 'channel' as const, category: 'unknown' as const, elsewhere: payment.resultCode === 'Error' } : known
  return {
    kind: 'refused',
    by: refusal.by,
    category: refusal.category,
    elsewhere: refusal.elsewhere,
    code: payment.refusalReasonCode ?? payment.resultCode.toLowerCase(),
    ...(payment.refusalReason === undefined ? {} : { message: payment.refusalReason }),
    references,
  }
}

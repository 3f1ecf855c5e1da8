/**
 * Adyen, through Checkout API v71: cards stored by a zero-value authorisation (by number, or by what Adyen's own fields encrypted), with
 * 3-D Secure by redirect or in the page, and UPI Autopay mandates that the payer approves in an app. Recurring API v68 asks the schemes
 * for renewed cards.
 */
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
  type RefreshInput,
  type RefreshOutcome,
  type Refused,
  type Repeat,
  type ResumeInput,
  type RevokeInput,
  type RevokeOutcome,
} from '../channel.ts'
import { currencies } from './currencies.ts'
import { listing } from './listing.ts'
import { notAnswered, readList } from './look-up.ts'
import { notTaken, outcomeOf } from './outcomes.ts'
import { categories } from './refusals.ts'
import {
  alphanumeric,
  cardRequest,
  currencyOf,
  deleteRequest,
  listRequest,
  merchantAccountOf,
  missingField,
  recurringOrigin,
  resumeRequest,
  shopperOfBinding,
  shopperOfToken,
  termsLack,
  updaterRequest,
  upiRequest,
} from './requests.ts'
import { sandboxValues } from './sandbox-values.ts'
import { readWebhook } from './webhook.ts'
import { readFailure, readStoredCards, readUpdater, uncertain } from './wire.ts'

const dayMs = 86_400_000
/**
 * POST only. Keys are kept at least 7 days (docs.adyen.com/development-resources/api-idempotency; older copies of the page say 31, the
 * shorter is believed), at most 64 characters (Checkout v71, `Idempotency-Key`).
 */
const keyed: Repeat = { kind: 'keyed', windowMs: 7 * dayMs, keyLengthMax: 64 }

export const adyen: Channel = {
  name: 'adyen',
  title: 'Adyen',
  proof: {
    rank: 'specification',
    source:
      'Adyen Checkout v71, Recurring v68, Webhooks v1 and Tokenization webhooks v1 (adyen-openapi, 2026-07); of UPI, zero amounts and lists of mandates are from the documentation, not seen live',
  },
  // "GET, DELETE and PUT are idempotent by definition", same page. Recurring v68 lists no key: the schemes are asked once more, no harm.
  repeat: { bind: keyed, resume: keyed, refresh: { kind: 'repeatable', times: 3 }, revoke: { kind: 'repeatable', times: 5 } },
  ways: [
    { kind: 'card', shape: 'direct' },
    { kind: 'card', shape: 'hosted_fields' },
    { kind: 'card', shape: 'redirect' },
    { kind: 'card', shape: 'three_ds' },
    { kind: 'instant_mandate', shape: 'qr', scheme: 'upi_autopay', countries: ['IN'] },
    { kind: 'instant_mandate', shape: 'app_link', scheme: 'upi_autopay', countries: ['IN'] },
    { kind: 'instant_mandate', shape: 'await', scheme: 'upi_autopay', countries: ['IN'] },
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
  origins: ({ address }) => [recurringOrigin(address)],
  bind,
  resume,
  refresh,
  lookUp,
  revoke,
  list: listing,
  webhook: readWebhook,
}

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source } = input
  const upi = source.type === 'instant_mandate'
  const references = {
    merchant_reference: upi ? alphanumeric(call.operation) : call.operation,
    shopper_reference: shopperOfBinding(input),
    currency: upi ? 'INR' : currencyOf(call.account),
  }
  const request = requestFor(call, input)
  if (request === undefined) return notTaken(source.type, references)
  if ('lacks' in request) {
    if (upi) return notTaken('mandate_terms', references, `a UPI mandate needs ${request.lacks}`)
    return lacking(request.lacks, references)
  }
  const answer = await ask(call, request)
  return answer === undefined ? uncertain('no_answer', references) : outcomeOf(answer, references)
}

function requestFor(call: Call, input: BindInput): ChannelRequest | { readonly lacks: string } | undefined {
  const { source, terms } = input
  switch (source.type) {
    case 'card':
      return cardRequest(call, input, source)
    case 'encrypted_card': {
      const missing = missingField(source.fields)
      return missing === undefined ? cardRequest(call, input, source) : { lacks: missing }
    }
    case 'instant_mandate': {
      if (source.rail !== 'upi_autopay') return undefined
      const lacks =
        termsLack(terms) ?? (source.by === 'await' && !source.payer.held.includes('vpa') ? "the payer's UPI address" : undefined)
      return lacks !== undefined || terms === undefined ? { lacks: lacks ?? 'terms' } : upiRequest(call, input, { source, terms })
    }
    default:
      return undefined
  }
}

/** Nothing was sent: what the fields did not give, nobody can bind. */
const lacking = (field: string, references: References): Refused => ({
  kind: 'refused',
  by: 'channel',
  category: 'invalid_account',
  code: `${field}_missing`,
  elsewhere: false,
  references,
})

/**
 * Without a result in the address nothing is sent and nothing is known, nor if Adyen cannot read it: the challenge may still be open in
 * another tab, so neither is a refusal.
 */
async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const references = { shopper_reference: shopperOfToken(input), ...input.references }
  const request = resumeRequest(call, input.returned, input.references.challenge)
  if (request === undefined) return uncertain('returned_without_result', references)
  const answer = await ask(call, request)
  if (answer === undefined) return uncertain('no_answer', references)
  // A result that Adyen cannot read was not made by Adyen's page, and a closed door (a wrong key) is ours: neither says anything about
  // the challenge.
  if (answer.status !== 200) return uncertain(`result_not_read: ${answer.status}`, references)
  return outcomeOf(answer, references)
}

/**
 * Adyen has no way to ask how a payment ended. The list of the shopper's stored details tells what stands behind a token we know already,
 * and what a mandate's payer has approved. A card whose answer was lost for good is told by webhook, or parked for a person.
 */
async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const references = { shopper_reference: shopperOfBinding(input), ...input.references }
  const answer = await ask(call, listRequest(call, references.shopper_reference))
  if (answer === undefined) return uncertain('no_answer', references)
  const list = readStoredCards(answer)
  if (list === undefined) return notAnswered(readFailure(answer, references), input, references)
  if (list.merchantAccount !== undefined && list.merchantAccount !== merchantAccountOf(call.account))
    return uncertain('another_merchant', references)
  if (list.shopperReference !== undefined && list.shopperReference !== references.shopper_reference)
    return uncertain('another_shopper', references)
  return readList(list, input, references)
}

/** The schemes are asked within days; what they say comes as `recurring.token.updated`, or stands in the list. */
async function refresh(call: Call, input: RefreshInput): Promise<RefreshOutcome> {
  const answer = await ask(call, updaterRequest(call, input))
  if (answer === undefined) return uncertain('no_answer', input.references)
  const scheduled = readUpdater(answer)
  if (scheduled === undefined) {
    const failure = readFailure(answer, input.references)
    return failure.kind === 'gone' ? { kind: 'revoked', reason: 'not found' } : failure
  }
  const { result } = scheduled
  if (result === 'Success') return { kind: 'verifying', references: input.references }
  // "Otherwise it contains the error message" (Recurring v68): it was not scheduled, and the token is as it was.
  return { ...notTaken('not_scheduled', input.references, result), elsewhere: false }
}

async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const answer = await ask(call, deleteRequest(call, input.token, shopperOfToken(input)))
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

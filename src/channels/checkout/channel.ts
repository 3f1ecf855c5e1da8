/**
 * Checkout.com: a card, or the device's number of Apple Pay and Google Pay, is verified by a payment of nothing, and stays stored as a source
 * (`src_…`) when the issuer says that it is good. The issuer may want 3-D Secure first: then the same is asked again with it, and the customer
 * is sent to the issuer's page.
 */
import { currencies } from '../../core/currency.ts'
import type {
  BindInput,
  BindOutcome,
  Call,
  Channel,
  LookUpInput,
  LookUpOutcome,
  References,
  RefreshInput,
  RefreshOutcome,
  ResumeInput,
  RevokeInput,
  RevokeOutcome,
  UpdateInput,
  UpdateOutcome,
} from '../channel.ts'
import { sandboxValues } from './magic.ts'
import { refusals, wantsAuthentication } from './refusals.ts'
import { readWebhook, signatureHeader } from './webhook.ts'
import {
  actionsShape,
  exchange,
  get,
  instrumentPath,
  instrumentShape,
  listShape,
  type Payment,
  paymentPath,
  paymentShape,
  refusal,
  remove,
  renewal,
  renewedShape,
  shownOf,
  verification,
} from './wire.ts'

const hourMs = 3_600_000

export const checkout: Channel = {
  name: 'checkout',
  title: 'Checkout.com',
  proof: {
    rank: 'specification',
    source:
      'checkout-api-reference, NAS (July 2022) with overlays; the list of payments and what the account updater says are of checkout-sdk-node 5.2.1 and www.checkout.com/docs',
  },
  repeat: {
    // www.checkout.com/docs/payments/manage-payments/idempotency: 24 hours, kept for answers of 2xx. No length is given; ours with its suffix has 44.
    bind: { kind: 'keyed', windowMs: 24 * hourMs, keyLengthMax: 40 },
    resume: { kind: 'repeatable', times: 10 },
    refresh: { kind: 'repeatable', times: 10 },
    update: { kind: 'repeatable', times: 10 },
    revoke: { kind: 'repeatable', times: 10 },
  },
  ways: [
    { kind: 'card', shape: 'direct' },
    { kind: 'card', shape: 'redirect' },
    { kind: 'device_token', shape: 'device_token', scheme: 'apple_pay' },
    { kind: 'device_token', shape: 'device_token', scheme: 'google_pay' },
  ],
  // www.checkout.com/docs, "Format the amount value": as ISO 4217, but the Chilean peso is divided by 100; units of account are not on it.
  currencies: new Map(
    [...currencies].filter(([code]) => !/^(CLF|UYI|UYW)$/.test(code)).map(([code, places]) => [code, code === 'CLP' ? 2 : places]),
  ),
  refusals,
  webhookScheme: { algorithm: 'hmac-sha256', over: 'the body as it is', header: signatureHeader },
  sandboxValues,
  // Whether a card that is verified twice gets one source or two is not documented. Taken for one: that revokes too little rather than too much.
  oneTokenPerCard: true,
  // No figure is published; the API answers 429 above the account's own.
  requestsPerSecondMax: 50,
  account: { secrets: ['secretKey'], settings: ['processingChannelId', 'currency', 'threeDs'] },
  bind,
  resume,
  refresh,
  lookUp,
  update,
  revoke,
  webhook: readWebhook,
}

const elsewhere = (references: References): BindOutcome => ({ kind: 'uncertain', cause: 'the answer is about something else', references })

/**
 * `threeDs`: `always` asks for it at once, anything else when the issuer does. A card that Google Pay hands over without a cryptogram was never
 * authenticated on the device, so it is asked always (developers.google.com/pay/api/web/guides/resources/payment-data-cryptography, `PAN_ONLY`).
 */
async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source } = input
  if (source.type !== 'card' && source.type !== 'device_token')
    return { kind: 'refused', by: 'channel', category: 'not_supported', code: `${source.type}_not_taken`, elsewhere: true, references: {} }
  const device = source.type === 'device_token' && source.cryptogram
  // The specification wants the wallet's own word on how far the issuer vouches; guessing one would shift liability.
  if (device && source.eci === undefined)
    return { kind: 'refused', by: 'channel', category: 'not_supported', code: 'eci_required', elsewhere: true, references: {} }
  const at = { call, input, references: {} }
  if (!device && (call.account.settings.threeDs === 'always' || source.type === 'device_token')) return verify(at, true)
  const first = await verify(at, false)
  // A device's cryptogram is its authentication: there is nothing more to ask.
  if (device || first.kind !== 'refused' || !wantsAuthentication.has(first.code)) return first
  return verify(at, true)
}

type Binding = { readonly call: Call; readonly input: BindInput; readonly references: References }

async function verify({ call, input, references }: Binding, threeDs: boolean): Promise<BindOutcome> {
  const request = verification(call, input, { threeDs, suffix: threeDs ? '.3ds' : '' })
  const answer = await exchange(call, request, paymentShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'refused') return refusal(answer.code, references)
  if (answer.kind !== 'object') return { kind: 'uncertain', cause: 'an answer without a payment', references }
  const payment = answer.value
  if (payment.reference !== call.operation || !isOfMoney(call, payment)) return elsewhere(references)
  if (payment.status === 'Declined') return declined(payment, { ...references, payment: payment.id })
  return outcomeOf(payment, references)
}

/** Nothing, in the currency that was asked; where an answer says nothing of money, nothing is wrong with it. */
const isOfMoney = (call: Call, payment: Payment): boolean =>
  (payment.amount ?? 0) === 0 && (payment.currency ?? call.account.settings.currency) === call.account.settings.currency

const declined = (payment: Payment, references: References): BindOutcome =>
  payment.response_code === undefined
    ? { kind: 'uncertain', cause: 'declined without a code', references }
    : refusal(payment.response_code, references, payment.response_summary)

/** All but a decline, whose reason stands elsewhere when the payment is read. */
function outcomeOf(payment: Payment, known: References): BindOutcome {
  const references = { ...known, payment: payment.id }
  switch (payment.status) {
    case 'Card Verified':
      return bound(payment, references)
    case 'Pending':
      return pending(payment, references)
    case 'Canceled':
      return { kind: 'refused', by: 'channel', category: 'cancelled_by_customer', code: 'Canceled', elsewhere: false, references }
    case 'Expired':
      return { kind: 'refused', by: 'channel', category: 'authentication_failed', code: 'Expired', elsewhere: false, references }
    default:
      return { kind: 'uncertain', cause: `the payment is ${payment.status}`, references }
  }
}

function bound(payment: Payment, references: References): BindOutcome {
  const { source, scheme_id: network, processing } = payment
  if (payment.approved !== true || source?.id === undefined)
    return { kind: 'uncertain', cause: 'verified, but nothing was stored', references }
  const linked = processing?.scheme_transaction_link_id
  return {
    kind: 'bound',
    token: source.id,
    references: { ...references, source: source.id },
    shown: shownOf(source),
    ...(network === undefined ? {} : { networkTransactionId: network }),
    ...(linked === undefined ? {} : { transactionLinkId: linked }),
  }
}

/** Where the customer has to go is said once; after that we remember it. */
function pending(payment: Payment, references: References): BindOutcome {
  const url = payment._links?.redirect?.href ?? references.challenge
  if (url === undefined) return { kind: 'verifying', references }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return { kind: 'uncertain', cause: 'a next step that cannot be taken', references }
  return { kind: 'challenged', action: { type: 'redirect', url, method: 'GET' }, references: { ...references, challenge: url } }
}

/** The browser is back with `cko-session-id`. What it brought is not believed; the channel is asked about the payment we know. */
function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references, binding } = input
  if (references.payment === undefined) return Promise.resolve({ kind: 'uncertain', cause: 'the payment is not known', references })
  return readPayment(call, references.payment, { binding, references })
}

type About = { readonly binding: string; readonly references: References }

/** An error while reading says nothing about what was asked before: it never becomes a refusal. */
async function readPayment(call: Call, id: string, about: About): Promise<BindOutcome> {
  const answer = await exchange(call, get(call, paymentPath(id)), paymentShape)
  if (answer.kind === 'uncertain') return { ...answer, references: about.references }
  if (answer.kind !== 'object') return { kind: 'uncertain', cause: `${answer.kind} while reading`, references: about.references }
  if (answer.value.id !== id) return elsewhere(about.references)
  return ended(call, answer.value, about)
}

/** Amounts are those of when it was asked: the account's currency may have been set anew since. */
async function ended(call: Call, payment: Payment, { binding, references }: About): Promise<BindOutcome> {
  if (payment.metadata?.bindery_binding !== binding || payment.amount !== 0) return elsewhere(references)
  if (payment.status !== 'Declined') return outcomeOf(payment, references)
  const known = { ...references, payment: payment.id }
  const actions = await exchange(call, get(call, `${paymentPath(payment.id)}/actions`), actionsShape)
  if (actions.kind === 'uncertain') return { ...actions, references: known }
  // A payment that is read does not say why it was declined; its newest action does.
  const [last] = actions.kind === 'object' ? actions.value : []
  if (last === undefined || last.approved === true) return { kind: 'uncertain', cause: 'declined, and nothing says why', references: known }
  return refusal(last.response_code, known, last.response_summary)
}

/**
 * Within the key's window a repeated `bind` is surer. After it: by the payment's id, else by our reference, which every payment of this
 * operation carries. `none` only when the whole list was given and ours is not in it.
 */
async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const { references, binding, verb } = input
  if (verb === 'revoke') return lookUpRevoke(call, input)
  if (references.payment !== undefined) return readPayment(call, references.payment, { binding, references })
  if (verb !== 'bind') return { kind: 'uncertain', cause: 'the payment is not known', references }
  const answer = await exchange(call, get(call, `/payments?limit=100&reference=${encodeURIComponent(call.operation)}`), listShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind !== 'object') return { kind: 'uncertain', cause: `${answer.kind} while listing`, references }
  const { data, total_count: count } = answer.value
  if (!data.every(one => one.reference === call.operation)) return elsewhere(references)
  const ours = data.filter(one => one.metadata?.bindery_operation === call.operation)
  // The one that asked for 3-D Secure follows the one that was declined for want of it.
  const found = ours.find(one => one.status !== 'Declined') ?? ours[0]
  if (found !== undefined) return ended(call, found, { binding, references })
  // Under our reference, and without our mark: somebody else's use of it, or an answer that keeps the marks to itself. No proof either way.
  if (data.length > 0) return elsewhere(references)
  return count === 0 ? { kind: 'none' } : { kind: 'uncertain', cause: 'the list of payments is not whole', references }
}

async function revoke(call: Call, { token, references }: RevokeInput): Promise<RevokeOutcome> {
  const answer = await exchange(call, remove(call, instrumentPath(token)), instrumentShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'refused') return refusal(answer.code, references)
  // 404, "not found or not associated with client": nothing of it is ours to charge any more.
  if (answer.kind === 'done' || answer.kind === 'missing') return { kind: 'revoked' }
  return { kind: 'uncertain', cause: 'a deletion that was answered with an object' }
}

async function lookUpRevoke(call: Call, { references, token }: LookUpInput): Promise<LookUpOutcome> {
  const source = references.source ?? token
  if (source === undefined) return { kind: 'uncertain', cause: 'the source is not known', references }
  const now = await readInstrument(call, source)
  return now.kind === 'held' ? { kind: 'none' } : now
}

async function refresh(call: Call, { token, references }: RefreshInput): Promise<RefreshOutcome> {
  const now = await readInstrument(call, token)
  if (now.kind === 'held') return { kind: 'updated', shown: now.shown }
  return now.kind === 'uncertain' ? { ...now, references } : now
}

/** The answer names a fingerprint only; what stands there now is read, so that nothing is believed of another's answer. */
async function update(call: Call, { token, references, card }: UpdateInput): Promise<UpdateOutcome> {
  const answer = await exchange(call, renewal(call, token, card), renewedShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'refused') return refusal(answer.code, references)
  if (answer.kind === 'missing') return { kind: 'revoked' }
  const now = await readInstrument(call, token)
  if (now.kind !== 'held') return now
  const fits = now.shown.expiryMonth === card.expiryMonth && now.shown.expiryYear === card.expiryYear
  return fits ? { kind: 'updated', shown: now.shown } : { kind: 'uncertain', cause: 'the source does not show what was set' }
}

type Instrument = { readonly kind: 'held'; readonly shown: ReturnType<typeof shownOf> } | { readonly kind: 'revoked' }

/** `GET /instruments/{id}`: as the account updater left it. */
async function readInstrument(call: Call, id: string): Promise<Instrument | { readonly kind: 'uncertain'; readonly cause: string }> {
  const answer = await exchange(call, get(call, instrumentPath(id)), instrumentShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'missing') return { kind: 'revoked' }
  if (answer.kind !== 'object') return { kind: 'uncertain', cause: `${answer.kind} while reading` }
  if (answer.value.id !== id) return { kind: 'uncertain', cause: 'the answer is about something else' }
  return { kind: 'held', shown: shownOf(answer.value) }
}

/**
 * PayPal: the customer agrees to later payments at PayPal's own page. A setup token stands for the question, its `approve` link leads to the
 * page, and once approved it is exchanged for the payment token that is charged
 * (developer.paypal.com/docs/checkout/save-payment-methods/purchase-later/payment-tokens-api/paypal).
 *
 * Every binding is a customer of its own at PayPal, named by our binding (`merchant_customer_id`): so a payment token whose answer was lost is
 * found among that customer's, where no other can stand, and its webhook says whose it is. `permit_multiple_payment_tokens` keeps PayPal from
 * giving two bindings of one payer the same token, so that revoking one does not revoke the other.
 */
import type {
  BindInput,
  BindOutcome,
  Bound,
  Call,
  Channel,
  LookUpInput,
  LookUpOutcome,
  References,
  Refused,
  ResumeInput,
  RevokeInput,
  RevokeOutcome,
  Uncertain,
} from '../channel.ts'
import { countries, currencies } from './countries.ts'
import { sandboxValues } from './magic.ts'
import { refusals } from './refusals.ts'
import { originsOf, readWebhook, webhookScheme } from './webhook.ts'
import {
  exchange,
  isGone,
  listShape,
  open,
  type Payment,
  payerOf,
  paymentShape,
  refusal,
  remove,
  request,
  type Setup,
  setupOf,
  setupShape,
  shownOf,
} from './wire.ts'

const hourMs = 3_600_000

export const paypal: Channel = {
  name: 'paypal',
  title: 'PayPal',
  proof: { rank: 'specification', source: 'paypal/paypal-rest-api-specifications, Payment Method Tokens v3.1 (2024-02), with overlays' },
  repeat: {
    // vault_payment_tokens_v3.json, PayPal-Request-Id: "The server stores keys for 3 hours." Its length: 1 to 10,000, says
    // docs.paypal.ai/reference/api/rest/setup-tokens/create-a-setup-token. Our longest suffix is `.setup`.
    bind: { kind: 'keyed', windowMs: 3 * hourMs, keyLengthMax: 10_000 - '.setup'.length },
    // A setup token becomes one payment token, whatever the key (SETUP_TOKEN_ALREADY_TOKENIZED).
    resume: { kind: 'repeatable', times: 10 },
    revoke: { kind: 'repeatable', times: 10 },
  },
  ways: [{ kind: 'wallet', shape: 'redirect', scheme: 'paypal', countries }],
  currencies,
  refusals,
  webhookScheme,
  sandboxValues,
  // PayPal publishes no number (developer.paypal.com/api/rest/rate-limiting); this one is ours.
  requestsPerSecondMax: 10,
  account: { secrets: ['clientId', 'clientSecret'], settings: [] },
  // Where the certificates of its webhooks stand.
  origins: ({ address }) => originsOf(address),
  bind,
  resume,
  lookUp,
  revoke,
  webhook: readWebhook,
}

const elsewhereCause = 'the answer is about something else'
const uncertain = (cause: string, references: References): Uncertain => ({ kind: 'uncertain', cause, references })

/** Asks for a setup token. The customer has seen nothing yet: whatever is refused here is refused about us, not about a wallet. */
async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source } = input
  if (source.type !== 'wallet' || source.brand !== 'paypal' || (source.by !== undefined && source.by !== 'redirect'))
    return refused('channel', 'not_supported', `${source.type}_not_taken`, true, {})
  const door = await open(call)
  if (door.kind === 'closed') return { ...refused('channel', 'misconfigured', door.code, true, {}), message: door.message }
  if (door.kind === 'uncertain') return door
  const requestId = `${call.key}.setup`
  const asked = request(call, door.token, { method: 'POST', path: '/v3/vault/setup-tokens', requestId, body: setupOf(input) })
  const answer = await exchange(call, asked, setupShape)
  // Of a setup token whose answer was lost only this name is known: nobody has its link.
  const lost = { request_id: requestId }
  if (answer.kind === 'uncertain') return { ...answer, references: lost }
  if (answer.kind === 'error') return refusal(answer, lost)
  if (!isOf(answer.value, input.binding, {})) return uncertain(elsewhereCause, lost)
  return outcomeOf(call, { token: door.token, binding: input.binding, references: {}, cancelled: false }, answer.value)
}

const refused = (by: Refused['by'], category: Refused['category'], code: string, elsewhere: boolean, references: References): Refused => ({
  kind: 'refused',
  by,
  category,
  code,
  elsewhere,
  references,
})

/** Our binding's name, where PayPal gives it back, and every name known before. */
function isOf(
  answer: {
    readonly id: string
    readonly customer?: { readonly id?: string | undefined; readonly merchant_customer_id?: string | undefined } | undefined
  },
  binding: string,
  known: { readonly id?: string | undefined; readonly customer?: string | undefined },
): boolean {
  const same = (one: string | undefined, other: string | undefined) => one === undefined || other === undefined || one === other
  return same(known.id, answer.id) && same(known.customer, answer.customer?.id) && same(binding, answer.customer?.merchant_customer_id)
}

/** `cancelled`: the browser came back by the way of cancelling. */
type Asking = {
  readonly token: string
  readonly binding: string
  readonly references: References
  readonly cancelled: boolean
}

function outcomeOf(call: Call, asking: Asking, setup: Setup): Promise<BindOutcome> | BindOutcome {
  const references: References = {
    ...asking.references,
    setup_token: setup.id,
    ...(setup.customer?.id === undefined ? {} : { vault_customer: setup.customer.id }),
  }
  const next = { ...asking, references }
  switch (setup.status) {
    case 'CREATED':
    case 'PAYER_ACTION_REQUIRED':
      // Nothing is stored until we exchange the token, and after this refusal we never will.
      if (asking.cancelled) return refused('channel', 'cancelled_by_customer', 'cancelled', false, references)
      return challenge(setup, references)
    case 'APPROVED':
      return exchangeSetup(call, next, setup.id)
    case 'VAULTED':
    case 'TOKENIZED':
      return findPayment(call, next, () => uncertain('the payment token is not there', references))
    default:
      return uncertain(`the setup token is ${setup.status}`, references)
  }
}

function challenge(setup: Setup, references: References): BindOutcome {
  const url = setup.links.find(one => one.rel === 'approve')?.href ?? ''
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return uncertain('a setup token without its approve link', references)
  return { kind: 'challenged', action: { type: 'redirect', url, method: 'GET' }, references }
}

/**
 * The customer agreed; nothing else is to be asked. So a look-up may do it too: PayPal tells nobody of an approval, and a setup token becomes
 * one payment token whoever exchanges it, and however often.
 */
async function exchangeSetup(call: Call, asking: Asking, id: string): Promise<BindOutcome> {
  const { references } = asking
  const asked = request(call, asking.token, {
    method: 'POST',
    path: '/v3/vault/payment-tokens',
    requestId: `${call.key}.token`,
    body: { payment_source: { token: { id, type: 'SETUP_TOKEN' } } },
  })
  const answer = await exchange(call, asked, paymentShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'object') return bound(answer.value, asking)
  // Not there any more: it has lapsed, or somebody else of ours (a look-up, another tab) has exchanged it meanwhile.
  if (answer.issue === 'SETUP_TOKEN_ALREADY_TOKENIZED' || isGone(answer))
    return findPayment(call, asking, () => uncertain('the payment token is not there', references))
  return refusal(answer, references)
}

function bound(payment: Payment, { binding, references }: Asking): (Bound & { readonly kind: 'bound' }) | Uncertain {
  const ours = payment.payment_source.paypal !== undefined && isOf(payment, binding, { customer: references.vault_customer })
  if (!ours) return uncertain(elsewhereCause, references)
  const payer = payerOf(payment)
  return {
    kind: 'bound',
    token: payment.id,
    references: { ...references, payment_token: payment.id },
    shown: shownOf(payment),
    ...(payer === undefined ? {} : { identity: { kind: 'wallet', value: payer } }),
  }
}

/** Among the tokens of the binding's own customer. `absent`: what it means that there is none. */
async function findPayment(call: Call, asking: Asking, absent: () => BindOutcome): Promise<BindOutcome> {
  const { references } = asking
  const { vault_customer: customer } = references
  if (customer === undefined) return uncertain('the customer at PayPal is not known', references)
  const query = new URLSearchParams({ customer_id: customer, page_size: '10' })
  const answer = await exchange(call, request(call, asking.token, { method: 'GET', path: `/v3/vault/payment-tokens?${query}` }), listShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'error') return uncertain(`paypal ${answer.status} while listing: ${answer.issue ?? answer.name}`, references)
  if (!isOf({ id: '', customer: answer.value.customer }, asking.binding, { customer })) return uncertain(elsewhereCause, references)
  const [first, ...others] = answer.value.payment_tokens
  if (others.length > 0) return uncertain('more than one payment token, and one was made', references)
  return first === undefined ? absent() : bound(first, asking)
}

/** The browser is back. What it brought is not believed, but that it came by the way of cancelling; the channel is asked. */
async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references } = input
  const id = references.setup_token
  if (id === undefined) return uncertain('the setup token is not known', references)
  const door = await open(call)
  if (door.kind !== 'open') return shut(door, references)
  return readSetup(call, id, {
    token: door.token,
    binding: input.binding,
    references,
    cancelled: input.returned.cancelled === 'true',
  })
}

/** A door that is shut says nothing about what was asked before. */
const shut = (door: { readonly kind: 'closed'; readonly code: string } | Uncertain, references: References): Uncertain =>
  door.kind === 'closed' ? uncertain(`paypal: our credentials are not accepted: ${door.code}`, references) : { ...door, references }

async function readSetup(call: Call, id: string, asking: Asking): Promise<BindOutcome> {
  const { references } = asking
  const path = `/v3/vault/setup-tokens/${encodeURIComponent(id)}`
  const answer = await exchange(call, request(call, asking.token, { method: 'GET', path }), setupShape)
  if (answer.kind === 'uncertain') return { ...answer, references }
  if (answer.kind === 'error') {
    if (!isGone(answer)) return uncertain(`paypal ${answer.status} while reading: ${answer.issue ?? answer.name}`, references)
    // Setup tokens last three days (the page above). Either it was exchanged before, or it never can be.
    return findPayment(call, asking, () => refused('channel', 'authentication_failed', 'setup_token_expired', false, references))
  }
  if (!isOf(answer.value, asking.binding, { id, customer: references.vault_customer })) return uncertain(elsewhereCause, references)
  return outcomeOf(call, asking, answer.value)
}

/**
 * A setup token whose answer was lost cannot be found, and need not be: its link is known to nobody, so no agreement can come of it. That is
 * a refusal where its request went out, and `none` where we know of no request.
 */
async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const { references } = input
  const id = references.setup_token
  if (id === undefined && input.verb !== 'revoke')
    return references.request_id === undefined ? { kind: 'none' } : refused('channel', 'try_later', 'setup_token_lost', true, references)
  const door = await open(call)
  if (door.kind !== 'open') return shut(door, references)
  if (input.verb === 'revoke') return lookUpRevoke(call, door.token, input)
  return readSetup(call, id ?? '', { token: door.token, binding: input.binding, references, cancelled: false })
}

async function lookUpRevoke(call: Call, bearer: string, { references, token }: LookUpInput): Promise<LookUpOutcome> {
  const payment = references.payment_token ?? token
  if (payment === undefined) return uncertain('the payment token is not known', references)
  const now = await readPayment(call, bearer, payment)
  return now.kind === 'held' ? { kind: 'none' } : now
}

async function readPayment(
  call: Call,
  token: string,
  id: string,
): Promise<{ readonly kind: 'held' } | { readonly kind: 'revoked' } | Uncertain> {
  const path = `/v3/vault/payment-tokens/${encodeURIComponent(id)}`
  const answer = await exchange(call, request(call, token, { method: 'GET', path }), paymentShape)
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'object') return answer.value.id === id ? { kind: 'held' } : { kind: 'uncertain', cause: elsewhereCause }
  return isGone(answer)
    ? { kind: 'revoked' }
    : { kind: 'uncertain', cause: `paypal ${answer.status} while reading: ${answer.issue ?? answer.name}` }
}

/** Deletes the payment token. What is not there any more was revoked before, by us or by the payer. */
async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const door = await open(call)
  if (door.kind !== 'open') return shut(door, input.references)
  const path = `/v3/vault/payment-tokens/${encodeURIComponent(input.token)}`
  const answer = await remove(call, request(call, door.token, { method: 'DELETE', path }))
  if (answer.kind === 'uncertain') return answer
  if (answer.kind === 'done' || isGone(answer)) return { kind: 'revoked' }
  const meaning = refusal(answer, input.references)
  if (meaning.kind === 'uncertain' || answer.status === 403) return meaning
  const now = await readPayment(call, door.token, input.token)
  return now.kind === 'held' ? meaning : now
}

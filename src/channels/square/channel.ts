/** Square: cards on file, from what Square's own fields made of them (Web Payments SDK), through Connect API v2. */
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
  type RevokeInput,
  type RevokeOutcome,
  type Uncertain,
} from '../channel.ts'
import { sandboxValues } from './magic.ts'
import { categories, spentCodes } from './refusals.ts'
import { readWebhook } from './webhook.ts'
import {
  boundOf,
  cardOfRequest,
  cardRequest,
  customerRequest,
  disableRequest,
  isGone,
  listRequest,
  readCard,
  readCards,
  readCustomer,
  readFailure,
  uncertain,
} from './wire.ts'

/**
 * "We do not publish a retention period" for keys (developer.squareup.com/forums/t/28303). A day is believed, and it costs nothing to be
 * wrong: what is stored from is a token for one use, so a forgotten key cannot make a second card. At most 45 characters
 * (`CreateCardRequest`); a customer's has a suffix of four.
 */
const keyWindowMs = 86_400_000
const keyLengthMax = 45

export const square: Channel = {
  name: 'square',
  title: 'Square',
  proof: {
    rank: 'specification',
    source: 'Square connect-api-specification api.json (2025-08), and the official library square 46; keys’ retention is not published',
  },
  repeat: {
    bind: { kind: 'keyed', windowMs: keyWindowMs, keyLengthMax },
    // "Disabling an already disabled card is allowed but has no effect" (DisableCard).
    revoke: { kind: 'repeatable', times: 5 },
  },
  ways: [{ kind: 'card', shape: 'hosted_fields', countries: ['AU', 'CA', 'ES', 'FR', 'GB', 'IE', 'JP', 'US'] }],
  // Where Square takes payments (developer.squareup.com/docs/build-basics/working-with-monetary-amounts); places as in ISO 4217.
  currencies: new Map([
    ['AUD', 2],
    ['CAD', 2],
    ['EUR', 2],
    ['GBP', 2],
    ['JPY', 0],
    ['USD', 2],
  ]),
  refusals: categories,
  webhookScheme: {
    algorithm: 'hmac-sha256',
    over: 'the notification URL as it is set at Square, and the raw body after it',
    header: 'x-square-hmacsha256-signature',
  },
  sandboxValues,
  // Square publishes no number and answers RATE_LIMITED; this is a courtesy.
  requestsPerSecondMax: 10,
  account: { secrets: ['accessToken'], settings: ['notificationUrl'] },
  bind,
  lookUp,
  revoke,
  webhook: readWebhook,
}

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const references = { reference_id: call.operation }
  const { source } = input
  if (source.type !== 'encrypted_card') return notTaken('not_supported', source.type, references)
  if ((source.fields.source_id ?? '') === '') return notTaken('invalid_account', 'source_id_missing', references)
  const customer = input.channelCustomer ?? (await makeCustomer(call, input.customer, references))
  if (typeof customer !== 'string') return customer
  const known = { ...references, customer }
  const answer = await ask(call, cardRequest(call, customer, source.fields))
  if (answer === undefined) return uncertain('no_answer', known)
  const card = readCard(answer)
  if (card !== undefined) {
    if (card.customer_id !== customer || card.reference_id !== call.operation) return uncertain('another_card', known)
    return card.enabled === false ? uncertain('not_enabled', known) : boundOf(card, known)
  }
  const failure = readFailure(answer, known)
  return failure.kind === 'refused' && spentCodes.has(failure.code) ? ofSpentToken(call, failure) : failure
}

/** Nothing was sent. */
const notTaken = (category: 'not_supported' | 'invalid_account', code: string, references: References): Refused => ({
  kind: 'refused',
  by: 'channel',
  category,
  code,
  elsewhere: category === 'not_supported',
  references,
})

async function makeCustomer(call: Call, customer: string, references: References): Promise<string | Refused | Uncertain> {
  const answer = await ask(call, customerRequest(call, customer))
  if (answer === undefined) return uncertain('no_answer', references)
  const made = readCustomer(answer)
  if (made === undefined) return readFailure(answer, references)
  return made.reference_id === customer ? made.id : uncertain('another_customer', references)
}

/** Spent: by us, when an earlier answer was lost and its key is forgotten, or by somebody else. The list knows which. */
async function ofSpentToken(call: Call, refused: Refused): Promise<BindOutcome> {
  const found = await cardOf(call, refused.references)
  if (found === undefined) return refused
  if (found.kind === 'bound' || found.kind === 'uncertain') return found
  return uncertain('bound_and_disabled', refused.references)
}

/** The card that was stored under this operation's reference, if there is one. */
async function cardOf(call: Call, references: References) {
  const answer = await ask(call, listRequest(call, call.operation))
  if (answer === undefined) return uncertain('no_answer', references)
  const cards = readCards(answer)
  if (cards === undefined) return uncertain(`look_up_${readFailure(answer, references).kind}`, references)
  if (cards.some(one => one.reference_id !== call.operation)) return uncertain('another_reference', references)
  const [card, another] = cards
  if (card === undefined) return undefined
  if (another !== undefined) return uncertain('several_cards', references)
  return card.enabled === false ? ({ kind: 'revoked', reason: 'disabled' } as const) : boundOf(card, references)
}

/**
 * A bind is found by its reference, which no other has. An empty list is an answer: it is asked for after the key's window, when the token
 * that could still make a card has lapsed (a day).
 */
async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const { references } = input
  if (input.verb !== 'revoke') return (await cardOf(call, { reference_id: call.operation, ...references })) ?? { kind: 'none' }
  const token = references.card ?? input.token
  if (token === undefined) return uncertain('card_not_known', references)
  const answer = await ask(call, cardOfRequest(call, token))
  if (answer === undefined) return uncertain('no_answer', references)
  if (isGone(answer)) return { kind: 'revoked' }
  const card = readCard(answer)
  if (card === undefined || card.id !== token) return uncertain('another_card', references)
  if (card.enabled === undefined) return uncertain('not_told', references)
  return card.enabled === false ? { kind: 'revoked' } : { kind: 'none' }
}

async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const answer = await ask(call, disableRequest(call, input.token))
  if (answer === undefined) return uncertain('no_answer', input.references)
  if (isGone(answer)) return { kind: 'revoked' }
  const card = readCard(answer)
  if (card === undefined) return readFailure(answer, input.references)
  return card.id === input.token && card.enabled === false ? { kind: 'revoked' } : uncertain('another_card', input.references)
}

async function ask(call: Call, request: ChannelRequest): Promise<ChannelAnswer | undefined> {
  try {
    return await call.send(request)
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

/** What the contract suite works on: one channel at its staged simulator, with a clock that stands still and chance that repeats. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type {
  BindInput,
  BindOutcome,
  Call,
  Channel,
  ChannelAccount,
  ChannelRequest,
  LookUpOutcome,
  References,
  RefusalCategory,
  Send,
} from './channel.ts'
import type { AnswerFault } from './faults.ts'
import type { Effect, Simulator, SimulatorAnswer, StageJudge } from './simulator.ts'
import { createStage, type Stage, type StagedDelivery, stageSend } from './stage.ts'

export type TestCard = { readonly number: string; readonly brand: string; readonly securityCode?: string; readonly holder?: string }
/** What a channel's own test hands to the suite. */
export type Subject = {
  readonly channel: Channel
  readonly createSimulator: () => Simulator
  /** Undefined: the specifications are not here, and the tests say so. */
  readonly judge: StageJudge | undefined
  /** Credentials the simulator takes; `webhookSecrets` as given. */
  readonly account: (address: string, webhookSecrets: readonly string[]) => ChannelAccount
  /** Two secrets in the channel's own form, and one of somebody else. */
  readonly secrets: readonly [current: string, former: string, foreign: string]
  readonly approved: TestCard
  readonly challenged: TestCard
  readonly declined: readonly { readonly card: TestCard; readonly category: RefusalCategory }[]
  /** Path of the request by which the card is stored. */
  readonly storePath: string
  /** An answer in the channel's shape with a refusal code nobody has documented. */
  readonly unknownRefusal: SimulatorAnswer
  /** Plays the customer's browser through the challenge; gives the parameters that come back to `returnUrl`. */
  readonly challenge: (
    bench: Bench,
    outcome: BindOutcome & { readonly kind: 'challenged' },
    pass: boolean,
  ) => Readonly<Record<string, string>>
  /** Webhooks carry the time they were signed at. */
  readonly timestamped: boolean
  /** The signature covers the bytes of the body, so a re-serialised body does not fit. */
  readonly signsBytes: boolean
  /** Events that must come with a plain bind, by type, in which the binding becomes active. */
  readonly boundEvent: string
  /** Success of a revocation is a status without a body: what spoils bodies leaves it as it is. */
  readonly bodylessRevocation?: true
  /** Nobody can ask the channel how a bind ended: after the key's window its webhook alone tells. */
  readonly endingIsTold?: true
}

export type Bench = {
  readonly subject: Subject
  readonly stage: Stage
  readonly channel: Channel
  readonly clock: { nowMs: number }
  call(operation: string, card?: TestCard, key?: string): Call
  input(binding: string, more?: Partial<BindInput>, card?: TestCard): BindInput
  bind(call: Call, input: BindInput): Promise<BindOutcome>
  browse(method: 'GET' | 'POST', url: string, body?: string): SimulatorAnswer
  fault(fault: AnswerFault, path: string, times?: number): void
  deliveries(secrets?: readonly string[]): readonly StagedDelivery[]
  effects(kind: Effect['effect']): readonly Effect[]
}

const address = 'http://127.0.0.1:9'
/** 2026-11-22T12:00:00Z */
const startMs = 1_795_348_800_000

export function createBench(subject: Subject): Bench {
  const stage = createStage(subject.createSimulator(), subject.judge)
  const clock = { nowMs: startMs }
  const random = createRandom()
  const context = () => ({ nowMs: clock.nowMs, random, address })
  const send = stageSend(stage, { context })
  const account = subject.account(address, [subject.secrets[0]])
  return {
    subject,
    stage,
    channel: subject.channel,
    clock,
    call: (operation, card = subject.approved, key = `key_${operation}`) => ({ operation, key, account, send: filling(send, card) }),
    input: (binding, more = {}, card = subject.approved) => ({
      tenant: 'ten_1',
      customer: 'cus_contract',
      channelCustomer: undefined,
      instrument: 'ins_1',
      binding,
      card: { ...viewOf(card) },
      returnUrl: 'https://pay.example.com/return?token=unguessable',
      client: { ip: '203.0.113.7', userAgent: 'Mozilla/5.0' },
      ...more,
    }),
    bind(call, input) {
      if (subject.channel.bind === undefined) throw new TypeError('the channel cannot bind')
      return subject.channel.bind(call, input)
    },
    browse(method, url, body = '') {
      const to = new URL(url)
      const headers = body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
      const staged = stage.answer({ method, path: to.pathname, query: to.search.slice(1), headers, body }, context())
      if (staged.kind === 'lost') throw new Error('the page did not load')
      return staged.answer
    },
    fault: (fault, path, times = 1) => stage.faults.add({ match: { path }, fault, times }),
    deliveries: (secrets = [subject.secrets[0]]) => stage.deliveries({ nowMs: clock.nowMs, secrets }),
    effects: kind => stage.simulator.books().effects.filter(one => one.effect === kind),
  }
}

/** Bytes that look random and are the same in every run. */
function createRandom(): (count: number) => Buffer {
  let drawn = 0
  return count => {
    const parts: Buffer[] = []
    for (let have = 0; have < count; have += 32) {
      drawn += 1
      parts.push(createHash('sha256').update(`contract ${drawn}`).digest())
    }
    return Buffer.concat(parts).subarray(0, count)
  }
}

export const viewOf = (card: TestCard): BindInput['card'] => ({
  brand: card.brand,
  last4: card.number.slice(-4),
  expiryMonth: 3,
  expiryYear: 2030,
  securityCode: true,
  holder: true,
})

/** Fills placeholders as the vault does, escaped for the body's type; a card only where the request asked for one. */
export function filling(send: Send, card: TestCard): Send {
  return request => send(request.card === true ? { ...request, body: fillCard(request, card) } : request)
}

export function fillCard(request: ChannelRequest, card: TestCard): string {
  const values: Readonly<Record<string, string>> = {
    number: card.number,
    expiryMonth: '03',
    expiryYear: '2030',
    securityCode: card.securityCode ?? '737',
    holder: card.holder ?? 'Ada "Countess" Lovelace & Co',
  }
  const json = Object.entries(request.headers).some(([name, value]) => name.toLowerCase() === 'content-type' && value.includes('json'))
  return (request.body ?? '').replace(/\{\{card\.(\w+)\}\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new TypeError(`no such placeholder: ${name}`)
    return json ? JSON.stringify(value).slice(1, -1) : encodeURIComponent(value)
  })
}

/**
 * What the core does with an unsettled bind: the same bytes under the same key, then a look-up by every name known. `times`: re-sends.
 */
export async function settleBind(bench: Bench, call: Call, input: BindInput, first: BindOutcome, times = 2): Promise<LookUpOutcome> {
  let outcome: LookUpOutcome = first
  let references: References = {}
  const learn = (one: LookUpOutcome) => {
    if (one.kind === 'uncertain') references = { ...references, ...one.references }
    return one
  }
  learn(outcome)
  const keyed = bench.channel.repeat.bind?.kind === 'keyed'
  for (let i = 0; keyed && outcome.kind === 'uncertain' && i < times; i += 1) outcome = learn(await bench.bind(call, input))
  if (outcome.kind !== 'uncertain' || bench.channel.lookUp === undefined) return outcome
  return bench.channel.lookUp(call, { customer: input.customer, binding: input.binding, verb: 'bind', references, card: input.card })
}

export function kindOf(outcome: LookUpOutcome): string {
  return outcome.kind === 'uncertain' ? `uncertain (${outcome.cause})` : outcome.kind
}

/** Ours and the simulator's: neither side said anything the specification does not know. */
export function assertJudged(bench: Bench): void {
  assert.deepEqual(bench.stage.violations(), [])
}

export function assertBound(outcome: LookUpOutcome): asserts outcome is Extract<LookUpOutcome, { kind: 'bound' }> {
  assert.equal(kindOf(outcome), 'bound')
}

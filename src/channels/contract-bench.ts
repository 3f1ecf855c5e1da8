/** What the contract suite works on: one channel at its staged simulator, with a clock that stands still and chance that repeats. */
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { Secret } from '../core/secret.ts'
import type {
  BindInput,
  BindOutcome,
  Call,
  Channel,
  ChannelAccount,
  ChannelRequest,
  LookUpOutcome,
  References,
  SandboxValue,
  Send,
  Shape,
} from './channel.ts'
import type { AnswerFault } from './faults.ts'
import { specJudge, specsDirOf } from './judge.ts'
import { unfillable } from './placeholder.ts'
import type { Credentials, KeyPair, Making, SandboxChannel } from './sandbox-channel.ts'
import type { Effect, Simulator, SimulatorAnswer, SimulatorContext, StageJudge } from './simulator.ts'
import { createStage, type Stage, type StagedDelivery, stageSend } from './stage.ts'

/** What a channel's own test hands to the suite: its folder's two exports, and what only the owner's documentation can say. */
export type Subject = {
  readonly channel: Channel
  readonly sandbox: SandboxChannel
  /** Path of the request by which the plain value (the first that is bound or challenged) has its first effect. May end in `*`. */
  readonly storePath: string
  /** An answer to that request, in the channel's shape, with a refusal code nobody has documented. Undefined: it never refuses there. */
  readonly unknownRefusal: SimulatorAnswer | undefined
  /** Webhooks carry the time they were signed at. */
  readonly timestamped: boolean
  /** The signature covers the bytes of the body, so a re-serialised body does not fit. */
  readonly signsBytes: boolean
  /** The event, by type, in which the plain value's binding becomes active. */
  readonly boundEvent: string
  /** Every code that the owner's material lists (its specification's enumerations, its SDK, its pages): none may be unmapped. */
  readonly officialCodes: readonly string[]
  /** Success of a revocation is a status without a body: what spoils bodies leaves it as it is. */
  readonly bodylessRevocation?: true
  /** Success of a resume is a status without a body, as above. */
  readonly bodylessResume?: true
  /** The answer to a refresh names nothing of ours, so one about something else cannot be told apart; it only says that news will come. */
  readonly namelessRefresh?: true
  /** A list with nothing in it is `{}`: the one body that is nobody's and still an answer. */
  readonly emptyListIsBare?: true
  /** How an answer that a token is there says that it is not: what a spoiled word may come to mean. */
  readonly goneWord?: RegExp
  /** The issuer is asked twice, first without 3-D Secure: the first answer of a bind that is challenged is a refusal. */
  readonly declinesFirst?: true
  /** Nobody can ask the channel how a bind ended: after the key's window its webhook alone tells. */
  readonly endingIsTold?: true
  /** Where requests are signed: signs one anew as our side does, so that what was changed on the wire is judged for itself, not for its signature. */
  readonly resign?: (request: ChannelRequest, credentials: Credentials) => ChannelRequest
}

export type Bench = {
  readonly subject: Subject
  readonly stage: Stage
  readonly channel: Channel
  readonly clock: { nowMs: number }
  /** The value that binds in the plainest way. */
  readonly plain: SandboxValue
  call(operation: string, value?: SandboxValue, key?: string): Call
  input(binding: string, value?: SandboxValue, more?: Partial<BindInput>): BindInput
  bind(call: Call, input: BindInput): Promise<BindOutcome>
  /** The customer passes or fails the challenge; what comes back, if anything does. */
  play(outcome: BindOutcome & { readonly kind: 'challenged' }, pass: boolean): Promise<Readonly<Record<string, string>> | undefined>
  browse(method: 'GET' | 'POST', url: string, body?: string): SimulatorAnswer
  fault(fault: AnswerFault, path: string, times?: number): void
  deliveries(secrets?: readonly string[]): readonly StagedDelivery[]
  effects(kind: Effect['effect']): readonly Effect[]
  /** How many answers came back with other money than they spoke of. */
  miscounted(): number
}

export const address = 'http://127.0.0.1:9'
/** 2026-11-22T12:00:00Z */
const startMs = 1_795_348_800_000

/** RSA takes a while: the same pairs for all tests of a file. */
const pairs = new Map<string, KeyPair>()
const making = (name: string): Making => ({
  random: count => drawn(name, count),
  keyPair: type => {
    const known = pairs.get(`${name} ${type}`)
    if (known !== undefined) return known
    const keys =
      type === 'rsa-2048' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const made: KeyPair = {
      publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
    pairs.set(`${name} ${type}`, made)
    return made
  },
})
/** Three sets: in use, being rotated out, and somebody else's. */
export const credentialsOf = (subject: Subject): readonly [current: Credentials, former: Credentials, foreign: Credentials] => [
  subject.sandbox.credentials(making('current')),
  subject.sandbox.credentials(making('former')),
  subject.sandbox.credentials(making('foreign')),
]

const judges = new Map<string, StageJudge | undefined>()
/** One for all tests of a file: compiling takes seconds. Undefined where the owner publishes nothing or it is not at hand. */
export function judgeOf(subject: Subject): StageJudge | undefined {
  const { name } = subject.channel
  if (!judges.has(name)) judges.set(name, specJudge(specsDirOf()) === 'on' ? subject.sandbox.judge?.(specsDirOf()) : undefined)
  return judges.get(name)
}

export function plainOf(subject: Subject): SandboxValue {
  const found = subject.channel.sandboxValues.find(
    one => one.outcome === 'bound' || (one.outcome === 'challenged' && one.ends === undefined),
  )
  if (found === undefined) throw new TypeError(`${subject.channel.name} has no sandbox value that binds`)
  return found
}
/** The first value of each shape that ends bound. */
export function valuesByShape(subject: Subject): ReadonlyMap<Shape, SandboxValue> {
  const out = new Map<Shape, SandboxValue>()
  for (const one of subject.channel.sandboxValues)
    if ((one.outcome === 'bound' || one.outcome === 'challenged') && one.ends === undefined && !out.has(one.shape)) out.set(one.shape, one)
  return out
}

export function accountOf(credentials: Credentials, verifying: readonly string[] = [credentials.verifying]): ChannelAccount {
  return {
    address,
    secrets: Object.fromEntries(Object.entries(credentials.secrets).map(([name, value]) => [name, new Secret(value)])),
    settings: credentials.settings,
    webhookSecrets: verifying.map(one => new Secret(one)),
  }
}

export function createBench(subject: Subject): Bench {
  const [credentials] = credentialsOf(subject)
  const { simulator, miscounted } = counting(subject.sandbox.createSimulator(credentials))
  const stage = createStage(simulator, judgeOf(subject))
  const clock = { nowMs: startMs }
  let count = 0
  const random = (bytes: number): Buffer => {
    count += 1
    return drawn(`contract ${count}`, bytes)
  }
  const context = (): SimulatorContext => ({ nowMs: clock.nowMs, random, address })
  const send = stageSend(stage, { context })
  const account = accountOf(credentials)
  const plain = plainOf(subject)
  const browse: Bench['browse'] = (method, url, body = '') => {
    const to = new URL(url)
    const headers: Record<string, string> = body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const staged = stage.answer({ method, path: to.pathname, query: to.search.slice(1), headers, body }, context())
    if (staged.kind === 'lost') throw new Error('the page did not load')
    return staged.answer
  }
  return {
    subject,
    stage,
    channel: subject.channel,
    clock,
    plain,
    call: (operation, value = plain, key = `key_${operation}`) => ({
      operation,
      key,
      account,
      nowMs: clock.nowMs,
      send: filling(send, value),
    }),
    input: (binding, value = plain, more = {}) => ({
      tenant: 'ten_1',
      customer: 'cus_contract',
      channelCustomer: undefined,
      instrument: 'ins_1',
      binding,
      source: value.source,
      terms: value.terms,
      returnUrl: 'https://pay.example.com/return?token=unguessable',
      client: { ip: '203.0.113.7', userAgent: 'Mozilla/5.0' },
      ...more,
    }),
    bind(call, input) {
      if (subject.channel.bind === undefined) throw new TypeError('the channel cannot bind')
      return subject.channel.bind(call, unfillable(input))
    },
    play: (outcome, pass) =>
      subject.sandbox.play(outcome, pass, {
        browse: (method, url, body) => Promise.resolve(browse(method, url, body)),
        act: (name, token) => Promise.resolve(stage.simulator.act(name, token, context())),
      }),
    browse,
    fault: (fault, path, times = 1) => stage.faults.add({ match: { path }, fault, times }),
    deliveries: (secrets = [credentials.signing]) => stage.deliveries({ nowMs: clock.nowMs, secrets }),
    effects: kind => stage.simulator.books().effects.filter(one => one.effect === kind),
    miscounted,
  }
}

/** The same simulator, and how often it had other money to speak of: a fault that changes nothing proves nothing. */
function counting(simulator: Simulator): { readonly simulator: Simulator; readonly miscounted: () => number } {
  const { miscount } = simulator
  let count = 0
  if (miscount === undefined) return { simulator, miscounted: () => 0 }
  const counted = (answer: SimulatorAnswer) => {
    const changed = miscount(answer)
    if (changed !== undefined && changed.body !== answer.body) count += 1
    return changed
  }
  return { simulator: { ...simulator, miscount: counted }, miscounted: () => count }
}

/** Bytes that look random and are the same in every run. */
function drawn(name: string, count: number): Buffer {
  const parts: Buffer[] = []
  for (let have = 0; have < count; have += 32) parts.push(createHash('sha256').update(`${name} ${have}`).digest())
  return Buffer.concat(parts).subarray(0, count)
}

/** Fills placeholders as the vault does, escaped for the body's type; only where the request asked for it. */
export function filling(send: Send, value: SandboxValue): Send {
  return request => send(request.placeholders === true ? { ...request, body: fillIn(request, value) } : request)
}

const cardDefaults = {
  expiryMonth: '03',
  expiryYear: '2030',
  securityCode: '737',
  holder: 'Ada "Countess" Lovelace & Co',
}

export function fillIn(request: ChannelRequest, value: SandboxValue): string {
  const given: Readonly<Record<string, string>> = { ...cardDefaults, ...value.give }
  const json = Object.entries(request.headers).some(([name, type]) => name.toLowerCase() === 'content-type' && type.includes('json'))
  return (request.body ?? '').replace(/\{\{(?:card|payer)\.(\w+)\}\}/g, (_, name: string) => {
    const text = given[name]
    if (text === undefined) throw new TypeError(`no such placeholder: ${name}`)
    return json ? JSON.stringify(text).slice(1, -1) : encodeURIComponent(text)
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
  const repeats = bench.channel.repeat.bind
  const most = repeats?.kind === 'keyed' ? times : repeats?.kind === 'repeatable' ? Math.min(times, repeats.times) : 0
  for (let i = 0; outcome.kind === 'uncertain' && i < most; i += 1) outcome = learn(await bench.bind(call, input))
  if (outcome.kind !== 'uncertain' || bench.channel.lookUp === undefined) return outcome
  return bench.channel.lookUp(call, { customer: input.customer, binding: input.binding, verb: 'bind', references, source: input.source })
}

/** The plain way to its end: bound at once, or after the challenge. */
export async function bindFully(bench: Bench, value: SandboxValue = bench.plain): Promise<Extract<LookUpOutcome, { kind: 'bound' }>> {
  const input = bench.input('bnd_1', value)
  const first = await bench.bind(bench.call('opn_1', value), input)
  const end = first.kind === 'challenged' ? await afterChallenge(bench, first, true, value) : first
  assertBound(end)
  return end
}

/** The customer acts; then the channel is told, or asked. */
export async function afterChallenge(
  bench: Bench,
  challenged: BindOutcome & { readonly kind: 'challenged' },
  pass: boolean,
  value: SandboxValue = bench.plain,
): Promise<LookUpOutcome> {
  let now: BindOutcome & { readonly kind: 'challenged' } = challenged
  // 3-D Secure has two stages, and a rail may ask twice: more than four is a loop.
  for (let stage = 0; stage < 4; stage += 1) {
    const returned = await bench.play(now, pass)
    const next = await goOn(bench, now.references, returned, value, `opn_${stage + 2}`)
    if (next.kind !== 'challenged' || returned === undefined) return next
    now = next
  }
  throw new assert.AssertionError({ message: 'the challenge does not end' })
}

export function goOn(
  bench: Bench,
  references: References,
  returned: Readonly<Record<string, string>> | undefined,
  value: SandboxValue = bench.plain,
  operation = 'opn_2',
): Promise<LookUpOutcome> {
  const { channel } = bench
  const about = { customer: 'cus_contract', binding: 'bnd_1', references }
  if (returned !== undefined) {
    if (channel.resume === undefined) throw new TypeError('a channel that challenges resumes')
    return channel.resume(bench.call(operation, value), { ...about, returned })
  }
  if (channel.lookUp === undefined) throw new TypeError('a channel whose customers do not come back is asked')
  return channel.lookUp(bench.call('opn_1', value), { ...about, verb: 'bind', source: value.source })
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

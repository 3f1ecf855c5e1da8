/** What Adyen's tests stand on: a judged stage, an account, and a `send` that fills in the card as the vault does. Tests only. */
import { createHash } from 'node:crypto'
import { Secret } from '../../core/secret.ts'
import type { RedirectAction } from '../action.ts'
import {
  type BindInput,
  type BindOutcome,
  type Call,
  type ChannelAccount,
  type LookUpInput,
  type LookUpOutcome,
  NoAnswer,
  type References,
  type RevokeInput,
  type RevokeOutcome,
  type Send,
  type Told,
  type WebhookReading,
} from '../channel.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import type { SimulatorContext, StageJudge } from '../simulator.ts'
import { createStage, type Stage, type StagedDelivery, type StagedViolation, stageSend } from '../stage.ts'
import { adyen } from './channel.ts'
import { judgeAdyen } from './judged.ts'
import { type AdyenSimulatorOptions, createAdyenSimulator } from './simulator.ts'
import { readWebhook } from './webhook.ts'

/** For what never asks anyone. */
export const unplugged: Send = () => Promise.reject(new NoAnswer('unplugged'))

/** From the official library's own test. */
export const hmacKey = 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00'

export const account: ChannelAccount = {
  address: 'http://adyen.test',
  secrets: { apiKey: new Secret('AQE-test') },
  settings: { merchantAccount: 'BinderyECOM' },
  webhookSecrets: [new Secret(hmacKey)],
}

export type Plastic = {
  readonly number: string
  readonly holder?: string
  readonly month?: string
  readonly year?: string
  readonly code?: string
}

let shared: StageJudge | undefined
/** One for all tests of a file: compiling takes a second. Undefined where the specifications are not at hand. */
export function judgeAtHand(): StageJudge | undefined {
  if (specJudge(specsDirOf()) === 'off') return undefined
  shared ??= judgeAdyen(specsDirOf())
  return shared
}

export type Rehearsal = {
  readonly stage: Stage
  readonly send: Send
  readonly context: () => SimulatorContext
  passMs(ms: number): void
  call(operation: string, key?: string): Call
  input(plastic: Plastic, customer?: string): BindInput
  /** Sends what was called for with this card in its placeholders. */
  withCard(plastic: Plastic): Call['send']
  resume(operation: string, references: References, returned: References): Promise<BindOutcome>
  revoke(input: Partial<RevokeInput> & { readonly token: string }): Promise<RevokeOutcome>
  lookUp(input: Partial<LookUpInput>): Promise<LookUpOutcome>
  /** Presses a button on the issuer's page and gives what the browser comes back with. */
  press(url: string, button: 'complete' | 'fail'): References
  bind(plastic: Plastic, more?: { readonly operation?: string; readonly customer?: string }): Promise<BindOutcome>
  deliveries(): readonly StagedDelivery[]
  /** What the adapter makes of all webhooks that are due. */
  told(): readonly Told[]
  hear(delivery: StagedDelivery): WebhookReading
}

const stages: Stage[] = []
/** What the official specification objected to since this was last asked. After each test: nothing. */
export const objections = (): readonly StagedViolation[] => stages.splice(0).flatMap(stage => stage.violations())

export function rehearse(options: AdyenSimulatorOptions = {}): Rehearsal {
  const stage = createStage(createAdyenSimulator(options), judgeAtHand())
  stages.push(stage)
  let nowMs = Date.UTC(2026, 10, 22, 12)
  let drawn = 0
  const random = (count: number): Buffer => {
    drawn += 1
    return createHash('shake256', { outputLength: count }).update(String(drawn)).digest()
  }
  const context = (): SimulatorContext => ({ nowMs, random, address: account.address })
  const send = stageSend(stage, { context })
  const call = (operation: string, key = `key-${operation}`): Call => ({ operation, key, account, send })
  const withCard =
    (plastic: Plastic): Send =>
    request =>
      send(request.placeholders === true ? { ...request, body: filled(request.body ?? '', plastic) } : request)
  const hear = (delivery: StagedDelivery): WebhookReading =>
    readWebhook({
      headers: delivery.headers,
      body: Buffer.from(delivery.body),
      nowMs,
      secrets: account.webhookSecrets,
      account,
      send,
    })
  const deliveries = () => stage.deliveries({ nowMs, secrets: [hmacKey] })
  return {
    stage,
    send,
    context,
    passMs: ms => {
      nowMs += ms
    },
    call,
    input: inputOf,
    withCard,
    bind: (plastic, more = {}) =>
      there(adyen.bind)({ ...call(more.operation ?? 'opn_1'), send: withCard(plastic) }, inputOf(plastic, more.customer)),
    resume: (operation, references, returned) =>
      there(adyen.resume)(call(operation), { customer: 'cus_alice', binding: 'bnd_1', references, returned }),
    revoke: input => there(adyen.revoke)(call('opn_revoke'), { customer: 'cus_alice', binding: 'bnd_1', references: {}, ...input }),
    lookUp: input => there(adyen.lookUp)(call('opn_look'), { ...asked, ...input }),
    press: (url, button) => press(stage, url, button, context()),
    deliveries,
    told: () => deliveries().flatMap(one => toldBy(hear(one))),
    hear,
  }
}

function there<F>(verb: F | undefined): F {
  if (verb === undefined) throw new TypeError('the adapter has no such verb')
  return verb
}

const asked: LookUpInput = {
  customer: 'cus_alice',
  binding: 'bnd_1',
  verb: 'bind',
  references: {},
  source: inputOf({ number: '4111111111111111' }).source,
}

function press(stage: Stage, url: string, button: string, context: SimulatorContext): References {
  const request = { method: 'POST', path: `${new URL(url).pathname}/${button}`, query: '', headers: {}, body: '' }
  const staged = stage.answer(request, context)
  if (staged.kind === 'lost' || staged.answer.status !== 303) throw new TypeError('the page did not send the browser back')
  return Object.fromEntries(new URL(staged.answer.headers.location ?? '').searchParams)
}

/** The action as the redirect it is to be. */
export function redirectIn(outcome: BindOutcome): RedirectAction {
  if (outcome.kind !== 'challenged' || outcome.action.type !== 'redirect') throw new TypeError(`no redirect, but ${outcome.kind}`)
  return outcome.action
}

const toldBy = (reading: WebhookReading): readonly Told[] => (reading.kind === 'told' ? reading.told : [])

function inputOf(plastic: Plastic, customer = 'cus_alice'): BindInput {
  return {
    tenant: 'ten_1',
    customer,
    channelCustomer: undefined,
    instrument: 'ins_1',
    binding: 'bnd_1',
    source: {
      type: 'card',
      card: {
        brand: 'visa',
        last4: plastic.number.slice(-4),
        expiryMonth: Number(plastic.month ?? '03'),
        expiryYear: Number(plastic.year ?? '2030'),
        securityCode: true,
        holder: plastic.holder !== undefined,
      },
    },
    terms: undefined,
    returnUrl: 'https://pay.example.com/return/abc?x=1',
    client: { ip: '192.0.2.1', userAgent: 'Mozilla/5.0' },
  }
}

function filled(body: string, plastic: Plastic): string {
  const values: Readonly<Record<string, string>> = {
    number: plastic.number,
    expiryMonth: plastic.month ?? '03',
    expiryYear: plastic.year ?? '2030',
    securityCode: plastic.code ?? '737',
    holder: plastic.holder ?? '',
  }
  return body.replace(/\{\{card\.(\w+)\}\}/g, (_all, name: string) => JSON.stringify(values[name] ?? '').slice(1, -1))
}

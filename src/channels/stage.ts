/**
 * A simulator put on a stage: judged by the official specification in both directions, recorded, and made to fail on demand. Still without
 * clock or sockets: `simulator-server.ts` puts HTTP around it, `stageSend` is a `Send` for tests and for the deterministic simulation.
 */
import { type ChannelRequest, NoAnswer, type Send } from './channel.ts'
import { createFaults, type Faults } from './faults.ts'
import type { Violation } from './judge.ts'
import {
  maskCards,
  maskPayers,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorDelivery,
  type SimulatorEvent,
  type SimulatorRequest,
  type StageJudge,
} from './simulator.ts'

export type Recorded = SimulatorRequest & { readonly atMs: number; readonly status: number | 'lost' }
export type StagedViolation = Violation & { readonly about: string }
/** `delayMs`: to wait before it goes out. `true`: signed with a secret of nobody's. */
export type StagedDelivery = SimulatorDelivery & { readonly event: SimulatorEvent; readonly delayMs: number; readonly forged: boolean }
export type StagedAnswer =
  | { readonly kind: 'lost' }
  /** `drips`: its bytes come one by one over `delayMs`, instead of all at its end. */
  | { readonly kind: 'answer'; readonly answer: SimulatorAnswer; readonly delayMs: number; readonly drips: boolean }

export type Stage = {
  readonly simulator: Simulator
  readonly faults: Faults
  answer(request: SimulatorRequest, context: SimulatorContext): StagedAnswer
  /** Webhooks that are to go out now, signed, with the faults asked for. */
  deliveries(at: { readonly nowMs: number; readonly secrets: readonly string[] }): readonly StagedDelivery[]
  /** Reordered webhooks that nothing followed: they go out after all. */
  holding(): boolean
  release(): readonly StagedDelivery[]
  /** The last 1,000, card numbers and payers masked. */
  requests(): readonly Recorded[]
  /** Requests that broke the specification (ours), and answers and webhooks that did (the simulator's). Empty is the proof. */
  violations(): readonly StagedViolation[]
}

const recordedMax = 1_000
const slowMs = 30_000
const dripMs = 90_000
const lateMs = 2_000

export function createStage(simulator: Simulator, judge?: StageJudge): Stage {
  const faults = createFaults()
  const requests: Recorded[] = []
  const violations: StagedViolation[] = []
  let held: readonly StagedDelivery[] = []
  const blame = (about: string, found: readonly Violation[]) => {
    for (const one of found) violations.push({ ...one, about })
  }
  const perform = (request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer => {
    const about = `${request.method} ${request.path}`
    const judged = judge?.covers(request) === true ? judge : undefined
    const broken = [...nameless(request), ...(judged?.request(request) ?? [])]
    blame(about, broken)
    const answer = broken.length > 0 ? simulator.reject(broken, request, context) : simulator.handle(request, context)
    blame(about, judged?.answer(request, answer) ?? [])
    return answer
  }
  return {
    simulator,
    faults,
    answer(request, context) {
      const staged = withFault(request, context, simulator, faults, perform)
      requests.push({
        ...request,
        headers: withoutCredentials(request.headers),
        query: maskPayers(request.query),
        body: maskPayers(maskCards(request.body)),
        atMs: context.nowMs,
        status: staged.kind === 'lost' ? 'lost' : staged.answer.status,
      })
      if (requests.length > recordedMax) requests.shift()
      return staged
    },
    deliveries(at) {
      const out: StagedDelivery[] = []
      for (const event of simulator.takeEvents()) {
        const { now, later } = staged(event, simulator, faults, at)
        for (const one of new Set([event, ...[...now, ...later].map(delivery => delivery.event)]))
          if (judge !== undefined) blame(one.type, judge.event(one))
        out.push(...now, ...(now.length > 0 ? held : []))
        held = now.length > 0 ? later : [...held, ...later]
      }
      return out
    },
    holding: () => held.length > 0,
    release() {
      const out = held
      held = []
      return out
    },
    requests: () => requests,
    violations: () => violations,
  }
}

/** No channel guesses what a body is (RFC 9110, 8.3): without its type it is not read, whoever publishes a specification or not. */
const nameless = ({ body, headers }: SimulatorRequest): readonly Violation[] =>
  body !== '' && headers['content-type'] === undefined
    ? [{ where: 'request', pointer: 'content-type', message: 'is absent, and there is a body' }]
    : []

const withoutCredentials = (headers: SimulatorRequest['headers']) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization' && name !== 'x-api-key'))

function withFault(
  request: SimulatorRequest,
  context: SimulatorContext,
  simulator: Simulator,
  faults: Faults,
  perform: Stage['simulator']['handle'],
): StagedAnswer {
  const fault = faults.forRequest(request)
  const give = (answer: SimulatorAnswer, delayMs = 0, drips = false): StagedAnswer => ({ kind: 'answer', answer, delayMs, drips })
  const before = fault?.fault
  if (before === 'lost_before') return { kind: 'lost' }
  if (before === 'error_before') return give(simulator.trouble('error', context, request))
  if (before === 'rate_limited') return give(simulator.trouble('rate_limited', context, request))
  const answer = perform(request, context)
  switch (fault?.fault) {
    case undefined:
      return give(answer)
    case 'lost_after':
      return { kind: 'lost' }
    case 'error_after':
      return give(simulator.trouble('error', context, request))
    case 'html':
      return give({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html><body><h1>Bad gateway</h1></body></html>' })
    case 'half_json':
      return give({ ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) })
    case 'empty':
      return give({ ...answer, body: '' })
    case 'error_200':
      return give({ ...simulator.trouble('error', context, request), status: 200 })
    case 'other_object':
      return give(simulator.disguise(answer))
    case 'wrong_money':
      return give(simulator.miscount?.(answer) ?? answer)
    case 'slow':
      return give(answer, fault.delayMs ?? slowMs)
    case 'drip':
      return give(answer, fault.delayMs ?? dripMs, true)
    default:
      throw new TypeError(`a fault that was handled above came back: ${fault?.fault}`)
  }
}

type Staged = { readonly now: readonly StagedDelivery[]; readonly later: readonly StagedDelivery[] }

function staged(event: SimulatorEvent, simulator: Simulator, faults: Faults, at: Parameters<Stage['deliveries']>[0]): Staged {
  const fault = faults.forEvent(event)
  const delayMs = fault?.delayMs ?? lateMs
  const signed = (one: SimulatorEvent): StagedDelivery => ({ ...simulator.sign(one, at), event: one, delayMs: 0, forged: false })
  const real = signed(event)
  switch (fault?.fault) {
    case 'dropped':
      return { now: [], later: [] }
    case 'duplicate':
      return { now: [real, real], later: [] }
    case 'late':
      return { now: [{ ...real, delayMs }], later: [] }
    case 'reordered':
      return { now: [], later: [real] }
    case 'forged':
      return { now: [{ ...simulator.sign(event, { ...at, secrets: ['00ff00ff'] }), event, delayMs: 0, forged: true }, real], later: [] }
    case 'contradictory': {
      const opposite = simulator.contradict?.(event)
      return { now: opposite === undefined ? [real] : [real, signed(opposite)], later: [] }
    }
    case 'partial': {
      const [first = event, ...rest] = simulator.split?.(event) ?? []
      return { now: [signed(first), ...rest.map(part => ({ ...signed(part), delayMs }))], later: [] }
    }
    default:
      return { now: [real], later: [] }
  }
}

/** A `Send` that ends at the stage, with no sockets. `deadlineMs`: a slower answer is none. */
export function stageSend(stage: Stage, at: { readonly context: () => SimulatorContext; readonly deadlineMs?: number }): Send {
  return request =>
    new Promise((resolve, reject) => {
      const staged = stage.answer(toSimulator(request), at.context())
      if (staged.kind === 'lost') reject(new NoAnswer('connection reset'))
      else if (staged.delayMs > (at.deadlineMs ?? 10_000)) reject(new NoAnswer('deadline'))
      else resolve(staged.answer)
    })
}

export function toSimulator(request: ChannelRequest): SimulatorRequest {
  const url = new URL(request.url)
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { method: request.method, path: url.pathname, query: url.search.slice(1), headers, body: request.body ?? '' }
}

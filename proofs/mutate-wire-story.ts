/** One sandbox value's whole life at its staged simulator, and everything that anybody could notice of it. */
import { type ChannelRequest, type LookUpOutcome, NoAnswer, type References, type SandboxValue } from '../src/channels/channel.ts'
import { type Bench, createBench, goOn, type Subject } from '../src/channels/contract-bench.ts'
import { arrivals, witnessesOf } from './mutate-wire-arrivals.ts'

/**
 * `whole`: from bind to revoke · `declined`: the customer turns back · `again`: the same, every keyed operation sent twice, and in the end the customer binds once more, by then a
 * stranger to us · `lost`: the bind's `lostAt`th answer is lost, then a
 * look-up · `crowd`: the same, and before we look the customer binds a dozen others and a hundred customers bind theirs.
 */
export type Scene = { readonly name: 'whole' | 'again' | 'declined' } | { readonly name: 'lost' | 'crowd'; readonly lostAt: number }
export type Tamper = (request: ChannelRequest) => ChannelRequest

/** Who notices: the specification, the simulator by another answer or event, its books, the adapter, or the watch on what arrives. */
export const observers = ['specification', 'answers', 'books', 'outcomes', 'arrivals'] as const
export type Observer = (typeof observers)[number]
export type Trace = Readonly<Record<Observer, string>>
/** `sent`: as the adapter wrote it, before it was tampered with. */
export type Told = {
  readonly trace: Trace
  readonly sent: readonly ChannelRequest[]
  /** How many of them the bind made. */
  readonly bindRequests: number
}

/** `plain`: the same bench, out of reach of tampering. */
type Stage = { readonly plain: Bench; readonly bench: Bench; readonly value: SandboxValue; readonly scene: Scene; readonly did: Did }
/** One thing done: keeps how it ended, and what the channel told meanwhile. */
type Did = (name: string, run: () => Promise<LookUpOutcome>) => Promise<LookUpOutcome | undefined>

export async function tellStory(subject: Subject, value: SandboxValue, scene: Scene, tamper: Tamper): Promise<Told> {
  const plain = createBench(subject)
  const sent: ChannelRequest[] = []
  const arrived: ChannelRequest[] = []
  const answers: unknown[] = []
  const outcomes: unknown[] = []
  const bench: Bench = {
    ...plain,
    call(operation, of, key) {
      const call = plain.call(operation, of, key)
      return {
        ...call,
        async send(request) {
          const changed = tamper(request)
          sent.push(request)
          arrived.push(changed)
          const answer = await call.send(changed)
          answers.push(answer)
          return answer
        },
      }
    },
  }
  let bindRequests = 0
  const did: Did = async (name, run) => {
    const end = await run().catch((error: unknown) => ({ kind: 'threw' as const, error: String(error) }))
    if (outcomes.length === 0) bindRequests = sent.length
    outcomes.push([name, end])
    answers.push(plain.deliveries().map(one => one.event))
    return end.kind === 'threw' ? undefined : end
  }
  await live({ plain, bench, value, scene, did })
  const trace = {
    specification: plain.stage.violations(),
    answers,
    books: plain.stage.simulator.books(),
    outcomes,
    arrivals: arrivals(arrived, witnessesOf(plain.input('bnd_1', value))),
  }
  return { trace: mapTrace(trace), sent, bindRequests }
}

const mapTrace = (trace: Readonly<Record<Observer, unknown>>): Trace => ({
  specification: JSON.stringify(trace.specification),
  answers: JSON.stringify(trace.answers),
  books: JSON.stringify(trace.books),
  outcomes: JSON.stringify(trace.outcomes),
  arrivals: JSON.stringify(trace.arrivals),
})

async function live(stage: Stage): Promise<void> {
  const { bench, value, scene, did } = stage
  const input = bench.input('bnd_1', value)
  if ('lostAt' in scene) return lose(stage, scene.lostAt)
  const call = bench.call('opn_1', value)
  const bind = () => bench.bind(call, input)
  const first = await twice(stage, 'bind', bind)
  const end = first?.kind === 'challenged' ? await passChallenge(stage, first) : first
  if (scene.name === 'declined') return
  if (end === undefined || !('references' in end) || end.references === undefined) return
  await look(stage, 'bind', end.references)
  if (end.kind === 'bound') await keep(stage, end.token, end.references)
  if (scene.name === 'again') await did('bind another', () => bench.bind(bench.call('opn_8', value), bench.input('bnd_8', value)))
}

/** Every operation that is keyed is sent again, so that its key is missed. */
async function twice(
  { bench, scene, did }: Stage,
  verb: 'bind' | 'resume' | 'refresh' | 'update' | 'revoke',
  run: () => Promise<LookUpOutcome>,
): Promise<LookUpOutcome | undefined> {
  const first = await did(verb, run)
  if (scene.name === 'again' && bench.channel.repeat[verb]?.kind === 'keyed') await did(`${verb} again`, run)
  return first
}

async function passChallenge(stage: Stage, first: LookUpOutcome & { readonly kind: 'challenged' }): Promise<LookUpOutcome | undefined> {
  const { bench, value, scene, did } = stage
  let now = first
  const { resend } = bench.channel
  if (resend !== undefined && now.action.type === 'otp') {
    const { references } = now
    const about = { customer: 'cus_contract', binding: 'bnd_1', references, returned: {} }
    const again = await did('resend', () => resend(bench.call('opn_9', value), about))
    if (again?.kind === 'challenged') now = again
  }
  for (let round = 0; round < 4; round += 1) {
    const returned = await bench.play(now, scene.name !== 'declined').catch(() => undefined)
    const { references } = now
    const next = await twice(stage, 'resume', () => goOn(bench, references, returned, value, `opn_${round + 2}`))
    if (next?.kind !== 'challenged' || returned === undefined) return next
    now = next
  }
  return undefined
}

async function look({ bench, value, did }: Stage, verb: 'bind' | 'revoke', references: References): Promise<void> {
  const { lookUp } = bench.channel
  if (lookUp === undefined) return
  const about = { customer: 'cus_contract', binding: 'bnd_1', verb, references, source: value.source }
  await did(`look up ${verb}`, () => lookUp(bench.call('opn_1', value), about))
}

async function keep(stage: Stage, token: string, references: References): Promise<void> {
  const { bench, value } = stage
  const { refresh, revoke, update } = bench.channel
  const about = { customer: 'cus_contract', binding: 'bnd_1', token, references }
  if (update !== undefined && value.source.type === 'card') {
    const { last4, expiryMonth, expiryYear } = value.source.card
    // Another month too: what is left out stays as it was, and that must show.
    const card = { last4, expiryMonth: (expiryMonth % 12) + 1, expiryYear: expiryYear + 3 }
    await twice(stage, 'update', () => update(bench.call('opn_5', value), { ...about, card }))
  }
  if (refresh !== undefined) {
    const call = bench.call('opn_6', value)
    const fresh = await twice(stage, 'refresh', () => refresh(call, about))
    if (fresh?.kind === 'updated') {
      const kept = { ...references, ...fresh.references }
      if (revoke !== undefined) await giveUp(stage, fresh.token ?? token, kept)
      return
    }
  }
  if (revoke !== undefined) await giveUp(stage, token, references)
}

async function giveUp(stage: Stage, token: string, references: References): Promise<void> {
  const { bench, value } = stage
  const { revoke } = bench.channel
  if (revoke === undefined) return
  const call = bench.call('opn_7', value)
  await twice(stage, 'revoke', () => revoke(call, { customer: 'cus_contract', binding: 'bnd_1', token, references }))
  await look(stage, 'revoke', references)
  // By our name alone: what was given up is not what never was.
  await look(stage, 'bind', {})
}

/** What was asked for is found by its name alone. */
async function lose(stage: Stage, lostAt: number): Promise<void> {
  const { bench, value, scene, did } = stage
  const call = bench.call('opn_1', value)
  let count = 0
  const send: typeof call.send = async request => {
    const answer = await call.send(request)
    count += 1
    if (count === lostAt) throw new NoAnswer('lost')
    return answer
  }
  const end = await did('bind, lost', () => bench.bind({ ...call, send }, bench.input('bnd_1', value)))
  const references = end?.kind === 'uncertain' ? (end.references ?? {}) : {}
  if (scene.name === 'crowd') await gather(stage, references.customer)
  await look(stage, 'bind', references)
}

const ownOthers = 12
const strangers = 101

/** More than a page of a list holds by default, and more than the largest page: what is not asked for by name is not found. */
async function gather({ plain, value }: Stage, channelCustomer: string | undefined): Promise<void> {
  for (let i = 0; i < ownOthers + strangers; i += 1) {
    const customer = i < ownOthers ? { customer: 'cus_contract', channelCustomer } : { customer: `cus_stranger${i}` }
    await plain.bind(plain.call(`opn_other${i}`, value), plain.input(`bnd_other${i}`, value, customer)).catch(() => undefined)
  }
}

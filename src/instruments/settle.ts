/**
 * Carries out one operation: calls the channel with no transaction open, turns what it says into facts, and learns them. The request that
 * asked and the worker that comes later call the same functions, under the same key, with the same bytes.
 */
import type { Call, Channel, LookUpOutcome, References } from '../channels/channel.ts'
import { unfillable } from '../channels/placeholder.ts'
import { move, Unavailable, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { adopt, adoptionOf } from './adopt.ts'
import type { OwnNews } from './binding.ts'
import { type Adopting, carry, type Lapse } from './carry.ts'
import { keepChannelCustomer } from './customer.ts'
import { type Change, type Decision, isAsking, type Rows } from './decide.ts'
import { compareExpiry, expiryOf } from './expiry.ts'
import type { NewFact } from './fact.ts'
import { learn, readRows } from './learn.ts'
import { backoffMs, cannotRepeat, leaseMs, nextStep, type Step, waitMs } from './operation.ts'
import { bindsBeside, heldBySibling, isOvertaken } from './revoke.ts'
import { channelNames, type OperationRow, operations } from './tables.ts'

/** One attempt, then what follows from it; a chain that falls over is followed to its end. */
export async function carryOut(
  world: World,
  operation: OperationRow,
  more: { readonly step?: Step; readonly rows?: Rows; readonly companions?: (decision: Decision) => readonly Write[] } = {},
): Promise<Decision> {
  const rows = more.rows ?? (await readRows(world, operation.tenant, operation.binding))
  const change = await attempt(world, operation, rows, more.step ?? { do: 'send' })
  // Together, so that their commits share a ride: nobody waits for a second one.
  const [decision] = await Promise.all([
    learn(world, { tenant: operation.tenant, binding: operation.binding, change, rows, companions: more.companions }),
    keepChannelCustomer(world, operation, change),
  ])
  const [following] = decision.next
  if (following === undefined || following.verb !== 'bind') return decision
  return carryOut(world, { ...following, version: 1 }, more.companions === undefined ? {} : { companions: more.companions })
}

/** What the worker does with an operation that fell due: claims it by a move, so that no two attempts run at once, then carries it out. */
export async function settle(world: World, due: OperationRow): Promise<void> {
  const channel = world.channels.get(due.channel)
  const lookUp = channel?.lookUp !== undefined && due.verb !== 'refresh' && due.verb !== 'update'
  const step = nextStep(due, { repeat: channel?.repeat[due.verb], lookUp }, world.now())
  const claimed = { tries: due.tries + 1, due_at: world.now() + leaseMs }
  const result = await world.store.commit([move(operations, due, claimed)])
  if (!result.ok) return
  await carryOut(world, { ...due, ...claimed, version: due.version + 1 }, { step })
}

async function attempt(world: World, operation: OperationRow, rows: Rows, step: Step): Promise<Change> {
  if (step.do === 'park') return over(operation, 'parked', step.cause)
  if (step.do === 'leave') return over(operation, 'settled', step.cause)
  const { status } = rows.binding
  const ofTheLiving = operation.verb === 'refresh' || operation.verb === 'update'
  if (ofTheLiving && status !== 'active' && status !== 'suspended') return over(operation, 'settled', `it is ${status}`)
  if (operation.verb === 'update' && isOutdated(operation, rows)) return over(operation, 'settled', 'it shows that, or was asked for more')
  // Nothing has left yet, and nothing needs to.
  if (operation.verb === 'bind' && operation.tries <= 1 && isOvertaken(rows)) return { facts: [own(operation, refusedByUs('not_wanted'))] }
  if (step.do === 'abandon') return { facts: [own(operation, { kind: 'abandoned', reason: step.reason })] }
  const first = await ask(world, operation, rows, step.do)
  // The channel still has it, so no attempt to revoke it took effect; or it never heard what it told us that the customer brought back,
  // and nobody will bring it again. It can be asked again.
  const told = operation.verb === 'resume' && operation.input.event !== undefined
  const retried = (operation.verb === 'revoke' || told) && first.kind === 'none'
  const outcome = retried ? await ask(world, operation, rows, 'send') : first
  return changeOf(world, operation, outcome, retried ? 'send' : step.do)
}

/** Sent late, it would take away what was set since. */
function isOutdated({ input: { expiry } }: OperationRow, { binding: { shown, asked_expiry: asked } }: Rows): boolean {
  const has = expiryOf(shown)
  if (expiry === undefined) return true
  return (has !== undefined && compareExpiry(has, expiry) >= 0) || (asked !== null && compareExpiry(asked, expiry) > 0)
}

/** No more is asked of the channel: a person has to look, or nothing is left to be told. */
const over = (operation: OperationRow, becomes: 'parked' | 'settled', cause: string): Change => ({
  facts: [],
  attempt: { operation: operation.id, cause, becomes, dueAt: null },
})

/** What follows from what was answered. */
function changeOf(world: World, operation: OperationRow, outcome: Asked, how: 'send' | 'lookUp'): Change {
  const now = world.now()
  const waiting = operation.status === 'waiting'
  const again = (cause: string, waitFor: number, references?: References): Change => {
    const attempt = { operation: operation.id, cause, becomes: waiting ? ('waiting' as const) : ('open' as const), dueAt: now + waitFor }
    return { facts: [], attempt: { ...attempt, ...(references === undefined ? {} : { references }) } }
  }
  const patience = waitMs(now - operation.created_at)
  const backoff = backoffMs(operation.tries, chance(world))
  if (outcome.kind === 'lapsed') return { facts: [own(operation, refusedByUs('card_lapsed'))] }
  // That a return never arrived says nothing about the bind: the customer may come back again, and the bind is looked up for itself.
  if (outcome.kind === 'none' && operation.verb === 'resume') return over(operation, 'settled', 'never_arrived')
  if (outcome.kind === 'none') return { facts: [own(operation, refusedByUs('never_arrived'))] }
  if (outcome.kind === 'challenged' && operation.input.quiet === true) return { facts: [own(operation, refusedByUs('needs_customer'))] }
  const taken = takenOn(operation, outcome, now + patience)
  if (taken !== undefined) return taken
  // That the customer is done and the bank is at work is news, told once.
  const asBefore = outcome.kind === 'challenged' || (outcome.kind === 'verifying' && operation.cause === 'verifying')
  if (waiting && (asBefore || outcome.kind === 'uncertain')) return again(operation.cause ?? 'challenge', patience)
  if (operation.verb === 'resend' && outcome.kind === 'uncertain') return over(operation, 'settled', outcome.cause)
  // A suspension or a new token of what is not known to be bound decides nothing: it is asked about again.
  if (isAsking(operation.verb) && ofTheLiving.has(outcome.kind)) return again(operation.cause ?? `it is ${outcome.kind}`, patience)
  if (outcome.kind === 'uncertain') return again(outcome.cause, outcome.cause === cannotRepeat ? patience : backoff, outcome.references)
  // Refused at the door (a wrong key, a closed account): that says nothing about the first time, whose answer nobody has, and what was to
  // be revoked is still there when the door opens.
  const atTheDoor = outcome.kind === 'refused' && outcome.category === 'misconfigured' && how === 'send'
  if (atTheDoor && (operation.tries > 1 || !isAsking(operation.verb))) return again(`refused at the door: ${outcome.code}`, backoff)
  const { moment, ...news } = outcome
  const fact: NewFact = {
    source: `${operation.channel}:${operation.mode}`,
    event: `${operation.id}:${news.kind}`,
    news,
    operation: operation.id,
    rank: 1,
  }
  const request = operation.request === null ? {} : { request: operation.request }
  return { facts: [{ ...fact, ...(moment === undefined ? {} : { moment }), ...request }] }
}

/** The channel took it on and has no answer yet: a revocation that it carries out later, an update that comes as news. */
function takenOn(operation: OperationRow, outcome: Asked, dueAt: number): Change | undefined {
  if (operation.verb === 'revoke' && outcome.kind === 'revoking')
    return { facts: [], attempt: { operation: operation.id, cause: 'revoking', becomes: 'waiting', dueAt } }
  if (operation.verb === 'refresh' && outcome.kind === 'verifying') return over(operation, 'settled', 'taken on')
  return undefined
}

/** What is told of a binding that lives, or did, and says nothing of how it came alive. */
const ofTheLiving: ReadonlySet<string> = new Set(['suspended', 'resumed', 'updated', 'expired', 'reinstated', 'revoking'])

const refusedByUs = (code: string): OwnNews => ({
  kind: 'refused',
  by: 'bindery',
  category: 'try_later',
  code,
  elsewhere: false,
  references: {},
})

const own = (operation: OperationRow, news: NewFact['news']): NewFact => ({
  source: 'bindery',
  event: `${operation.id}:${news.kind}`,
  news,
  operation: operation.id,
  rank: 3,
})

const chance = (world: World): number => world.random(4).readUInt32BE(0) / 2 ** 32

type Asked = LookUpOutcome | { readonly kind: 'lapsed' }

/** The call itself. What an adapter throws is a bug of ours about which the channel's effect is unknown: uncertain, never lost. */
async function ask(world: World, operation: OperationRow, rows: Rows, how: 'send' | 'lookUp'): Promise<Asked> {
  const channel = world.channels.get(operation.channel)
  const account = world.account(operation.channel, operation.mode)
  if (channel === undefined || account === undefined) return { kind: 'uncertain', cause: `no account for ${operation.channel}` }
  try {
    const lapse: Lapse = { code: false, capture: false }
    const adopting: Adopting = { reference: how === 'send' ? adoptionOf(operation)?.reference : undefined, asked: false }
    const call: Call = {
      nowMs: world.now(),
      operation: operation.id,
      key: operation.id,
      account,
      send: request => carry(world, { operation, rows, adopting }, request, lapse),
    }
    const outcome = how === 'lookUp' ? await lookUp(channel, call, operation, rows) : await send(world, channel, call, operation, rows)
    // Nothing that was captured went out: it is sealed all the same, for the channels that come after.
    if (adopting.reference !== undefined && !adopting.asked) await adopt(world, operation).catch(() => false)
    if (lapse.capture) return { kind: 'lapsed' }
    if (!lapse.code || outcome.kind !== 'uncertain') return outcome
    // The first attempt, and it did not get past the vault: nothing was stored anywhere.
    if (operation.tries <= 1 && operation.cause === null) return { kind: 'lapsed' }
    const references = { ...operation.input.references, ...outcome.references }
    const looked = await lookUp(channel, call, { ...operation, input: { ...operation.input, references } }, rows)
    return looked.kind === 'uncertain' ? { kind: 'uncertain', cause: cannotRepeat, references } : looked
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'uncertain', cause: 'the vault could not be reached' }
    if (!(error instanceof Error) || error.name === 'Crash') throw error
    world.log.error('a channel call failed in our own code', { operation: operation.id, channel: operation.channel, error: error.name })
    return { kind: 'uncertain', cause: 'an error of ours during the call' }
  }
}

async function send(world: World, channel: Channel, call: Call, operation: OperationRow, rows: Rows): Promise<Asked> {
  const about = { customer: operation.customer, binding: operation.binding }
  const missing: Asked = { kind: 'uncertain', cause: `${operation.channel} cannot ${operation.verb}` }
  const { source, terms, client, returnUrl, returned, channelCustomer } = operation.input
  if (operation.verb === 'bind') {
    if (channel.bind === undefined || source === undefined) return missing
    const input = {
      ...about,
      tenant: operation.tenant,
      channelCustomer,
      instrument: operation.instrument,
      source,
      terms,
      returnUrl: returnUrl ?? '',
      client: client ?? {},
    }
    return channel.bind(call, unfillable(input))
  }
  if (operation.verb === 'resume' || operation.verb === 'resend')
    return (
      (await channel[operation.verb]?.(call, { ...about, references: namesKnown(operation, rows), returned: returned ?? {} })) ?? missing
    )
  const token = operation.input.token ?? rows.binding.token
  if (token === null) return missing
  if (operation.verb === 'update') {
    const { expiry } = operation.input
    if (expiry === undefined || channel.update === undefined) return missing
    const card = {
      last4: rows.binding.shown?.last4 ?? rows.instrument.display.last4 ?? '',
      expiryMonth: expiry.month,
      expiryYear: expiry.year,
    }
    return channel.update(call, { ...about, token, references: rows.binding.names, card })
  }
  if (operation.verb === 'refresh') return (await channel.refresh?.(call, { ...about, token, references: rows.binding.names })) ?? missing
  if (bindsBeside(rows)) return { kind: 'uncertain', cause: 'the card is being bound there anew' }
  if (heldBySibling(rows, token) || (await passedOn(world, operation, token))) return { kind: 'revoked' }
  // Nothing is kept over there that could be given up: our own word ends it.
  if (channel.revoke === undefined) return { kind: 'revoked' }
  const references = { ...operation.input.references, ...rows.binding.names }
  return (await channel.revoke?.(call, { ...about, token, references })) ?? missing
}

/** Some channels give one token for a card however often it is bound: what is another binding's by now is not ours to revoke. */
async function passedOn(world: World, operation: OperationRow, token: string): Promise<boolean> {
  const held = await world.store.get(channelNames, { channel: operation.channel, mode: operation.mode, name: token })
  return held !== undefined && held.binding !== operation.binding
}

/** Also those that the channel gave before the answer to the bind was lost. */
function namesKnown(operation: OperationRow, { binding, operations: asked }: Rows): References {
  const bind = asked.find(one => one.verb === 'bind')
  return { ...bind?.input.references, ...operation.input.references, ...binding.names }
}

async function lookUp(channel: Channel, call: Call, operation: OperationRow, rows: Rows): Promise<Asked> {
  const references = namesKnown(operation, rows)
  const { customer, binding, verb } = operation
  const source = operation.input.source ?? rows.operations.find(one => one.verb === 'bind')?.input.source
  const asked = { customer, binding, verb, references, source }
  return (await channel.lookUp?.(call, asked)) ?? { kind: 'uncertain', cause: `${operation.channel} cannot be asked` }
}

/**
 * Carries out one operation: calls the channel with no transaction open, turns what it says into facts, and learns them. The request that
 * asked and the worker that comes later call the same functions, under the same key, with the same bytes.
 */
import type { References } from '../channels/channel.ts'
import { mayRetry } from '../safeguards/retryBudget.ts'
import { move, type Store, type Write } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { type Asked, ask } from './ask.ts'
import type { OwnNews } from './binding.ts'
import { customerNow, keepChannelCustomer } from './customer.ts'
import type { Change, Decision, Rows } from './decide.ts'
import { compareExpiry, expiryOf } from './expiry.ts'
import type { NewFact } from './fact.ts'
import { learn, readRows } from './learn.ts'
import { backoffMs, cannotRepeat, isAsking, leaseMs, nextStep, patienceEnd, type Step, sinceOf, waitMs } from './operation.ts'
import { mayHaveRenewed } from './operationsAfter.ts'
import { isOvertaken } from './revoke.ts'
import { instruments, type OperationRow, operations } from './tables.ts'

/** One attempt, then what follows from it; a chain that falls over is followed to its end. */
export async function carryOut(
  world: World,
  operation: OperationRow,
  more: { readonly step?: Step; readonly rows?: Rows; readonly companions?: (decision: Decision) => readonly Write[] } = {},
): Promise<Decision> {
  const rows = more.rows ?? (await readRows(world, operation.tenant, operation.binding))
  const change = await alone(world, operation, () => attempt(world, operation, rows, more.step ?? { do: 'send' }))
  // Together, so that their commits share a ride: nobody waits for a second one.
  const [decision] = await Promise.all([
    learn(world, { tenant: operation.tenant, binding: operation.binding, change, rows, companions: more.companions }),
    keepChannelCustomer(world, operation, change),
  ])
  const [following] = decision.next
  if (following === undefined || following.verb !== 'bind') return decision
  return carryOut(world, { ...following, version: 1 }, more.companions === undefined ? {} : { companions: more.companions })
}

/**
 * What this process is asking just now. A lease keeps other processes away for a minute of the clock; when the clock is set forward meanwhile,
 * this keeps at least our own hands off.
 */
const underWay = new WeakMap<Store, Set<string>>()

async function alone<T>({ store }: World, { id }: OperationRow, act: () => Promise<T>): Promise<T> {
  const asked = underWay.get(store) ?? new Set()
  underWay.set(store, asked.add(id))
  try {
    return await act()
  } finally {
    asked.delete(id)
  }
}

/**
 * What is done with an operation that fell due: claims it by a move, so that no two attempts run at once, then carries it out. The lease is
 * real time also where it waited on a customer's test clock. Undefined: somebody else has it.
 */
export async function settle(world: World, due: OperationRow): Promise<{ readonly step: Step; readonly decision: Decision } | undefined> {
  const channel = world.channels.get(due.channel)
  const lookUp = channel?.lookUp !== undefined && due.verb !== 'refresh' && due.verb !== 'update'
  if (underWay.get(world.store)?.has(due.id) === true) return undefined
  const now = world.now()
  const at = { now, customerNow: await timeOfWaiting(world, due) }
  const step = nextStep(due, { repeat: channel?.repeat[due.verb], lookUp }, at)
  // What was planned on a test clock begins now.
  const begun = due.tries === 0 && due.clock !== null ? { created_at: now } : {}
  const again = step.do === 'send' && due.tries > 0
  const asks = step.do === 'send' || step.do === 'lookUp'
  // What waits on a test clock is due by that clock: it is asked, and told so.
  const isClosed = asks && due.clock === null && world.health.closedTo(due.channel, due.tenant, now) !== undefined
  if (isClosed || (again && !mayRetry(world.health.lately(due.channel, now)))) {
    // Not counted as a try: nothing leaves, and it is looked at again when others have gone.
    await world.store.commit([move(operations, due, { due_at: now + backoffMs(due.tries, chance(world)) })])
    return undefined
  }
  const claimed = { tries: due.tries + 1, due_at: now + leaseMs, clock: null, ...begun }
  const result = await world.store.commit([move(operations, due, claimed)])
  if (!result.ok) return undefined
  return { step, decision: await carryOut(world, { ...due, ...claimed, version: due.version + 1 }, { step }) }
}

/** By the customer's clock. Only what waits there says so, and nobody else's customer is read for it. */
async function timeOfWaiting(world: World, { tenant, instrument, clock, input }: OperationRow): Promise<number> {
  if (clock !== null) return customerNow(world, { tenant, clock })
  if (input.sinceMs === undefined) return world.now()
  const row = await world.store.get(instruments, { tenant, id: instrument })
  return customerNow(world, { tenant, clock: row?.clock ?? null })
}

async function attempt(world: World, operation: OperationRow, rows: Rows, step: Step): Promise<Change> {
  if (step.do === 'park') return over(operation, 'parked', step.cause)
  if (step.do === 'leave') return over(operation, 'settled', step.cause)
  const { status } = rows.binding
  const forTheLiving = operation.verb === 'refresh' || operation.verb === 'update'
  if (forTheLiving && status !== 'active' && status !== 'suspended')
    return over(operation, mayHaveRenewed(operation, status) ? 'parked' : 'settled', `it is ${status}`)
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
  const customer = { clock: rows.instrument.clock, now: await customerNow(world, rows.instrument) }
  return changeOf(world, operation, outcome, { how: retried ? 'send' : step.do, customer })
}

/** Sent late, it would take away what was set since. */
function isOutdated({ input: { expiry } }: OperationRow, { binding: { shown, asked_expiry: asked } }: Rows): boolean {
  const has = expiryOf(shown)
  if (expiry === undefined) return true
  return (has !== undefined && compareExpiry(has, expiry) >= 0) || (asked !== null && compareExpiry(asked, expiry) > 0)
}

/** The customer's clock: where its waiting stands. */
type CustomersTime = { readonly clock: string | null; readonly now: number }

/** No more is asked of the channel: a person has to look, or nothing is left to be told. */
const over = (operation: OperationRow, becomes: 'parked' | 'settled', cause: string): Change => ({
  facts: [],
  attempt: { operation: operation.id, cause, becomes, dueAt: null },
})

/** What follows from what was answered. */
function changeOf(
  world: World,
  operation: OperationRow,
  outcome: Asked,
  of: { readonly how: 'send' | 'lookUp'; readonly customer: CustomersTime },
): Change {
  const now = world.now()
  const waiting = operation.status === 'waiting'
  const since = sinceOf(operation, { now, customerNow: of.customer.now })
  const patience = waitMs(of.customer.now - since)
  const again = (cause: string, waitFor: number, references?: References): Change => {
    const next = Math.min(of.customer.now + waitFor, patienceEnd(operation, since))
    // A token that is refreshed by a test clock lapses by it, too: else it would lapse between two tries, and by the channel's clock had not.
    const planned = operation.input.refreshAtMs !== undefined && of.customer.clock !== null
    const onClock = planned ? { dueAt: of.customer.now + waitFor, clock: of.customer.clock } : { dueAt: now + waitFor }
    const due = waiting ? { dueAt: next, clock: of.customer.clock } : onClock
    const attempt = { operation: operation.id, cause, becomes: waiting ? ('waiting' as const) : ('open' as const), ...due }
    return { facts: [], attempt: { ...attempt, ...(references === undefined ? {} : { references }) } }
  }
  const backoff = backoffMs(operation.tries, chance(world))
  if (outcome.kind === 'lapsed') return { facts: [own(operation, refusedByUs('card_lapsed'))] }
  // That a return never arrived says nothing about the bind: the customer may come back again, and the bind is looked up for itself.
  if (outcome.kind === 'none' && operation.verb === 'resume') return over(operation, 'settled', 'never_arrived')
  if (outcome.kind === 'none') return { facts: [own(operation, refusedByUs('never_arrived'))] }
  if (outcome.kind === 'challenged' && operation.input.quiet === true) return { facts: [own(operation, refusedByUs('needs_customer'))] }
  const taken = takenOn(operation, outcome, { dueAt: of.customer.now + patience, clock: of.customer.clock, sinceMs: since })
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
  const atTheDoor = outcome.kind === 'refused' && outcome.category === 'misconfigured' && of.how === 'send'
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
function takenOn(
  operation: OperationRow,
  outcome: Asked,
  { dueAt, clock, sinceMs }: { readonly dueAt: number; readonly clock: string | null; readonly sinceMs: number },
): Change | undefined {
  if (operation.verb === 'revoke' && outcome.kind === 'revoking')
    return {
      facts: [],
      attempt: { operation: operation.id, cause: 'revoking', becomes: 'waiting', dueAt, clock, ...(clock === null ? {} : { sinceMs }) },
    }
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

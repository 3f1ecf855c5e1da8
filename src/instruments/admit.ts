/** What the safeguards are asked before a bind or an extension, and what they are told when a channel has declined it. */
import type { RefusalCategory } from '../channels/refusal.ts'
import { type Admitted, type Asked, guard } from '../safeguards/guard.ts'
import { type Read, readCounts } from '../safeguards/read.ts'
import { currentSwitches } from '../safeguards/switches.ts'
import { count } from '../safeguards/tally.ts'
import type { Add } from '../world/store.ts'
import type { Mode, Peeked, World } from '../world/world.ts'
import type { Known } from './binding.ts'
import type { Rows } from './decide.ts'
import type { BindRequest } from './planBind.ts'
import type { Choice } from './route.ts'
import { captureOf } from './source.ts'
import { type Client, type FactRow, instruments } from './tables.ts'

export type Trying = {
  readonly tenant: string
  readonly mode: Mode
  readonly customer: string
  readonly client: Client
  readonly request: string
  readonly proof: string | undefined
  /** What is tried, by a name that no other try has: a proof is good for it alone. */
  readonly what: string
}
export type Counted = { readonly read: Read; readonly switches: Awaited<ReturnType<typeof currentSwitches>> }

/** Read beside everything else, before the leading digits are known. `adds`: the customer is to have one instrument more. */
export async function readCounted(world: World, trying: Omit<Trying, 'what'>, adds = false): Promise<Counted> {
  const { customer, tenant } = trying
  const holding = async (most: number): Promise<number> => {
    const rows = await world.store.find(instruments, { customer, tenant }, most * beyondLiving)
    return rows.filter(row => row.status === 'active').length
  }
  const [read, switches] = await Promise.all([readCounts(world, trying, adds ? holding : undefined), currentSwitches(world)])
  return { read, switches }
}

/** Ended ones are among those that are looked at. */
const beyondLiving = 4
const dayMs = 24 * 3_600_000
/** Instruments looked at to see whether somebody is known here. */
const lookedAtMax = 50

/** Throws the uniform refusal, or that a proof is wanted. What it gives goes into the commit of the intent. */
export function admit(
  world: World,
  trying: Trying & Pick<Asked, 'verb' | 'bin' | 'seen' | 'canStepUp'>,
  counted: Counted,
): Promise<Admitted> {
  const { tenant, customer, what } = trying
  const isKnown = async (): Promise<boolean> => {
    const rows = await world.store.find(instruments, { customer, tenant }, lookedAtMax)
    return rows.some(one => one.status === 'active' && world.now() - one.created_at >= dayMs)
  }
  return guard(world, { ...trying, about: `${tenant} ${customer} ${what}`, isKnown }, counted.read, counted.switches)
}

export const asTried = (request: BindRequest): Omit<Trying, 'what'> => ({ ...request, proof: request.proof })

export function admitBind(
  world: World,
  request: BindRequest,
  { captured, counted, choice }: { readonly captured: Peeked | undefined; readonly counted: Counted; readonly choice: Choice },
): Promise<Admitted> {
  const what = captureOf(request.subject) ?? request.subject.type
  const bin = captured !== undefined && 'card' in captured ? captured.card.bin : undefined
  const canStepUp = choice.channels.some(name => world.channels.get(name)?.stepsUp === true)
  return admit(world, { ...asTried(request), what, verb: 'bind', bin, seen: captured?.seen, canStepUp }, counted)
}

/** What says nothing of the number or its owner: our own account, a kind the channel does not take, a customer who turned back. */
const noDecline: ReadonlySet<RefusalCategory> = new Set(['misconfigured', 'not_supported', 'cancelled_by_customer', 'try_later'])

/** A bind has ended in somebody's refusal: counted where its try was, in the commit that learns of it. A chain that goes on has not ended. */
export function declineWrites(rows: Rows, fresh: readonly FactRow[], { status }: Pick<Known, 'status'>, now: number): readonly Add[] {
  if (status !== 'failed' || rows.binding.status === 'failed') return []
  const counted = rows.operations.find(one => one.verb === 'bind')?.input.counted ?? []
  const declined = fresh.some(({ news }) => news.kind === 'refused' && news.by !== 'bindery' && !noDecline.has(news.category))
  return declined ? counted.map(value => count(rows.binding, value, { declines: 1 }, now)) : []
}

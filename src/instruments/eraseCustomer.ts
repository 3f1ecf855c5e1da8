/** Erasing a customer: every instrument of theirs, then what is known of them beside. Nothing is bound for them from the first commit on. */
import { Problem } from '../core/problem.ts'
import { insert, moveTo, remove, Unavailable, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { defaults, readDefault } from './defaults.ts'
import { erase, moved, newErasure, outOfReach, proceed } from './erase.ts'
import { againMs, type ErasureRow, erasureLeaseMs, erasures, looksAfterMs } from './erasure.ts'
import { customersOwn } from './forgotten.ts'
import { type CustomerRow, customers, type InstrumentRow, instruments } from './tables.ts'
import { forgetKept } from './tombstone.ts'

const collisionsMax = 20
/** What one `find` gives at most. */
const instrumentsMax = 1_000
/** Instruments whose channels are asked at the same time. */
const atOnce = 16

type At = { readonly tenant: string; readonly id: string; readonly request: string | null }

/** Begins it, or takes up what was begun; gives the row as it stands after as many steps as can be taken now. */
export async function eraseCustomer(world: World, at: At): Promise<ErasureRow> {
  const row = await beginCustomerErasure(world, at)
  return row.stage === 'erased' ? row : proceedCustomer(world, row)
}

/** From this commit on nothing is bound for them. Twice: what the first did. */
export async function beginCustomerErasure(world: World, { tenant, id, request }: At): Promise<ErasureRow> {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const before = await world.store.get(erasures, { tenant, subject: id })
    if (before !== undefined) return before
    const customer = await world.store.get(customers, { tenant, id })
    if (customer === undefined) throw new Problem('not_found', 'no such customer')
    const now = world.now()
    const row = newErasure({ tenant, mode: customer.mode, customer: id }, { subject: id, request, now })
    const writes = [insert(erasures, row), moveTo(customers, customer, { ...customer, erased_at: now })]
    if ((await world.store.commit(writes)).ok) return row
  }
  throw new Problem('conflict', 'the customer keeps changing')
}

/** Of an instrument or of a customer, whichever the row is about: what the worker calls. */
export const proceedAny = (world: World, due: ErasureRow): Promise<ErasureRow> =>
  due.subject === due.customer ? proceedCustomer(world, due) : proceed(world, due)

async function proceedCustomer(world: World, due: ErasureRow): Promise<ErasureRow> {
  const claimed = await moved(world, due, { due_at: world.now() + erasureLeaseMs, tries: due.tries + 1 })
  if (claimed === undefined) return (await world.store.get(erasures, { tenant: due.tenant, subject: due.subject })) ?? due
  try {
    return (await step(world, claimed)) ?? claimed
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return outOfReach(world, claimed)
  }
}

async function step(world: World, row: ErasureRow): Promise<ErasureRow | undefined> {
  const { tenant, subject } = row
  const theirs = await world.store.find(instruments, { tenant, customer: subject })
  if (theirs.length >= instrumentsMax) throw new TypeError(`${subject} has too many instruments to erase at once`)
  const request = row.request
  const alive = theirs.filter(one => one.own.erasure !== 'erased')
  for (let from = 0; from < alive.length; from += atOnce)
    await Promise.all(alive.slice(from, from + atOnce).map(one => erase(world, { tenant, id: one.id, request })))
  const left = (await world.store.find(instruments, { tenant, customer: subject })).filter(one => one.own.erasure !== 'erased')
  const now = world.now()
  if (left.length > 0) return moved(world, row, { cause: causeOf(left), due_at: now + againMs(now - row.created_at) })
  const { keys } = await world.vault.shred({ tenant, owner: subject })
  if (row.stage === 'erased' && keys > 0)
    world.log.error('something sealed had come back after its erasure, and was shredded again', { id: subject, keys })
  await forgetKept(world, row)
  return row.stage === 'erased' ? lookedAgain(world, row) : forgetCustomer(world, row)
}

const causeOf = (left: readonly InstrumentRow[]): string => `waits for ${left.length} of its instruments, ${left[0]?.id} first`

function lookedAgain(world: World, row: ErasureRow): Promise<ErasureRow | undefined> {
  const looks = row.looks + 1
  const next = looksAfterMs[looks]
  return moved(world, row, { looks, due_at: next === undefined ? null : (row.erased_at ?? row.created_at) + next })
}

/** Their name with the tenant, their names at channels, their metadata. */
async function forgetCustomer(world: World, row: ErasureRow): Promise<ErasureRow | undefined> {
  const { tenant, subject } = row
  const customer = await world.store.get(customers, { tenant, id: subject })
  if (customer === undefined) throw new TypeError(`no customer ${subject}`)
  const preferred = await readDefault(world, customer)
  const now = world.now()
  const left: CustomerRow = { ...customer, reference: null, channel_customers: {}, metadata: {}, reuse: {} }
  const after = { ...row, stage: 'erased' as const, erased_at: now, cause: null, due_at: now + looksAfterMs[0] }
  const writes: Write[] = [
    moveTo(erasures, row, after),
    moveTo(customers, customer, left),
    ...(preferred === undefined ? [] : [remove(defaults, preferred)]),
    ...(await customersOwn(world, customer)),
    { verb: 'record', event: told(world, customer, now) },
  ]
  return (await world.store.commit(writes)).ok ? { ...after, version: row.version + 1 } : undefined
}

const told = (world: World, { tenant, mode, id }: CustomerRow, now: number) => ({
  tenant,
  id: nextId(world, 'evt', id),
  mode,
  instrument: null,
  customer: id,
  sequence: null,
  type: 'customer.erased',
  data: { customer: { id } },
  created_at: now,
})

/** Looking now instead of when its turn comes: the worker's own step, once, because a person asked. Afterwards it goes on by the usual rules. */
import { Problem } from '../core/problem.ts'
import { proceedAny } from '../instruments/eraseCustomer.ts'
import { hearAgain } from '../instruments/news.ts'
import { leaseMs } from '../instruments/operation.ts'
import { carryOut } from '../instruments/settle.ts'
import { type InboxRow, inbox, type OperationRow, operations } from '../instruments/tables.ts'
import { move } from '../world/store.ts'
import type { World } from '../world/world.ts'
import type { Doubt } from './read.ts'
import { isLookedAtSoon, mayBeDone } from './unknown.ts'

export async function lookUp(world: World, { of, line, row }: Doubt): Promise<void> {
  const channel = world.channels.get(line.channel ?? '')
  if (!mayBeDone(line, channel).look_up) throw new Problem('unprocessable', cannot[of])
  if (of === 'operation') return lookUpOperation(world, row)
  if (of === 'news') return hearNow(world, row)
  await proceedAny(world, row)
}
const cannot = {
  operation: 'This channel cannot be asked about it: look there yourself, and settle it.',
  news: 'It contradicts what the same event told before: the first words stand. Dismiss it when you have looked.',
  erasure: '',
} as const satisfies Readonly<Record<Doubt['of'], string>>

/** Claimed like any attempt, so that nobody else is at it: never sent anew on a person's word, but by what the look-up itself answers. */
async function lookUpOperation(world: World, row: OperationRow): Promise<void> {
  const now = world.now()
  if (isLookedAtSoon(row, now)) throw busy('It is being looked at, or will be within a minute.')
  const status = row.status === 'parked' ? ('open' as const) : row.status
  const claimed = { status, tries: row.tries + 1, due_at: now + leaseMs, clock: null }
  if (!(await world.store.commit([move(operations, row, claimed)])).ok) throw busy('Somebody else is looking at it.')
  await carryOut(world, { ...row, ...claimed, version: row.version + 1 }, { step: { do: 'lookUp' } })
}

/** What was parked waits again, and has its turn at once. */
async function hearNow(world: World, row: InboxRow): Promise<void> {
  const waiting = { status: 'waiting' as const, due_at: world.now() }
  if (!(await world.store.commit([move(inbox, row, waiting)])).ok) throw busy('Somebody else is looking at it.')
  await hearAgain(world, { ...row, ...waiting, version: row.version + 1 })
}

const busy = (detail: string) => new Problem('conflict', detail, { retryAfterSeconds: 60 })

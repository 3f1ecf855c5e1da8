/** What a tenant says of an instrument: its policy, its metadata, whether it may be shown again, whether it is blocked. Each is told. */
import { Problem } from '../core/problem.ts'
import { moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { differs } from './decide.ts'
import { ended } from './instrument.ts'
import { notice } from './notice.ts'
import { bindings, type InstrumentRow, instruments } from './tables.ts'
import { mindsAt, type OwnRows, readOwnRows, tellInstrument } from './tell.ts'

const collisionsMax = 20

type Change = Partial<Pick<InstrumentRow, 'policy' | 'allow_redisplay' | 'metadata'>>
type Changed = Pick<OwnRows, 'bindings'> & { readonly instrument: Omit<InstrumentRow, 'version'> }
type At = { readonly tenant: string; readonly id: string }

/** One notice, `instrument.updated`; nothing if nothing differs. */
export async function changeInstrument(world: World, { tenant, id }: At, change: Change): Promise<Changed> {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const before = await world.store.get(instruments, { tenant, id })
    if (before === undefined) throw new Problem('not_found', 'no such instrument')
    if (before.own.erasure !== undefined) throw new Problem('conflict', 'the instrument was erased')
    const legs = await world.store.find(bindings, { tenant, instrument: id })
    const after = { ...before, ...change }
    if (!differs(before, after, ['policy', 'allow_redisplay', 'metadata'])) return { instrument: before, bindings: legs }
    const now = world.now()
    const next = { ...after, updated_at: now }
    const told = notice({ before: { instrument: before, all: legs }, instrument: next, all: legs }, mindsAt(world, now))
    const instrument = { ...next, sequence: told.sequence }
    if ((await world.store.commit([moveTo(instruments, before, instrument), ...told.writes])).ok) return { instrument, bindings: legs }
  }
  throw new Problem('conflict', 'the instrument keeps changing')
}

/** Blocked, it can be charged by nobody until it is unblocked; its bindings stay. Blocked already: nothing happens. */
export async function block(world: World, at: At & { readonly reason: string; readonly request: string }): Promise<Changed> {
  const rows = await readLiving(world, at)
  if (rows.instrument.own.blocked === at.reason) return rows
  return tellTenants(world, rows, { news: { kind: 'blocked', reason: at.reason }, request: at.request })
}

export async function unblock(world: World, at: At & { readonly request: string }): Promise<Changed> {
  const rows = await readLiving(world, at)
  if (rows.instrument.own.blocked === undefined) return rows
  return tellTenants(world, rows, { news: { kind: 'unblocked' }, request: at.request })
}

async function readLiving(world: World, { tenant, id }: At): Promise<OwnRows> {
  const rows = await readOwnRows(world, tenant, id)
  if (ended.includes(rows.instrument.status)) throw new Problem('conflict', `the instrument is ${rows.instrument.status}`)
  return rows
}

type Word = {
  readonly news: { readonly kind: 'blocked'; readonly reason: string } | { readonly kind: 'unblocked' }
  readonly request: string
}

/** Its place among the tenant's words is after whatever was told of the instrument before: clocks of one millisecond decide nothing. */
const tellTenants = (world: World, { instrument }: OwnRows, { news, request }: Word): Promise<Changed> =>
  tellInstrument(world, {
    tenant: instrument.tenant,
    instrument: instrument.id,
    facts: [{ source: 'tenant', event: `${news.kind}:${request}`, news, sequence: instrument.sequence + 1, request }],
  })

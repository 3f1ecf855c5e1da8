/** Reads what the decisions about charging are taken on: rows by key, as many as the instrument has bindings. */
import type { Channel } from '../channels/channel.ts'
import type { World } from '../world/world.ts'
import type { Candidate } from './canCharge.ts'
import { isAlive } from './mandate.ts'
import { readNotices } from './preDebit.ts'
import type { Judged } from './quality.ts'
import { type BindingRow, bindings, type InstrumentRow } from './tables.ts'
import { readUsage, readUse } from './use.ts'

export async function readCandidates(
  world: World,
  instrument: InstrumentRow,
  at: { readonly now: number; readonly chargeAt: number },
): Promise<readonly Candidate[]> {
  const all = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  // What was refused or given up is no candidate; what may come back is one, with its reason.
  const held = all.filter(one => one.token !== null && one.status !== 'revoked')
  return Promise.all(
    held.map(async binding => {
      const [use, usage, notices] = await Promise.all([
        readUse(world, binding.id, at.now),
        readUsage(world, binding, at.chargeAt),
        binding.mandate === null ? [] : readNotices(world, binding.id, at.chargeAt),
      ])
      return { binding, use, usage, notices, currencies: world.channels.get(binding.channel)?.currencies }
    }),
  )
}

export async function readJudged(world: World, instrument: InstrumentRow, now: number): Promise<Judged> {
  const all = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  const alive = all.filter(isAlive)
  const each = await Promise.all(
    alive.map(async one => ({ id: one.id, use: await readUse(world, one.id, now), usage: await readUsage(world, one, now) })),
  )
  return {
    instrument,
    bindings: all,
    use: new Map(each.map(one => [one.id, one.use])),
    usage: new Map(each.map(one => [one.id, one.usage])),
    canUpdate: alive.some(one => world.channels.get(one.channel)?.refresh !== undefined),
    elsewhere: isTakenElsewhere(world, instrument, all),
  }
}

/** What is sealed of a card can go to any channel that takes cards directly; a mandate or a wallet needs its owner. */
function isTakenElsewhere(world: World, { kind, mode }: InstrumentRow, all: readonly BindingRow[]): boolean {
  if (kind !== 'card') return false
  const holds = (name: string): boolean => all.some(one => one.channel === name && one.slot !== null)
  const takes = (channel: Channel): boolean =>
    channel.bind !== undefined && channel.ways.some(one => one.kind === kind && one.shape === 'direct')
  return [...world.channels.values()].some(one => takes(one) && !holds(one.name) && world.account(one.name, mode) !== undefined)
}

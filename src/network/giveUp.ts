/** An instrument that is erased gives its network token up, and waits until the network has said so. */
import type { InstrumentRow } from '../instruments/tables.ts'
import type { World } from '../world/world.ts'
import { removeToken } from './provision.ts'
import { tokenRequests } from './tables.ts'

/** Undefined: nothing of it is left there, or nobody can be asked. Otherwise what is waited for. */
export async function giveTokenUp(world: World, instrument: InstrumentRow, request: string | null): Promise<string | undefined> {
  if (world.network === undefined || instrument.own.networkToken === undefined) return undefined
  const asked = await world.store.find(tokenRequests, { instrument: instrument.id, tenant: instrument.tenant })
  const waiting = asked.find(one => one.status !== 'settled')
  if (waiting !== undefined) return causeOf(waiting)
  const { status } = instrument.own.networkToken
  if (status !== 'active' && status !== 'suspended') return undefined
  const row = await removeToken(world, instrument, request ?? 'erasure')
  return row.status === 'settled' ? undefined : causeOf(row)
}

const causeOf = ({ verb, cause }: { readonly verb: string; readonly cause: string | null }): string =>
  `waits for the card network (${verb}: ${cause ?? 'no answer yet'})`

/**
 * A tenant pauses a mandate, and lets it go on. None of our channels has an API for it (of UPI and Pix only the payer pauses), so it is a hold of ours: a fact about the instrument, which no news
 * of the channel lifts. A pause of the payer's or bank's own is the channel's news and is not ended here.
 */
import { Problem } from '../core/problem.ts'
import { nextId, type World } from '../world/world.ts'
import { isPaused, mandateState } from './mandate.ts'
import { mandateNamed } from './preDebit.ts'
import { bindings, type InstrumentRow } from './tables.ts'
import { type OwnRows, tellInstrument } from './tell.ts'

type Pausing = { readonly binding: string | undefined; readonly request: string }

/** Throws `conflict` where it does not live or is paused already. */
export async function pauseMandate(world: World, of: InstrumentRow, input: Pausing & { readonly reason: string }): Promise<OwnRows> {
  const { tenant, id, own } = of
  const binding = mandateNamed(await world.store.find(bindings, { tenant, instrument: id }), input.binding)
  const state = mandateState(own, binding)
  if (isPaused(own, binding.id)) throw new Problem('conflict', 'you have paused it already')
  if (state !== 'active' && state !== 'paused') throw new Problem('conflict', `the mandate is ${state}`)
  return tell(world, of, input, { kind: 'mandate_paused', binding: binding.id, reason: input.reason })
}

/** Throws `conflict` where the tenant has not paused it. */
export async function resumeMandate(world: World, of: InstrumentRow, input: Pausing): Promise<OwnRows> {
  const { tenant, id, own } = of
  const binding = mandateNamed(await world.store.find(bindings, { tenant, instrument: id }), input.binding)
  if (!isPaused(own, binding.id)) throw new Problem('conflict', 'you have not paused it')
  return tell(world, of, input, { kind: 'mandate_resumed', binding: binding.id })
}

type News = Parameters<typeof tellInstrument>[1]['facts'][number]['news']

/** What one tenant says is ordered by the numbers of the notices it had seen: a clock may stand still between two requests. */
const tell = (world: World, { tenant, id, customer, sequence }: InstrumentRow, { request }: Pausing, news: News): Promise<OwnRows> =>
  tellInstrument(world, {
    tenant,
    instrument: id,
    facts: [{ source: 'tenant', event: nextId(world, 'fct', customer), news, sequence, at: world.now(), request }],
  })

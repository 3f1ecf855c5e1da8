/** Binding an instrument that is already here on one more channel, with the sealed card: the customer is not asked again. */
import type { ChannelName } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { expect, insert, moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { type Bound, type Companions, newBinding, newBindOperation } from './bind.ts'
import { readCustomer } from './customer.ts'
import { ended } from './instrument.ts'
import { usableRoute } from './route.ts'
import { carryOut } from './settle.ts'
import { bindings, type Client, customers, type InstrumentRow, instruments, operations } from './tables.ts'

export type ExtendRequest = {
  readonly instrument: InstrumentRow
  readonly channel: ChannelName
  readonly returnUrl: string
  readonly client: Client
  readonly request: string
}

export async function extend(world: World, request: ExtendRequest, companions: Companions): Promise<Bound> {
  const { instrument } = request
  const [channel] = usableRoute(world, instrument.mode, [request.channel], '/channel')
  if (ended.includes(instrument.status)) throw new Problem('conflict', `the instrument is ${instrument.status}`)
  const customer = await readCustomer(world, { tenant: instrument.tenant, mode: instrument.mode, id: instrument.customer })
  if (customer === undefined) throw new Problem('conflict', 'the customer is gone')
  const siblings = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  if (siblings.some(one => one.channel === channel && one.slot !== null))
    throw fieldProblem('/channel', 'the instrument is bound there already', 'conflict')
  const consent = siblings.find(one => one.consent !== null)?.consent ?? null
  const binding = newBinding(world, instrument, { channel, returnUrl: request.returnUrl, client: request.client, consent })
  const { brand, last4, expiryMonth, expiryYear } = instrument.display
  const input = {
    cardVersion: instrument.card_version,
    card: { brand, last4, expiryMonth, expiryYear, securityCode: false, holder: false },
  }
  const operation = newBindOperation(world, binding, { input, customer, client: request.client, request: request.request })
  const after: InstrumentRow = {
    ...instrument,
    status: instrument.status === 'failed' || instrument.status === 'expired' ? 'pending' : instrument.status,
    updated_at: world.now(),
  }
  const writes = [
    expect(customers, customer),
    moveTo(instruments, instrument, after),
    insert(bindings, binding),
    insert(operations, operation),
  ]
  const result = await world.store.commit([...companions.claim(instrument.id), ...writes])
  if (!result.ok) {
    companions.check(result)
    throw new Problem('conflict', 'the instrument changed meanwhile')
  }
  const rows = { instrument: { ...after, version: instrument.version + 1 }, binding, siblings, operations: [operation], facts: [] }
  const decision = await carryOut(world, operation, {
    rows,
    companions: now => companions.answer({ created: false, instrument: now.instrument, bindings: now.bindings }),
  })
  return { created: false, instrument: decision.instrument, bindings: decision.bindings }
}

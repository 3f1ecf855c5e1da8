/** One request to a channel, or several in a row: what an operation asks, by its verb. */
import type { Call, Channel, LookUpOutcome, References } from '../channels/channel.ts'
import { unfillable } from '../channels/placeholder.ts'
import { knownSwitches } from '../safeguards/switches.ts'
import { Unavailable } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { adopt, adoptionOf } from './adopt.ts'
import { type Adopting, carry, type Lapse } from './carry.ts'
import type { Rows } from './decide.ts'
import { cannotRepeat } from './operation.ts'
import { bindsBeside, heldBySibling } from './revoke.ts'
import { bindings, channelNames, type OperationRow } from './tables.ts'

/** `lapsed`: what was captured is no more, and nothing had left. */
export type Asked = LookUpOutcome | { readonly kind: 'lapsed' }

/** The call itself. What an adapter throws is a bug of ours about which the channel's effect is unknown: uncertain, never lost. */
export async function ask(world: World, operation: OperationRow, rows: Rows, how: 'send' | 'lookUp'): Promise<Asked> {
  const channel = world.channels.get(operation.channel)
  const account = world.account(operation.channel, operation.mode)
  if (channel === undefined || account === undefined) return { kind: 'uncertain', cause: `no account for ${operation.channel}` }
  const leave = world.health.enter(operation.channel, operation.tenant, world.now())
  if (typeof leave === 'string') return { kind: 'uncertain', cause: `${operation.channel} ${leave}` }
  try {
    return await askThere(world, { operation, rows, how, channel, account })
  } finally {
    leave()
  }
}

type Asking = {
  readonly operation: OperationRow
  readonly rows: Rows
  readonly how: 'send' | 'lookUp'
  readonly channel: Channel
  readonly account: Call['account']
}
async function askThere(world: World, { operation, rows, how, channel, account }: Asking): Promise<Asked> {
  if (how === 'send') world.health.sent(operation.channel, operation.tries > 1, world.now())
  // What is owed is still looked up, and what is to be given up is given up.
  const mayBeOff = how === 'send' && operation.verb !== 'revoke'
  if (mayBeOff && (await knownSwitches(world)).off(operation, 'channel', operation.channel) !== undefined)
    return { kind: 'uncertain', cause: `${operation.channel} is switched off` }
  try {
    const lapse: Lapse = { code: false, capture: false }
    const adopting: Adopting = { reference: how === 'send' ? adoptionOf(operation)?.reference : undefined, asked: false }
    const call: Call = {
      nowMs: world.now(),
      operation: operation.id,
      key: operation.id,
      attempt: operation.tries,
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
  const { source, terms, client, returnUrl, returned, channelCustomer, stepUp } = operation.input
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
      ...(stepUp === undefined ? {} : { stepUp }),
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

/**
 * Some channels give one token for a card however often it is bound: what is another binding's by now is not ours to revoke. Which of several a
 * name belongs to is told by their ids, and so by a clock that may have been set back: one that has ended keeps nothing.
 */
async function passedOn({ store }: World, operation: OperationRow, token: string): Promise<boolean> {
  const held = await store.get(channelNames, { channel: operation.channel, mode: operation.mode, name: token })
  if (held === undefined || held.binding === operation.binding) return false
  const other = await store.get(bindings, { tenant: held.tenant, id: held.binding })
  return other !== undefined && other.slot !== null
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
  const asked = { customer, binding, verb, references, source, token: operation.input.token }
  return (await channel.lookUp?.(call, asked)) ?? { kind: 'uncertain', cause: `${operation.channel} cannot be asked` }
}

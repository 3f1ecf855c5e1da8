/** The way of one request to its channel: through the vault where something is filled in, and what is sealed before. */
import { type ChannelAnswer, type ChannelRequest, NoAnswer } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import type { World } from '../world/world.ts'
import { adopt } from './adopt.ts'
import type { Rows } from './decide.ts'
import { cannotRepeat } from './operation.ts'
import type { OperationRow } from './tables.ts'

/**
 * A request with a card goes out through the vault, every other directly. The vault adopts the capture before anything leaves. Where it no
 * longer holds the security code the same bytes cannot be sent again: there is no answer, and the channel is asked what became of the first ones.
 */
export async function carry(world: World, of: Carrying, request: ChannelRequest, lapse: Lapse): Promise<ChannelAnswer> {
  const { channel } = of.operation
  if (request.placeholders === true) of.adopting.asked = true
  if (request.placeholders === true && !(await renew(world, of.operation))) {
    lapse.capture = true
    throw new NoAnswer('no card is sealed that could be sealed anew, and nothing was sent')
  }
  try {
    const answer = await (request.placeholders === true ? world.vault.forward(forwarding(world, of, request)) : world.send(request))
    world.health.note(channel, answer.status < 500 && answer.status !== 429, world.now())
    return answer
  } catch (error) {
    if (error instanceof NoAnswer) world.health.note(channel, false, world.now())
    if (!(error instanceof Problem) || error.code !== 'gone') throw error
    // What was ever sent had been adopted, and is ever after: if it is not, it lapsed and no attempt sent anything.
    const lapsed = of.adopting.reference !== undefined && !(await adopt(world, of.operation))
    lapse[lapsed ? 'capture' : 'code'] = true
    throw new NoAnswer(lapsed ? 'the capture lapsed, and nothing was sent' : cannotRepeat)
  }
}

/** Why nothing was sent: the security code is gone, or the whole capture. */
export type Lapse = { code: boolean; capture: boolean }
/** `reference`: what this attempt has to adopt. `asked`: a request that needs it was handed to the vault, which adopts first. */
export type Adopting = { readonly reference: string | undefined; asked: boolean }
type Carrying = { readonly operation: OperationRow; readonly rows: Pick<Rows, 'operations'>; readonly adopting: Adopting }

/** What is filled in was sealed for the binding's first operation, or for the one that several channels share. */
function forwarding(
  world: World,
  { operation, rows, adopting }: Carrying,
  request: ChannelRequest,
): Parameters<World['vault']['forward']>[0] {
  const bind = operation.verb === 'bind' ? operation : rows.operations.find(one => one.verb === 'bind')
  const { cardVersion = 1, adoptedBy, chain } = bind?.input ?? {}
  return {
    tenant: operation.tenant,
    mode: operation.mode,
    // A binding that was moved to another instrument: what it was bound with is sealed under the one it came from.
    instrument: bind?.instrument ?? operation.instrument,
    instrumentVersion: cardVersion,
    operation: adoptedBy ?? chain ?? operation.id,
    ...(adopting.reference === undefined ? {} : { reference: adopting.reference }),
    timeoutMs: world.settings.channelTimeoutMs,
    request,
  }
}

/** What is sealed with another end is sealed before it is filled in; false if there is nothing that could be. Throws `Unavailable`. */
async function renew(world: World, { input, tenant, mode, instrument, id }: OperationRow): Promise<boolean> {
  if (input.renew === undefined) return true
  const owner = { tenant, mode, instrument, instrumentVersion: input.cardVersion ?? 1 }
  return (await world.vault.updater.renew({ ...owner, ...input.renew, operation: id })) !== undefined
}

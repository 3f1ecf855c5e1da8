/** How a request leaves: through the vault where something is filled in, directly where nothing is. */
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
    instrument: operation.instrument,
    instrumentVersion: cardVersion,
    operation: adoptedBy ?? chain ?? operation.id,
    ...(adopting.reference === undefined ? {} : { reference: adopting.reference }),
    timeoutMs: world.settings.channelTimeoutMs,
    request,
  }
}

/** Bugs of adapters: what a channel says is misread, or what it asks for is not done. */
import {
  type BindOutcome,
  type Call,
  type Channel,
  type ChannelAnswer,
  type ChannelName,
  type ChannelRequest,
  NoAnswer,
  type Outcome,
  type Told,
  type WebhookReading,
} from '../src/channels/channel.ts'
import type { World } from '../src/world/world.ts'
import { type Bug, withChannels } from './bug.ts'

const at = (world: World, name: ChannelName, change: (channel: Channel) => Channel): World =>
  withChannels(world, channel => (channel.name === name ? change(channel) : channel))

/** Changes what channels tell. */
const hearing = (world: World, change: (told: Told, channel: Channel) => Told): World =>
  withChannels(world, channel => {
    const { webhook } = channel
    if (webhook === undefined) return channel
    return {
      ...channel,
      webhook: async (request): Promise<WebhookReading> => {
        const reading = await webhook(request)
        return reading.kind === 'told' ? { ...reading, told: reading.told.map(one => change(one, channel)) } : reading
      },
    }
  })

/** Changes what goes over the wire, and what comes back. */
const wiring = (
  call: Call,
  change: { readonly out?: (request: ChannelRequest) => ChannelRequest; readonly back?: (answer: ChannelAnswer) => void },
): Call => ({
  ...call,
  send: async request => {
    const answer = await call.send(change.out?.(request) ?? request)
    change.back?.(answer)
    return answer
  },
})

const refused = (code: string): Outcome<Extract<Outcome, { kind: 'refused' }>> => ({
  kind: 'refused',
  by: 'channel',
  category: 'unknown',
  code,
  elsewhere: false,
  references: {},
})

/** `/v1/customers/…/tokens/…/cancel`, asked for as the DELETE that stands beside it in the documentation. */
const asDelete = (request: ChannelRequest): ChannelRequest => {
  if (!request.url.endsWith('/cancel')) return request
  const { body: _body, ...rest } = request
  return { ...rest, method: 'DELETE', url: request.url.replace(/\/cancel$/, '') }
}

export const channelBugs: readonly Bug[] = [
  {
    name: 'delete_only_hides',
    at: 'razorpay',
    what: 'a mandate of Razorpay is deleted, which hides it, instead of cancelled',
    infect: world =>
      at(world, 'razorpay', channel => {
        const { revoke } = channel
        if (revoke === undefined) return channel
        return {
          ...channel,
          revoke: async (call, input) => {
            let deleted = false
            const back = (answer: ChannelAnswer) => {
              deleted = deleted || answer.status === 200
            }
            const outcome = await revoke(wiring(call, { out: asDelete, back }), input)
            return deleted ? { kind: 'revoked' } : outcome
          },
        }
      }),
  },
  {
    name: 'late_webhook_revives',
    what: 'any sign of life that a webhook brings is taken for the present',
    infect: world =>
      hearing(world, one =>
        one.news?.kind === 'bound' || one.news?.kind === 'updated'
          ? { ...one, news: { kind: 'reinstated', evidence: one.type }, moment: { atMs: world.now() + 86_400_000 } }
          : one,
      ),
  },
  {
    name: 'conflict_is_failure',
    at: 'gocardless',
    what: "GoCardless' answer to a repeated key, 409 with the first resource, is taken for a failure",
    infect: world =>
      at(world, 'gocardless', channel => {
        const { bind } = channel
        if (bind === undefined) return channel
        return {
          ...channel,
          bind: async (call, input) => {
            let conflict = false
            const back = ({ status }: ChannelAnswer) => {
              conflict = conflict || status === 409
            }
            const outcome = await bind(wiring(call, { back }), input)
            return conflict ? refused('idempotent_creation_conflict') : outcome
          },
        }
      }),
  },
  {
    name: 'changed_body_under_old_key',
    what: 'each attempt writes its time into the request, and keeps the key',
    infect: world =>
      withChannels(world, channel => {
        const { bind } = channel
        if (bind === undefined) return channel
        return { ...channel, bind: (call, input) => bind(call, { ...input, returnUrl: `${input.returnUrl}&at=${world.now()}` }) }
      }),
  },
  {
    name: 'unknown_means_failed',
    at: 'antom',
    what: "Antom's status U, unknown, is taken for a failure",
    infect: world =>
      at(world, 'antom', channel => {
        const { bind, resume } = channel
        if (bind === undefined || resume === undefined) return channel
        const failing =
          <I>(act: (call: Call, input: I) => Promise<BindOutcome>) =>
          async (call: Call, input: I): Promise<BindOutcome> => {
            let unknown = false
            const back = ({ body }: ChannelAnswer) => {
              unknown = unknown || body.includes('"resultStatus":"U"')
            }
            const outcome = await act(wiring(call, { back }), input)
            return unknown && outcome.kind === 'uncertain' ? refused('UNKNOWN_EXCEPTION') : outcome
          }
        return { ...channel, bind: failing(bind), resume: failing(resume) }
      }),
  },
  {
    name: 'lost_refresh_means_expired',
    at: 'antom',
    what: 'a refresh whose answer is lost is taken for the end of the token',
    infect: world =>
      withChannels(world, channel => {
        const { refresh } = channel
        if (refresh === undefined) return channel
        return {
          ...channel,
          refresh: async (call, input) => {
            const outcome = await refresh(call, input)
            return outcome.kind === 'uncertain' ? { kind: 'expired' } : outcome
          },
        }
      }),
  },
  {
    name: 'news_of_another',
    what: 'a webhook is matched to the binding that was spoken of last, at whatever channel',
    infect: world => {
      let last: Pick<Told, 'names' | 'operation'> = { names: [] }
      return hearing(world, ({ operation, ...one }) => {
        const before = last
        last = { names: one.names, ...(operation === undefined ? {} : { operation }) }
        return { ...one, names: before.names.length > 0 ? before.names : one.names }
      })
    },
  },
  {
    name: 'cancel_believed_at_once',
    at: 'razorpay',
    what: 'a revocation that the channel only takes on is believed to be done',
    infect: world =>
      withChannels(world, channel => {
        const { revoke } = channel
        if (revoke === undefined) return channel
        return {
          ...channel,
          revoke: async (call, input) => {
            const outcome = await revoke(call, input)
            return outcome.kind === 'revoking' ? { kind: 'revoked' } : outcome
          },
        }
      }),
  },
  {
    name: 'successor_not_followed',
    at: 'gocardless',
    what: 'that another token takes the place of one is read and forgotten',
    infect: world =>
      hearing(world, one => {
        if (one.news?.kind !== 'updated') return one
        const { token: _successor, ...news } = one.news
        return { ...one, news }
      }),
  },
  {
    name: 'one_queue_for_all_channels',
    dead: 'stripe',
    what: 'calls to channels wait for each other, and a dead channel has no deadline',
    infect: world => {
      let free: Promise<unknown> = Promise.resolve()
      const waitUntilAlive = async <T>(act: () => Promise<T>): Promise<T> => {
        for (;;)
          try {
            return await act()
          } catch (error) {
            if (!(error instanceof NoAnswer)) throw error
          }
      }
      const queued =
        (send: Call['send']): Call['send'] =>
        request => {
          const turn = free.then(() => waitUntilAlive(() => send(request)))
          free = turn.catch(() => undefined)
          return turn
        }
      return withChannels(world, channel => {
        const { bind, lookUp, revoke } = channel
        const through = (call: Call): Call => ({ ...call, send: queued(call.send) })
        return {
          ...channel,
          ...(bind === undefined ? {} : { bind: (call, input) => bind(through(call), input) }),
          ...(lookUp === undefined ? {} : { lookUp: (call, input) => lookUp(through(call), input) }),
          ...(revoke === undefined ? {} : { revoke: (call, input) => revoke(through(call), input) }),
        }
      })
    },
  },
  {
    name: 'address_from_the_answer',
    what: 'requests go to wherever the last answer pointed',
    infect: world =>
      withChannels(world, channel => {
        const { lookUp } = channel
        if (lookUp === undefined) return channel
        const out = (request: ChannelRequest): ChannelRequest => ({
          ...request,
          url: request.url.replace('.sim/', '.sim.elsewhere.example/'),
        })
        return { ...channel, lookUp: (call, input) => lookUp(wiring(call, { out }), input) }
      }),
  },
]

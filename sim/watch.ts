/** Stands between our code and the adapters and sees what is asked of which channel, by which operation, and what it is told. */
import type { Call, Channel, ChannelName, ChannelRequest } from '../src/channels/channel.ts'

export type Asked = {
  readonly channel: ChannelName
  readonly verb: keyof Channel
  readonly operation: string
  readonly request: ChannelRequest
  readonly atMs: number
  /** When the call began of which this is a request. */
  readonly beganMs: number
}
export type Watch = {
  readonly channels: ReadonlyMap<ChannelName, Channel>
  /** Every request as the adapter made it: placeholders not filled. */
  readonly asked: readonly Asked[]
  /** When an operation was last carried to its channel, in the order of time. */
  readonly calls: ReadonlyMap<string, number>
  /** Operations that an issuer refused, by the adapter's word. */
  readonly refusedByIssuer: ReadonlySet<string>
  /** Requests to another origin than the account's. */
  readonly strays: readonly string[]
}

type Verbed<I, O> = ((call: Call, input: I) => Promise<O>) | undefined

export function createWatch(channels: ReadonlyMap<ChannelName, Channel>, now: () => number): Watch {
  const asked: Asked[] = []
  const calls = new Map<string, number>()
  const refusedByIssuer = new Set<string>()
  const strays: string[] = []
  const watching =
    (channel: Channel) =>
    <I, O extends { readonly kind: string; readonly by?: string }>(verb: keyof Channel, act: Verbed<I, O>) =>
    async (call: Call, input: I): Promise<O> => {
      if (act === undefined) throw new TypeError(`${channel.name} cannot do that`)
      const beganMs = now()
      calls.set(call.operation, beganMs)
      const send: Call['send'] = request => {
        asked.push({ channel: channel.name, verb, operation: call.operation, request, atMs: now(), beganMs })
        const origins = [new URL(call.account.address).origin, ...(channel.origins?.(call.account) ?? [])]
        if (!origins.includes(new URL(request.url).origin)) strays.push(`${call.operation} ${request.url}`)
        return call.send(request)
      }
      const outcome = await act({ ...call, send }, input)
      if (outcome.kind === 'refused' && outcome.by === 'issuer') refusedByIssuer.add(call.operation)
      return outcome
    }
  const watched = (channel: Channel): Channel => {
    const through = watching(channel)
    return {
      ...channel,
      ...(channel.bind === undefined ? {} : { bind: through('bind', channel.bind) }),
      ...(channel.resume === undefined ? {} : { resume: through('resume', channel.resume) }),
      ...(channel.resend === undefined ? {} : { resend: through('resend', channel.resend) }),
      ...(channel.refresh === undefined ? {} : { refresh: through('refresh', channel.refresh) }),
      ...(channel.lookUp === undefined ? {} : { lookUp: through('lookUp', channel.lookUp) }),
      ...(channel.revoke === undefined ? {} : { revoke: through('revoke', channel.revoke) }),
    }
  }
  return { channels: new Map([...channels].map(([name, channel]) => [name, watched(channel)])), asked, calls, refusedByIssuer, strays }
}

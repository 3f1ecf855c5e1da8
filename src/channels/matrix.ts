/** The capability matrix: what each channel can do, read off the channel itself. None of it is written by hand. */
import type { Channel, Repeat, Verb } from './channel.ts'

const verbs = ['bind', 'resume', 'resend', 'refresh', 'update', 'revoke'] as const satisfies readonly Verb[]

export type Capability = ReturnType<typeof capabilityOf>

export function capabilityOf(channel: Channel) {
  const { ways } = channel
  return {
    object: 'channel' as const,
    name: channel.name,
    title: channel.title,
    instruments: [...new Set(ways.map(one => one.kind))],
    shapes: [...new Set(ways.map(one => one.shape))],
    ways: ways.map(one => ({ kind: one.kind, shape: one.shape, scheme: one.scheme ?? null, countries: one.countries ?? null })),
    operations: [
      ...verbs.flatMap(verb => (channel.repeat[verb] === undefined ? [] : [{ name: verb, ...repetition(channel.repeat[verb]) }])),
    ],
    look_up: channel.lookUp !== undefined,
    list: channel.list !== undefined,
    currencies: [...channel.currencies].map(([code, places]) => ({ code, places })),
    webhook: channel.webhookScheme === undefined ? null : viewScheme(channel.webhookScheme),
    refusal_codes: channel.refusals.size,
    requests_per_second: channel.requestsPerSecondMax,
    proof: channel.proof,
  }
}

/** How an operation is repeated after a lost answer. `window_seconds`: how long the channel remembers the key. */
function repetition(repeat: Repeat) {
  return {
    repeat: repeat.kind,
    window_seconds: repeat.kind === 'keyed' ? repeat.windowMs / 1_000 : null,
    key_length_max: repeat.kind === 'keyed' ? repeat.keyLengthMax : null,
    times_max: repeat.kind === 'repeatable' ? repeat.times : null,
  }
}

const viewScheme = (scheme: NonNullable<Channel['webhookScheme']>) => ({
  algorithm: scheme.algorithm,
  over: scheme.over,
  header: scheme.header,
  tolerance_seconds: scheme.toleranceSeconds ?? null,
})

export const capabilities = (channels: Iterable<Channel>): readonly Capability[] => [...channels].map(capabilityOf)

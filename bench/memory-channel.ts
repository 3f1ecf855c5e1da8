/** A channel that answers from memory, at once: every card is good. What is measured is everything but the channel. */
import type { BindOutcome, Channel } from '../src/channels/channel.ts'

export const memoryChannel: Channel = {
  name: 'stripe',
  proof: { rank: 'documentation', source: 'made up for the benchmark' },
  repeat: { bind: { kind: 'keyed', windowMs: 86_400_000, keyLengthMax: 255 } },
  title: 'Memory',
  ways: [{ kind: 'card', shape: 'direct' }],
  currencies: new Map([['EUR', 2]]),
  refusals: new Map(),
  sandboxValues: [],
  requestsPerSecondMax: 1_000_000,
  account: { secrets: ['secretKey'], settings: [] },
  bind: async call => boundAs(call.operation),
}

/** The same for the twin. */
export function boundAs(operation: string): Extract<BindOutcome, { readonly kind: 'bound' }> {
  return { kind: 'bound', token: `pm_${operation.slice(4)}`, references: {}, networkTransactionId: '123456789012345' }
}

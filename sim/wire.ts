/** What was on the wire: under which keys, with which bytes, when, and where to. */
import type { ChannelRequest } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import type { Ledger } from './ledger.ts'
import type { Asked } from './watch.ts'

/** Where channels want the idempotency key: a header, or a field of the body. */
const keyHeaders = ['idempotency-key', 'paypal-request-id', 'cko-idempotency-key', 'x-idempotency-key']
const keyFields = /"(?:idempotency_key|idempotencyKey)":"([^"]+)"/

export function keyOf(request: ChannelRequest): string | undefined {
  const header = Object.entries(request.headers).find(([name]) => keyHeaders.includes(name.toLowerCase()))?.[1]
  return header ?? keyFields.exec(request.body ?? '')?.[1]
}

type Keyed = Asked & { readonly key: string; readonly what: string }
const keyed = ({ simulated }: Ledger): readonly Keyed[] =>
  simulated.watch.asked.flatMap(one => {
    const key = keyOf(one.request)
    return key === undefined ? [] : [{ ...one, key, what: `${one.request.method} ${new URL(one.request.url).pathname}` }]
  })

/** I20: one key for all attempts of an operation; of several requests each derives its own by a suffix. Reads and deletes carry none. */
export function freshKeys(ledger: Ledger): readonly string[] {
  const keys = new Map<string, Set<string>>()
  for (const one of keyed(ledger)) {
    const name = `${one.operation} ${one.what}`
    keys.set(name, (keys.get(name) ?? new Set()).add(one.key.split('.')[0] ?? ''))
  }
  return [
    ...[...keys].filter(([, set]) => set.size > 1).map(([name, set]) => `${name} went out under ${[...set].join(' and ')}`),
    ...ledger.simulated.undurable,
  ]
}

/** I20: under one key always the same bytes, or the channel answers for a request that nobody knows any more. */
export function changedBodies(ledger: Ledger): readonly string[] {
  const bodies = new Map<string, Set<string>>()
  for (const one of keyed(ledger)) {
    const name = `${one.channel} ${one.key} ${one.what}`
    bodies.set(name, (bodies.get(name) ?? new Set()).add(one.request.body ?? ''))
  }
  return [...bodies].filter(([, set]) => set.size > 1).map(([name, set]) => `${name} went out with ${[...set].join(' and ')}`)
}

/** I20: after the channel has forgotten a key nothing goes out under it. */
export function staleKeys(ledger: Ledger): readonly string[] {
  const first = new Map<string, number>()
  const verbs = new Map(ledger.operations.map(row => [row.id, row.verb]))
  return keyed(ledger).flatMap(one => {
    const verb = verbs.get(one.operation)
    const repeat = verb === undefined ? undefined : channels.get(one.channel)?.repeat[verb]
    const name = `${one.channel} ${one.key} ${one.what}`
    const firstMs = first.get(name) ?? one.atMs
    first.set(name, firstMs)
    return repeat?.kind === 'keyed' && one.atMs - firstMs > repeat.windowMs ? [`${name} went out ${one.atMs - firstMs} ms later`] : []
  })
}

/** I38: nothing leaves for another origin than the account's. */
export const strays = ({ simulated }: Ledger): readonly string[] => [...simulated.network.strays, ...simulated.watch.strays]

/** What we believe against what the channels' own books say, when everything has come to rest. Each violation names its invariant. */
import type { Books } from '../src/channels/simulator.ts'
import { type Caller, insist } from './caller.ts'
import { type Asked, isJudgedAnew } from './kill-clients.ts'
import type { Auditor } from './queries.ts'
import type { Heard } from './receiver.ts'

export type Seen = {
  readonly asked: readonly Asked[]
  readonly audit: Auditor
  readonly books: ReadonlyMap<string, Books>
  readonly heard: readonly Heard[]
}
export type Compared = { readonly violations: readonly string[]; readonly counts: Readonly<Record<string, number>> }

type Rows = {
  readonly instruments: Awaited<ReturnType<Auditor['instruments']>>
  readonly bindings: Awaited<ReturnType<Auditor['bindings']>>
  readonly operations: Awaited<ReturnType<Auditor['operations']>>
  readonly events: Awaited<ReturnType<Auditor['events']>>
}

export async function compare(seen: Seen): Promise<Compared> {
  const [instruments, bindings, operations, events] = await Promise.all([
    seen.audit.instruments(),
    seen.audit.bindings(),
    seen.audit.operations(),
    seen.audit.events(),
  ])
  const rows: Rows = { instruments, bindings, operations, events }
  const violations = [
    ...oneInstrumentEach(seen, rows),
    ...oneEffectEach(seen, rows),
    ...sameCards(seen, rows),
    ...eventsInOrder(seen, rows),
    ...allSettled(rows),
  ]
  const effects = [...seen.books.values()].flatMap(one => one.effects)
  const of = (status: string): number => bindings.filter(one => one.status === status).length
  return {
    violations,
    counts: {
      asked: seen.asked.length,
      repeated: seen.asked.filter(one => one.tries > 1).length,
      lapsed: seen.asked.filter(one => one.reply?.status === 410).length,
      instruments: instruments.length,
      operations: operations.length,
      retried: operations.filter(one => one.tries > 1).length,
      parked: operations.filter(one => one.status === 'parked').length,
      active: of('active'),
      revoked: of('revoked'),
      failed: of('failed'),
      cards_stored: effects.filter(one => one.effect === 'stored').length,
      cards_removed: effects.filter(one => one.effect === 'removed').length,
      events: events.length,
      heard: seen.heard.length,
    },
  }
}

/** I18, our half: an accepted bind is one instrument, a refused one is none. */
function oneInstrumentEach({ asked }: Seen, { instruments }: Rows): string[] {
  return asked
    .filter(one => one.kind === 'bind')
    .flatMap(one => {
      const made = instruments.filter(row => row.ask === one.key)
      if (one.reply === undefined) return [`I18 ${one.key} was never answered`]
      const accepted = one.reply.status < 400
      if (made.length !== (accepted ? 1 : 0)) return [`I18 ${one.key} was answered ${one.reply.status} and made ${made.length} instruments`]
      return accepted && made[0]?.id !== one.reply.json.id ? [`I18 ${one.key} was told of another instrument than was made`] : []
    })
}

/** I18, the channel's half, and I20: an operation stored a card at most once, and went out under one key. */
function oneEffectEach({ books }: Seen, { operations, bindings }: Rows): string[] {
  const statuses = new Map(bindings.map(one => [one.id, one.status]))
  return operations
    .filter(one => one.verb === 'bind')
    .flatMap(one => {
      const of = (books.get(one.channel)?.effects ?? []).filter(effect => effect.reference === one.id)
      const stored = of.filter(effect => effect.effect === 'stored')
      const status = statuses.get(one.binding)
      const came = status === 'active' || status === 'revoked' || status === 'revoking'
      // What a card was removed by is another operation, whose key it came under.
      const foreign = of.filter(effect => effect.effect !== 'removed' && effect.key !== '' && !effect.key.startsWith(one.id))
      return [
        ...(stored.length > 1 ? [`I18 ${one.id} stored ${stored.length} cards at ${one.channel}`] : []),
        ...(came && stored.length === 0 ? [`I18 ${one.id} is ${status}, and ${one.channel} stored nothing`] : []),
        ...foreign.map(effect => `I20 ${one.id} went out under the key ${effect.key}`),
      ]
    })
}

/** I6 and I21: usable cards and living bindings are the same set. */
function sameCards({ books }: Seen, { operations, bindings }: Rows): string[] {
  const ownerOf = new Map(operations.map(one => [one.id, bindings.find(row => row.id === one.binding)]))
  return [...books].flatMap(([channel, { held: cards }]) => {
    const usable = cards.filter(one => one.usable)
    const alive = bindings.filter(one => one.channel === channel && (one.status === 'active' || one.status === 'suspended'))
    // Parked is what no channel could tell us: a card that is there was told of, by an answer, a look-up or a webhook.
    const orphans = usable.filter(card => !alive.some(one => one.token === card.token))
    return [
      ...orphans.map(
        card => `I6 ${channel} holds ${card.token} of ${card.reference}, whose binding is ${ownerOf.get(card.reference)?.status}`,
      ),
      ...alive.flatMap(one => {
        const held = usable.filter(card => card.token === one.token)
        return held.length === 1 ? [] : [`I6 ${one.id} is ${one.status} at ${channel}, which holds ${held.length} cards for it`]
      }),
      ...usable.flatMap(card =>
        ownerOf.get(card.reference)?.status === 'failed' ? [`I21 ${card.reference} is failed, and ${channel} holds ${card.token}`] : [],
      ),
    ]
  })
}

/** I23: sequences without gaps, and the receiver heard each instrument's events in order, each at least once. */
function eventsInOrder({ heard }: Seen, { instruments, events }: Rows): string[] {
  const first = new Map<string, number>()
  for (const [at, one] of heard.entries()) if (!first.has(one.id)) first.set(one.id, at)
  return instruments.flatMap(instrument => {
    const of = events.filter(one => one.instrument === instrument.id)
    const gaps = of.filter((one, i) => one.sequence !== i + 1)
    const places = of.map(one => first.get(one.id))
    const unheard = places.filter(place => place === undefined).length
    const disordered = places.filter((place, i) => i > 0 && (place ?? 0) < (places[i - 1] ?? 0)).length
    return [
      ...(gaps.length > 0 || of.length !== instrument.sequence
        ? [`I23 ${instrument.id} is at ${instrument.sequence} and has the events ${of.map(one => one.sequence).join(' ')}`]
        : []),
      ...(unheard > 0 ? [`I23 ${unheard} events of ${instrument.id} were not heard`] : []),
      ...(disordered > 0 ? [`I23 events of ${instrument.id} were heard out of order`] : []),
    ]
  })
}

/** I39: final, or parked with its cause. */
function allSettled({ operations }: Rows): string[] {
  return operations.flatMap(one => {
    if (one.status === 'settled') return []
    if (one.status === 'parked') return one.cause === null ? [`I39 ${one.id} is parked without a cause`] : []
    return [`I39 ${one.verb} ${one.id} is still ${one.status} after ${one.tries} tries (${one.cause})`]
  })
}

/** I19: asked once more, all is answered with the same bytes; and with another body not at all. */
export async function replayAll(caller: Caller, asked: readonly Asked[]): Promise<readonly string[]> {
  const violations: string[] = []
  const queue = asked.values()
  const replay = async (): Promise<void> => {
    for (const one of queue) {
      const again = await insist(() => caller.call(one.path, { body: one.body, key: one.key }), 30_000)
      if (one.reply !== undefined && isJudgedAnew(one.reply, again)) continue
      if (again.status !== one.reply?.status || again.text !== one.reply.text)
        violations.push(`I19 ${one.key} was answered ${one.reply?.status} and then ${again.status}, other bytes`)
      if (one.kind !== 'bind' || one.reply?.status !== 201) continue
      const body = one.body.replace('"return_url":"https://shop.example/back"', '"return_url":"https://shop.example/other"')
      const other = await insist(() => caller.call(one.path, { body, key: one.key }), 30_000)
      if (other.status !== 422) violations.push(`I19 ${one.key} with another body was answered ${other.status}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, replay))
  return violations
}

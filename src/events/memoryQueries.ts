/**
 * The same queries over the memory store, for simulation and tests. Commits are one after the other there, so the order in which events
 * were recorded is the order of the feed.
 */
import type { Write } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { Event } from './event.ts'
import type { DeliveryView, EventQueries, Listing, Page, Place } from './queries.ts'
import type { deliveries } from './tables.ts'

type Delivery = Row<typeof deliveries>
/** What the queries see: everything, in the order it was first written. */
export type EventLog = {
  readonly events: readonly Event[]
  readonly deliveries: readonly Delivery[]
  /** Enabled endpoints and where their cursors stand. */
  readonly listening: readonly { readonly tenant: string; readonly id: string; readonly mode: Event['mode']; readonly at: Place }[]
}

const placeAt = (index: number): Place => ({ xid: 0n, position: BigInt(index + 1) })

/** `read` is asked for the present state at each query. */
export function createMemoryQueries(read: () => EventLog): EventQueries {
  const fedAfter: EventQueries['after'] = async ({ tenant, mode }, place, limit) => {
    const { events } = read()
    return events
      .map((event, index) => ({ at: placeAt(index), event }))
      .slice(Number(place.position))
      .filter(({ event }) => event.tenant === tenant && event.mode === mode)
      .slice(0, limit)
      .map(({ at, event }) => ({ at, id: event.id, instrument: event.instrument, sequence: event.sequence, type: event.type }))
  }
  return {
    async behind(limit) {
      const found = []
      for (const one of read().listening) if ((await fedAfter(one, one.at, 1)).length > 0) found.push({ tenant: one.tenant, id: one.id })
      return found.slice(0, limit)
    },
    after: fedAfter,
    head: async () => ({ xid: 0n, position: BigInt(read().events.length) }),
    async listEvents({ tenant, mode }, of) {
      const fits = (event: Event) =>
        event.tenant === tenant &&
        event.mode === mode &&
        (of.type === undefined || event.type === of.type) &&
        (of.instrument === undefined || event.instrument === of.instrument)
      return pageOf(read().events, of, fits, event => event)
    },
    async listDeliveries({ tenant, endpoint }, of) {
      const log = read()
      const fits = (one: Delivery) =>
        one.tenant === tenant && one.endpoint === endpoint && (of.state === undefined || one.state === of.state)
      return pageOf(log.deliveries, of, fits, one => viewOf(one, log.events))
    },
    async recordedWithin({ tenant, mode }, { from, to, limit }) {
      const within = (event: Event) => event.tenant === tenant && event.mode === mode && event.created_at >= from && event.created_at <= to
      return read()
        .events.filter(within)
        .slice(0, limit)
        .map(event => event.id)
    },
  }
}

function pageOf<T, V>(all: readonly T[], of: Listing, fits: (row: T) => boolean, show: (row: T) => V): Page<V> {
  const placed = all.map((row, index) => ({ row, index }))
  if (of.oldestFirst !== true) placed.reverse()
  const start = of.after === undefined ? undefined : Number(of.after.position) - 1
  const left = placed.filter(
    ({ row, index }) => fits(row) && (start === undefined || (of.oldestFirst === true ? index > start : index < start)),
  )
  const shown = left.slice(0, of.limit)
  const last = shown.at(-1)
  return { rows: shown.map(({ row }) => show(row)), next: left.length > of.limit && last !== undefined ? placeAt(last.index) : undefined }
}

function viewOf(one: Delivery, events: readonly Event[]): DeliveryView {
  const event = events.find(each => each.tenant === one.tenant && each.id === one.event)
  const { state, tries, due_at, last_try_at, last_status, last_error, created_at } = one
  const shown = { state, tries, due_at, last_try_at, last_status, last_error, created_at }
  return { event: one.event, type: event?.type ?? '', instrument: event?.instrument ?? null, sequence: event?.sequence ?? null, ...shown }
}

/** Keeps the order of the events that a store's commits record. Give `note` to the memory store as its `after`. */
export function createRecorder(): { readonly ids: readonly string[]; note(writes: readonly Write[]): void } {
  const ids: string[] = []
  return {
    ids,
    note(writes) {
      for (const write of writes) if (write.verb === 'record' && typeof write.event.id === 'string') ids.push(write.event.id)
    },
  }
}

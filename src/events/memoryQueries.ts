/**
 * The memory store with the event queries over it, for simulation and tests. Commits are one after the other there, so the order in
 * which events were recorded is the order of the feed.
 */
import { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from '../world/memory.ts'
import type { Write } from '../world/store.ts'
import { type AnyTable, type Row, rowOf } from '../world/table.ts'
import type { Event } from './event.ts'
import { type DeliveryView, type Due, type EventQueries, firstIdAt, type Listing, type Page, type Place } from './queries.ts'
import { cursors, deliveries, events, webhookEndpoints } from './tables.ts'

type Delivery = Row<typeof deliveries>
type Endpoint = Row<typeof webhookEndpoints>

/** A memory store that knows the order of what was written to it. `tables` hold the four of this folder. */
export function createMemoryEvents(
  tables: readonly AnyTable[],
  options: Omit<MemoryStoreOptions, 'eventsTable'> = {},
): { readonly store: MemoryStore; readonly queries: EventQueries } {
  const log: Log = { events: [], deliveries: [], endpoints: [], dues: new Map() }
  const store = createMemoryStore(tables, {
    ...options,
    eventsTable: events.name,
    after: writes => {
      for (const write of writes) note(log, write)
      options.after?.(writes)
    },
  })
  return { store, queries: queriesOver(store, log) }
}

/** Rows as they were first written, in order. */
type Log = {
  readonly events: Event[]
  readonly deliveries: Delivery[]
  readonly endpoints: Endpoint[]
  /** When each pending delivery is due, by endpoint and key. */
  readonly dues: Map<string, Map<string, Due>>
}

function note(log: Log, write: Write): void {
  if (write.verb === 'record') log.events.push(rowOf(events, structuredClone(write.event)))
  if (write.verb === 'move' && write.table.name === deliveries.name) noteDue(log, { ...write.key, ...write.set })
  if (write.verb !== 'insert') return
  if (write.table.name === events.name) log.events.push(rowOf(events, structuredClone(write.row)))
  if (write.table.name === deliveries.name) {
    log.deliveries.push(rowOf(deliveries, write.row))
    noteDue(log, write.row)
  }
  if (write.table.name === webhookEndpoints.name) log.endpoints.push(rowOf(webhookEndpoints, write.row))
}

function noteDue(log: Log, row: Readonly<Record<string, unknown>>): void {
  if (!('due_at' in row)) return
  const { tenant, endpoint, line, sequence, due_at } = rowOf(deliveries, row)
  const dues = log.dues.get(`${tenant} ${endpoint}`) ?? new Map<string, Due>()
  log.dues.set(`${tenant} ${endpoint}`, dues)
  if (due_at === null) dues.delete(`${line} ${sequence}`)
  else dues.set(`${line} ${sequence}`, { tenant, endpoint, line, sequence, due_at })
}

const placeAt = (index: number): Place => ({ xid: 0n, position: BigInt(index + 1) })

function queriesOver(store: MemoryStore, log: Log): EventQueries {
  const after: EventQueries['after'] = async ({ tenant, mode }, place, limit) => {
    const found = []
    for (let index = Number(place.position); index < log.events.length && found.length < limit; index += 1) {
      const event = log.events[index]
      if (event?.tenant !== tenant || event.mode !== mode) continue
      found.push({ at: placeAt(index), id: event.id, instrument: event.instrument, sequence: event.sequence, type: event.type })
    }
    return found
  }
  return {
    async behind(limit) {
      const found = []
      for (const { tenant, id } of log.endpoints) {
        const endpoint = await store.get(webhookEndpoints, { tenant, id })
        const cursor = await store.get(cursors, { tenant, endpoint: id })
        if (endpoint?.status !== 'enabled' || cursor === undefined) continue
        if ((await after(endpoint, cursor, 1)).length > 0) found.push({ tenant, id })
      }
      return found.slice(0, limit)
    },
    async due(nowMs, each) {
      const found: Due[] = []
      for (const dues of log.dues.values()) {
        const come = [...dues.values()].filter(one => one.due_at <= nowMs).sort((one, other) => one.due_at - other.due_at)
        found.push(...come.slice(0, each))
      }
      return found
    },
    after,
    head: async () => ({ xid: 0n, position: BigInt(log.events.length) }),
    async listEvents({ tenant, mode }, of) {
      const fits = (event: Event) =>
        event.tenant === tenant &&
        event.mode === mode &&
        (of.type === undefined || event.type === of.type) &&
        (of.instrument === undefined || event.instrument === of.instrument)
      return pageOf(log.events, of, fits, event => event)
    },
    async listDeliveries({ tenant, endpoint }, of) {
      const mine = log.deliveries.filter(one => one.tenant === tenant && one.endpoint === endpoint)
      const now = await Promise.all(mine.map(({ line, sequence }) => store.get(deliveries, { tenant, endpoint, line, sequence })))
      const fits = (one: Delivery | undefined) => one !== undefined && (of.state === undefined || one.state === of.state)
      const page = pageOf(now, of, fits, one => (one === undefined ? [] : [viewOf(one, log.events)]))
      return { rows: page.rows.flat(), next: page.next }
    },
    async recordedWithin({ tenant, mode }, { from, to, limit }) {
      const [first, end] = [firstIdAt(from), firstIdAt(to + 1)]
      const within = (event: Event) => event.tenant === tenant && event.mode === mode && event.id >= first && event.id < end
      return log.events.filter(within).slice(0, limit)
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

function viewOf(one: Delivery, all: readonly Event[]): DeliveryView {
  const event = all.find(each => each.tenant === one.tenant && each.id === one.event)
  const { state, tries, due_at, last_try_at, last_status, last_error, created_at } = one
  const shown = { state, tries, due_at, last_try_at, last_status, last_error, created_at }
  return { event: one.event, type: event?.type ?? '', instrument: event?.instrument ?? null, sequence: event?.sequence ?? null, ...shown }
}

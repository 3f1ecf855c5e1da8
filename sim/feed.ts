/** The feed of events over the memory store: events in the order in which their commits were made. */
import { z } from 'zod'
import type { Event } from '../src/events/event.ts'
import { createMemoryQueries } from '../src/events/memoryQueries.ts'
import type { EventQueries } from '../src/events/queries.ts'
import type { cursors, webhookEndpoints } from '../src/events/tables.ts'
import type { Write } from '../src/world/store.ts'
import type { Row } from '../src/world/table.ts'

const shape: z.ZodType<Event> = z.object({
  tenant: z.string(),
  id: z.string(),
  mode: z.enum(['test', 'live']),
  instrument: z.string().nullable(),
  customer: z.string().nullable(),
  sequence: z.number().nullable(),
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
  created_at: z.number(),
})

export type SimulatedFeed = {
  readonly take: (writes: readonly Write[]) => void
  /** `rows`: where endpoints and cursors are read. */
  readonly queries: (
    rows: () => { readonly endpoints: readonly Row<typeof webhookEndpoints>[]; readonly cursors: readonly Row<typeof cursors>[] },
  ) => EventQueries
}

export function createFeed(): SimulatedFeed {
  const events: Event[] = []
  return {
    take: writes => {
      for (const write of writes) if (write.verb === 'record') events.push(shape.parse(write.event))
    },
    queries: rows =>
      createMemoryQueries(() => {
        const { endpoints, cursors: at } = rows()
        const listening = endpoints.flatMap(one => {
          const cursor = at.find(row => row.name === one.id)
          return one.status === 'enabled' && cursor !== undefined
            ? [{ tenant: one.tenant, id: one.id, mode: one.mode, at: { xid: cursor.xid, position: cursor.position } }]
            : []
        })
        return { events, deliveries: [], listening }
      }),
  }
}

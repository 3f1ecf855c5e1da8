/** The feed of events over the memory store: the order of its commits is the order of the events. */
import { z } from 'zod'
import type { Event } from '../src/events/event.ts'
import type { Cursor, Fed, Feed } from '../src/events/feed.ts'
import type { Write } from '../src/world/store.ts'

const at = (position: number): Cursor => String(position).padStart(12, '0')
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

export type SimulatedFeed = Feed & { readonly take: (writes: readonly Write[]) => void }

export function createFeed(): SimulatedFeed {
  const list: Fed[] = []
  return {
    take: writes => {
      for (const write of writes) if (write.verb === 'record') list.push({ at: at(list.length + 1), event: shape.parse(write.event) })
    },
    after: async (cursor, limit) => {
      const from = cursor === '' ? 0 : Number(cursor)
      const events = list.slice(from, from + limit)
      return { events, cursor: events.at(-1)?.at ?? cursor }
    },
    head: async () => at(list.length),
  }
}

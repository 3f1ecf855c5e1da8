/** Bugs that make the end depend on the order of the news; others have shipped every one. Each is put around the real code and must be caught. */

import { bindings, facts, instrumentFacts, instruments } from '../src/instruments/tables.ts'
import type { Insert, Write } from '../src/world/store.ts'
import type { World } from '../src/world/world.ts'
import type { ConvergeBug } from './converge.ts'

const rewriting = (world: World, rewrite: (writes: readonly Write[]) => readonly Write[]): World => ({
  ...world,
  store: { ...world.store, commit: writes => world.store.commit(rewrite(writes)) },
})
const isFact = (write: Write): write is Insert => write.verb === 'insert' && write.table.name === facts.name
const changing = (write: Insert, change: Readonly<Record<string, unknown>>): Insert => ({ ...write, row: { ...write.row, ...change } })
const standingOf = ({ row }: Insert): object => (typeof row.standing === 'object' && row.standing !== null ? row.standing : {})

export const convergeBugs: readonly ConvergeBug[] = [
  {
    name: 'sorted_by_arrival',
    what: 'facts are folded in the order in which they came',
    infect: world => {
      let count = 0
      const arrived = (write: Write): Write => {
        if (!isFact(write)) return write
        count += 1
        return changing(write, { standing: { ...standingOf(write), place: 1, stage: 3, rank: 1, sequence: count } })
      }
      return rewriting(world, writes => writes.map(arrived))
    },
  },
  {
    name: 'latest_told_expiry_wins',
    what: 'the card is shown as the last to tell of it says',
    infect: world =>
      rewriting(world, writes => {
        const told = writes.flatMap(write => (isFact(write) ? [shownIn(write.row.news)] : [])).filter(one => one !== undefined)
        const last = told.at(-1)
        return writes.map(write => {
          if (last === undefined || write.verb !== 'move' || write.table.name !== instruments.name) return write
          const display = typeof write.set.display === 'object' ? write.set.display : {}
          return write.set.display === undefined ? write : { ...write, set: { ...write.set, display: { ...display, ...last } } }
        })
      }),
  },
  {
    name: 'duplicate_counts_twice',
    what: 'every delivery is an event of its own',
    infect: world => {
      let count = 0
      const again = (write: Write): Write => {
        if (!isFact(write) || write.row.source === 'bindery' || write.row.source === 'customer') return write
        count += 1
        const id = `${String(write.row.source_event)}#${count}`
        return changing(write, { source_event: id, standing: { ...standingOf(write), id } })
      }
      return rewriting(world, writes => writes.map(again))
    },
  },
  {
    name: 'nothing_is_corrected',
    what: 'a notice that was wrong is followed by one that does not say so',
    infect: world =>
      rewriting(world, writes =>
        writes.map(write => {
          if (write.verb !== 'record' || typeof write.event.data !== 'object' || write.event.data === null) return write
          return { ...write, event: { ...write.event, data: { ...write.event.data, corrects: undefined } } }
        }),
      ),
  },
  {
    name: 'last_word_by_arrival',
    what: 'the last word of an updater, network or clock is the one that came last',
    infect: world => {
      let count = 0
      const arrived = (write: Write): Write => {
        if (write.verb !== 'insert' || write.table.name !== instrumentFacts.name) return write
        count += 1
        return changing(write, { standing: { sequence: count, at: 0 } })
      }
      return rewriting(world, writes => writes.map(arrived))
    },
  },
  {
    name: 'dead_stays_dead',
    what: 'what has ended takes no more news, so that what comes late is lost',
    infect: world => ({
      ...world,
      store: {
        ...world.store,
        commit: async writes => {
          for (const write of writes) {
            if (!isFact(write) || write.row.source === 'bindery') continue
            const row = await world.store.get(bindings, { tenant: String(write.row.tenant), id: String(write.row.binding) })
            if (row?.status === 'revoked' || row?.status === 'failed') return { ok: true }
          }
          return world.store.commit(writes)
        },
      },
    }),
  },
  {
    name: 'batch_read_in_part',
    what: 'of a webhook that tells several things the first is taken',
    door: true,
    infect: world => ({
      ...world,
      channels: new Map(
        [...world.channels].map(([name, channel]) => {
          const { webhook } = channel
          if (webhook === undefined) return [name, channel]
          const first: typeof webhook = async request => {
            const reading = await webhook(request)
            return reading.kind === 'told' ? { ...reading, told: reading.told.slice(0, 1) } : reading
          }
          return [name, { ...channel, webhook: first }]
        }),
      ),
    }),
  },
]

function shownIn(news: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof news !== 'object' || news === null || !('shown' in news)) return undefined
  const { shown } = news
  return typeof shown === 'object' && shown !== null && 'expiryYear' in shown ? { ...shown } : undefined
}

/** Bugs of the safeguards: each would let an attacker, or a channel that is switched off, through unseen. */
import { killSwitches, safeguardCounts } from '../src/safeguards/tables.ts'
import type { Write } from '../src/world/store.ts'
import type { World } from '../src/world/world.ts'
import type { Bug } from './bug.ts'

const counts = (write: Write, name: string): boolean =>
  write.verb === 'add' && write.table.name === safeguardCounts.name && name in write.amounts
const without = (world: World, isLost: (write: Write) => boolean): World => ({
  ...world,
  store: { ...world.store, commit: writes => world.store.commit(writes.filter(one => !isLost(one))) },
})

export const safeguardBugs: readonly Bug[] = [
  {
    name: 'tries_not_counted',
    what: 'what is tried is let through and not counted',
    infect: world => without(world, one => counts(one, 'attempts')),
  },
  {
    name: 'declines_not_counted',
    what: 'only tries are counted, not that they were declined',
    infect: world => without(world, one => counts(one, 'declines')),
  },
  {
    name: 'tries_counted_beside',
    what: 'a try is counted in a commit of its own, whatever becomes of the intent',
    infect: world => ({
      ...world,
      store: {
        ...world.store,
        commit: async writes => {
          const beside = writes.filter(one => counts(one, 'attempts'))
          if (beside.length > 0 && beside.length < writes.length) await world.store.commit(beside)
          return world.store.commit(writes.filter(one => !beside.includes(one)))
        },
      },
    }),
  },
  {
    name: 'switch_read_at_start',
    what: 'kill switches are read when a process starts, and not again',
    infect: world => ({
      ...world,
      store: {
        ...world.store,
        find: async (table, by, limit) => (table.name === killSwitches.name ? [] : world.store.find(table, by, limit)),
      },
    }),
  },
]

/** Bugs of erasing: what others have shipped, put around the real code from outside. */
import { erasures } from '../src/instruments/erasure.ts'
import { deks, records } from '../src/vault/tables.ts'
import { remove, type Write } from '../src/world/store.ts'
import type { Bug } from './bug.ts'

/** An erasure that waits for a channel does not wait. */
function hurried(write: Write, now: number): Write {
  if (write.verb !== 'move' || write.table.name !== erasures.name || typeof write.set.cause !== 'string') return write
  return { ...write, set: { ...write.set, stage: 'shredding', cause: null, due_at: now } }
}

export const erasureBugs: readonly Bug[] = [
  {
    name: 'erased_before_revoked',
    what: 'an instrument is forgotten although a channel has not answered yet, and its token with it',
    infect: (world, { scheduler }) => ({
      ...world,
      store: { ...world.store, commit: writes => world.store.commit(writes.map(one => hurried(one, scheduler.now()))) },
    }),
  },
  {
    name: 'shred_forgets_older_versions',
    what: 'of a card that was sealed several times only the last key is destroyed',
    infect: (world, { sealed }) => ({
      ...world,
      vault: {
        ...world.vault,
        shred: async ({ tenant, owner }) => {
          const last = (await sealed.find(deks, { tenant, owner })).at(-1)
          if (last === undefined) return { keys: 0 }
          const envelopes = await sealed.find(records, { tenant, instrument: owner, instrument_version: last.owner_version })
          await sealed.commit([remove(deks, last), ...envelopes.map(one => remove(records, one))])
          return { keys: 1 }
        },
      },
    }),
  },
]

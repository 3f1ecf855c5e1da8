/**
 * How often each key has wrapped. Counted ahead: a process reserves a block in the key's row before it uses any of it, so that a crash only
 * counts too much. The next block is fetched while the last one is still being used, and nobody waits for it.
 */
import { move, type Store } from '../world/store.ts'
import { type Cache, createCache } from './cache.ts'
import { keys, type Purpose, wrapsMax } from './tables.ts'

export const wrapsBlock = 10_000
const refillAt = 2_000
/** From here on a new version is due, whatever its age: the other half is what may be wrapped until it is promoted. */
export const wrapsRotateAt = wrapsMax / 2
const countersMax = 20_000
const collisionsMax = 20

/** A key has wrapped as often as it may, and its successor is not there yet. */
export class KeyWornOut extends Error {
  override readonly name = 'KeyWornOut'
}

type Ports = { readonly store: Store; now(): number }
type Counter = { left: number; reserving: Promise<void> | undefined }

export function createWraps(ports: Ports) {
  const counters: Cache<Counter> = createCache(countersMax)
  const counterOf = (purpose: Purpose, scope: string, version: number): Counter => {
    const name = `${purpose}|${scope}|${version}`
    const counter = counters.get(name) ?? { left: 0, reserving: undefined }
    counters.set(name, counter)
    return counter
  }
  return {
    /** Takes one; throws `KeyWornOut`. */
    async take(purpose: Purpose, scope: string, version: number): Promise<void> {
      const counter = counterOf(purpose, scope, version)
      const refill = (): Promise<void> => {
        counter.reserving ??= reserve(ports, { purpose, scope, key_version: version })
          .then(() => {
            counter.left += wrapsBlock
          })
          .finally(() => {
            counter.reserving = undefined
          })
        return counter.reserving
      }
      while (counter.left <= 0) await refill()
      counter.left -= 1
      if (counter.left < refillAt && counter.reserving === undefined) refill().catch(() => undefined)
    },
    /** The block that was reserved when the key was made. */
    reserved(purpose: Purpose, scope: string, version: number): void {
      counterOf(purpose, scope, version).left += wrapsBlock
    },
  }
}

async function reserve({ store, now }: Ports, key: { readonly purpose: Purpose; readonly scope: string; readonly key_version: number }) {
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const row = await store.get(keys, key)
    if (row === undefined) throw new KeyWornOut(`the key ${key.purpose} ${key.scope} version ${key.key_version} was destroyed`)
    const wraps = row.wraps + wrapsBlock
    if (wraps > wrapsMax) throw new KeyWornOut(`the key ${key.purpose} ${key.scope} version ${key.key_version} may wrap no more`)
    const due = row.status === 'current' && wraps >= wrapsRotateAt && row.due_at !== null ? { due_at: Math.min(row.due_at, now()) } : {}
    if ((await store.commit([move(keys, row, { wraps, ...due })])).ok) return
  }
  throw new TypeError(`the counter of the key ${key.purpose} ${key.scope} keeps changing`)
}

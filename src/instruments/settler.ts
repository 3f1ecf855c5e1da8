/**
 * Keeps owed operations moving: takes what is due and starts it without waiting for it, so many at a time at each channel, so that one channel
 * that does not answer holds up nobody else's.
 */
import type { World } from '../world/world.ts'
import { settle } from './settle.ts'
import { type OperationRow, operations } from './tables.ts'

/** Calls open at a time to one channel, and rows looked at in one turn. */
const openPerChannelMax = 32
const pageMax = 512

export type Settler = {
  /** Starts what is due and can start; returns how many were started. */
  tick(): Promise<number>
  /** Waits for what is under way. */
  drain(): Promise<void>
}

export function createSettler(world: World): Settler {
  const open = new Map<string, { readonly channel: string; readonly done: Promise<void> }>()
  const openAt = (channel: string): number => [...open.values()].filter(one => one.channel === channel).length
  const start = (row: OperationRow): void => {
    const done: Promise<void> = settle(world, row)
      .then(() => {})
      .catch(error =>
        world.log.error('settling an operation failed', { id: row.id, error: error instanceof Error ? error.message : 'unknown' }),
      )
      .finally(() => open.delete(row.id))
    open.set(row.id, { channel: row.channel, done })
  }
  return {
    async tick() {
      const due = await world.store.due(operations, { now: world.now(), clock: null, limit: pageMax })
      const before = open.size
      for (const row of due) if (!open.has(row.id) && openAt(row.channel) < openPerChannelMax) start(row)
      return Math.max(0, open.size - before)
    },
    async drain() {
      await Promise.all([...open.values()].map(one => one.done))
    },
  }
}

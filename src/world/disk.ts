/** How full the disk is on which our own database writes. Somebody else's we cannot see. */
import { statfsSync } from 'node:fs'
import type { World } from './world.ts'

/** In ms. A disk does not fill by a hundredth within a second. */
const staleMs = 1_000

export type Disk = {
  /** Of a hundred blocks, so many are free for whoever is not root; undefined: nobody knows. */
  freePct(): number | undefined
}

export function createDisk(folder: string, now: World['now'], read = statfsSync): Disk {
  let known: { readonly atMs: number; readonly pct: number | undefined } | undefined
  return {
    freePct() {
      if (known === undefined || Math.abs(now() - known.atMs) >= staleMs) known = { atMs: now(), pct: pctOf(folder, read) }
      return known.pct
    },
  }
}

function pctOf(folder: string, read: typeof statfsSync): number | undefined {
  try {
    const { bavail, blocks } = read(folder)
    return blocks === 0 ? undefined : (100 * bavail) / blocks
  } catch {
    return undefined
  }
}

/**
 * What is not taken on any more. On a full disk PostgreSQL cannot even read: so writes stop while there is room for what is under way. With more
 * requests under way than can be answered in time, reads go first (whoever reads asks again), then everything.
 */
import { Problem } from '../core/problem.ts'
import type { Limits } from './limits.ts'

export type Strain = { readonly running: number; readonly freePct: number | undefined }

/** Of `runningMax`: from here on reads are refused. */
const readsPct = 80

export function shed(
  method: string,
  { running, freePct }: Strain,
  limits: Pick<Limits, 'runningMax' | 'diskFreePctMin'>,
): 'disk' | 'load' | undefined {
  const reads = method === 'GET' || method === 'HEAD'
  if (!reads && freePct !== undefined && freePct < limits.diskFreePctMin) return 'disk'
  return running > (reads ? (limits.runningMax * readsPct) / 100 : limits.runningMax) ? 'load' : undefined
}

/** Throws `unavailable` where the request is not taken on. */
export function refuseShed(method: string, strain: Strain, limits: Pick<Limits, 'runningMax' | 'diskFreePctMin'>): void {
  const why = shed(method, strain, limits)
  if (why === 'disk') throw new Problem('unavailable', 'The disk is nearly full: nothing new is written.', { retryAfterSeconds: 60 })
  if (why === 'load') throw new Problem('unavailable', 'More is under way than can be answered in time.', { retryAfterSeconds: 1 })
}

/**
 * The audit: every instrument recomputed from its facts, page after page and then from the beginning, so that a row that somebody or something
 * spoiled is known before a customer tells. It changes nothing: what is right is for a person to see.
 */
import type { Count } from '../http/metrics.ts'
import type { World } from '../world/world.ts'
import type { InstrumentKey } from './queries.ts'
import { type Difference, verifyStored } from './verify.ts'

/** Instruments of one page, read together. */
export const auditPage = 64

export type Pages = (after: InstrumentKey | undefined, limit: number) => Promise<readonly InstrumentKey[]>
export type Audited = { readonly instruments: number; readonly bindings: number; readonly differences: readonly Difference[] }

/** One page. `next`: where to go on; undefined after the last one. */
export async function auditAfter(
  world: Pick<World, 'store'>,
  pages: Pages,
  after: InstrumentKey | undefined,
): Promise<Audited & { readonly next: InstrumentKey | undefined }> {
  const page = await pages(after, auditPage)
  const verified = (await Promise.all(page.map(at => verifyStored(world, at)))).filter(one => one !== undefined)
  return {
    instruments: page.length,
    bindings: verified.reduce((sum, one) => sum + one.bindings, 0),
    differences: verified.flatMap(one => one.differences),
    next: page.length < auditPage ? undefined : page.at(-1),
  }
}

export type Audit = {
  /** The next page; how many instruments were looked at. */
  turn(): Promise<number>
  /** Since the process started. */
  readonly counts: { readonly checked: number; readonly differences: number }
}

export function createAudit(world: Pick<World, 'store' | 'log'>, pages: Pages): Audit {
  const counts = { checked: 0, differences: 0 }
  let place: InstrumentKey | undefined
  return {
    counts,
    async turn() {
      const { instruments, differences, next } = await auditAfter(world, pages, place)
      place = next
      counts.checked += instruments
      counts.differences += differences.length
      for (const { of, column } of differences) world.log.error('a stored row is not what its facts say', { id: of, column })
      // Not the page's size: a full page must not make the next one come at once.
      return differences.length
    },
  }
}

/** For the metrics. */
export const auditCounts = ({ counts }: Pick<Audit, 'counts'>): readonly Count[] => [
  { name: 'bindery_instruments_verified_total', help: 'Instruments recomputed from their facts.', read: () => counts.checked },
  {
    name: 'bindery_verify_differences_total',
    help: 'Columns of instruments and bindings that are not what their facts say. Anything above zero is for a person.',
    read: () => counts.differences,
  },
]

/**
 * What a channel's list says about our bindings. Absence is a suspicion, not a fact: a page may be short, a copy of their database late, an
 * account another one. Only what is missing several times in a row, a day apart, is believed to be gone.
 */
import type { News } from '../channels/channel.ts'
import type { Listed } from '../channels/listing.ts'
import type { BindingRow } from '../instruments/tables.ts'
import { notListed } from './queries.ts'
import type { MissRow } from './tables.ts'

/** Between two misses that count. */
export const missEveryMs = 24 * 3_600_000
/** What was bound just now may not be on the list yet. */
export const youngMs = 3_600_000

/** `count`: what its misses in a row are now, where that changes; 0 where it was seen. */
export type Verdict = { readonly missing: boolean; readonly count?: number; readonly news?: News }

export function compare(
  binding: BindingRow,
  seen: Listed | undefined,
  of: { readonly before: MissRow | undefined; readonly misses: number; readonly now: number },
): Verdict {
  const lost = binding.status === 'revoked'
  if (seen === undefined) return lost ? { missing: false } : missed(of)
  const reset = of.before === undefined ? {} : { count: 0 }
  const news = lost ? backAgain(binding, seen) : toldBy(binding, seen)
  return { missing: false, ...reset, ...(news === undefined ? {} : { news }) }
}

function missed({ before, misses, now }: { readonly before: MissRow | undefined; readonly misses: number; readonly now: number }): Verdict {
  const counts = before === undefined || now - before.missed_at >= missEveryMs
  const count = (before?.count ?? 0) + (counts ? 1 : 0)
  const gone = count >= misses
  return { missing: true, ...(counts ? { count } : {}), ...(gone ? { news: { kind: 'revoked', reason: notListed } } : {}) }
}

/** What was believed to be gone and is not. That it is there proves no more than that it may be charged again. */
function backAgain(binding: BindingRow, seen: Listed): News | undefined {
  if (binding.reason !== notListed || seen.status === 'revoked' || seen.status === 'expired') return undefined
  return { kind: 'reinstated', evidence: `${binding.channel} lists it again`, token: seen.token }
}

function toldBy(binding: BindingRow, seen: Listed): News | undefined {
  const reason = seen.reason ?? `listed as ${seen.status}`
  switch (seen.status) {
    case 'revoked':
      return { kind: 'revoked', reason }
    case 'expired':
      return { kind: 'expired' }
    case 'suspended':
      return binding.status === 'active' ? { kind: 'suspended', reason } : undefined
    case 'active':
      return binding.status === 'suspended' ? { kind: 'resumed' } : undefined
    case 'kept':
      return undefined
  }
}

/** A single wrong list can say that everything is gone: more than this is not believed without a person. */
export const changesAlways = 5
export const isTooMuch = (of: { readonly looked: number; readonly changes: number; readonly change_percent_max: number }): boolean =>
  of.changes > changesAlways && of.changes * 100 > of.looked * of.change_percent_max

/** Whether the safeguards counted what was tried and declined, and whether what was switched off was left alone. */

import type { OperationRow } from '../src/instruments/tables.ts'
import { by, type Ledger } from './ledger.ts'

const own = (row: OperationRow): boolean => row.verb === 'bind' && row.input.counted !== undefined
const sum = (rows: readonly { readonly attempts: number; readonly declines: number }[], name: 'attempts' | 'declines'): number =>
  rows.reduce((total, row) => total + row[name], 0)

/**
 * Every try stands once under each value that it was counted under, and nothing else does. What was erased no longer says under which it was: so
 * many may be counted beyond.
 */
export function miscountedTries({ operations, instruments, counts }: Ledger): readonly string[] {
  const first = operations.filter(row => own(row) && row.input.chain === undefined)
  const erased = new Set(instruments.flatMap(row => (row.own.erasure === 'erased' ? [row.id] : [])))
  const forgotten = operations.filter(row => row.verb === 'bind' && erased.has(row.instrument) && row.input.chain === undefined)
  const tried = new Map<string, number>()
  for (const row of first) for (const value of row.input.counted ?? []) tried.set(value, (tried.get(value) ?? 0) + 1)
  const counted = by(counts, row => row.value)
  return [...new Set([...tried.keys(), ...counted.keys()])].flatMap(value => {
    const [is, says] = [tried.get(value) ?? 0, sum(counted.get(value) ?? [], 'attempts')]
    const beyond = forgotten.filter(row => !value.startsWith('customer:') || value === `customer:${row.customer}`).length
    return says >= is && says <= is + beyond ? [] : [`${value}: ${is} tries, counted ${says}${beyond === 0 ? '' : `, ${beyond} forgotten`}`]
  })
}

const noDecline = new Set(['misconfigured', 'not_supported', 'cancelled_by_customer', 'try_later'])

/** What ended in a refusal by channel or issuer is counted as a decline where its try was. More may be: what failed may live again. */
export function uncountedDeclines({ operations, bindings, counts }: Ledger): readonly string[] {
  const chains = by(operations.filter(own), row => row.input.chain ?? row.id)
  const state = new Map(bindings.map(row => [row.id, row]))
  const declined = new Map<string, number>()
  for (const chain of chains.values()) {
    const last = chain.toSorted((one, other) => (one.id < other.id ? -1 : 1)).at(-1)
    const row = state.get(last?.binding ?? '')
    const { refusal } = row ?? {}
    if (row?.status !== 'failed' || refusal == null || refusal.by === 'bindery' || noDecline.has(refusal.category)) continue
    for (const value of last?.input.counted ?? []) declined.set(value, (declined.get(value) ?? 0) + 1)
  }
  const counted = by(counts, row => row.value)
  return [...declined].flatMap(([value, is]) => {
    const says = sum(counted.get(value) ?? [], 'declines')
    return says >= is ? [] : [`${value}: ${is} declines, counted ${says}`]
  })
}

/** Within so many ms a switch bites in every process. */
const bitesWithinMs = 2_000

/**
 * Whoever binds at a channel while it is switched off. By the simulation's own time: from two seconds after somebody was told that it is off
 * until somebody asks to have it on again; where an answer got lost it may be on.
 */
export function switchedOffAndAsked({ simulated }: Ledger): readonly string[] {
  const { thrown, watch } = simulated
  const spans = thrown.flatMap(({ channel, off, askedMs, answeredMs }) => {
    if (!off || answeredMs === undefined) return []
    const on = thrown.filter(one => !one.off && one.channel === channel && (one.answeredMs ?? Number.POSITIVE_INFINITY) >= askedMs)
    return [{ channel, from: answeredMs + bitesWithinMs, to: Math.min(...on.map(one => one.askedMs)) }]
  })
  return watch.asked
    .filter(one => one.verb === 'bind')
    .flatMap(({ operation, channel, beganMs }) => {
      const span = spans.find(one => one.channel === channel && beganMs >= one.from && beganMs < one.to)
      return span === undefined ? [] : [`${operation} asked ${channel} at ${beganMs}; it was off from ${span.from} to ${span.to}`]
    })
}

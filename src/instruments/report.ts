/**
 * Reporting a charge that was made elsewhere. It feeds the counters of quality, what was collected under a mandate, the clock of its dormancy and
 * the network's transaction ids; never a status. The cost of a report is the same whatever was reported before: rows by key, additions, and at
 * most one move of the binding a day.
 */
import type { ChannelName, RefusalCategory } from '../channels/channel.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { add, insert, moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { customerNow } from './customer.ts'
import { dayFloor, dayOf, monthOf } from './days.ts'
import { differs } from './decide.ts'
import { derive } from './instrument.ts'
import { learn } from './learn.ts'
import { type LastCollected, periodOf } from './mandate.ts'
import { notice } from './notice.ts'
import { type BindingRow, bindings, type InstrumentRow, instruments } from './tables.ts'
import { type ChargeReportRow, chargeCounts, chargeReports, instrumentUsage, mandateUsage } from './usageTables.ts'

export type Charge = {
  /** The reporter's own name for it, unique within tenant and mode. */
  readonly id: string
  /** At which binding, or at which channel: there it is the one that holds the slot, else the latest. */
  readonly at: { readonly binding: string } | { readonly channel: ChannelName }
  readonly amount: bigint
  readonly currency: string
  readonly result: { readonly outcome: 'approved' } | { readonly outcome: 'declined'; readonly code: string }
  /** Unix milliseconds. */
  readonly chargedAt: number
  readonly networkTransactionId: string | undefined
  readonly transactionLinkId: string | undefined
}
export type Reported = { readonly created: boolean; readonly report: ChargeReportRow }

const collisionsMax = 20
/** Clocks of callers may be ahead of ours by so much. */
const aheadMaxMs = 5 * 60_000
/** What a sum may reach: PostgreSQL's bigint, less one more report. */
const sumMax = 8_000_000_000_000_000_000n

/** Throws a problem naming the field when it is of no binding of this instrument, in the future, or was reported otherwise before. */
export async function reportCharge(world: World, of: InstrumentRow, charge: Charge): Promise<Reported> {
  const { tenant, id } = of
  const now = await customerNow(world, of)
  if (charge.chargedAt > now + aheadMaxMs) throw fieldProblem('/charged_at', 'must not be in the future')
  for (let tries = 0; tries < collisionsMax; tries += 1) {
    const instrument = await world.store.get(instruments, { tenant, id })
    if (instrument === undefined) throw new Problem('not_found', 'no such instrument')
    const all = await world.store.find(bindings, { tenant, instrument: id })
    const binding = bindingOf(all, charge)
    const report = reportOf(world, binding, charge)
    const known = await world.store.get(chargeReports, { tenant, mode: of.mode, id: charge.id })
    if (known !== undefined && !isSame(known, report)) throw fieldProblem('/id', 'was used for another charge', 'conflict')
    const result =
      known === undefined
        ? await world.store.commit([...counted(report, binding), ...moved(world, { instrument, all, binding, report })])
        : undefined
    if (result?.ok === false) continue
    // Again where the first request died before it: the same news is learned once.
    await learnIds(world, binding, report)
    return { created: known === undefined, report: known ?? report }
  }
  throw new Problem('conflict', 'too many changes to one instrument at once')
}

function bindingOf(all: readonly BindingRow[], { at }: Charge): BindingRow {
  if ('binding' in at) {
    const named = all.find(one => one.id === at.binding)
    if (named === undefined) throw fieldProblem('/binding', 'is not a binding of this instrument', 'unprocessable')
    return named
  }
  const there = all.filter(one => one.channel === at.channel)
  const found = there.find(one => one.slot !== null) ?? there.at(-1)
  if (found === undefined) throw fieldProblem('/channel', 'the instrument was never bound there', 'unprocessable')
  return found
}

function reportOf(world: World, binding: BindingRow, charge: Charge): ChargeReportRow {
  const { result } = charge
  const declined =
    result.outcome === 'declined' ? { code: result.code, category: categoryOf(world, binding.channel, result.code) } : undefined
  return {
    tenant: binding.tenant,
    mode: binding.mode,
    id: charge.id,
    instrument: binding.instrument,
    binding: binding.id,
    amount: charge.amount,
    currency: charge.currency,
    outcome: result.outcome,
    code: declined?.code ?? null,
    category: declined?.category ?? null,
    network_transaction_id: charge.networkTransactionId ?? null,
    transaction_link_id: charge.transactionLinkId ?? null,
    charged_at: charge.chargedAt,
    reported_at: world.now(),
  }
}

const categoryOf = (world: World, channel: ChannelName, code: string): RefusalCategory =>
  world.channels.get(channel)?.refusals.get(code) ?? 'unknown'

const told = ['binding', 'amount', 'currency', 'outcome', 'code', 'charged_at', 'network_transaction_id', 'transaction_link_id'] as const
const isSame = (a: ChargeReportRow, b: ChargeReportRow): boolean => told.every(name => a[name] === b[name])

/** One row for the report, one addition for each counter. */
function counted(report: ChargeReportRow, binding: BindingRow): readonly Write[] {
  const { tenant } = report
  const result = report.category ?? 'approved'
  const writes: Write[] = [
    insert(chargeReports, report),
    add(chargeCounts, { binding: report.binding, month: monthOf(report.charged_at), result, tenant }, { count: 1n }),
  ]
  // For its policy.
  if (report.outcome === 'approved')
    for (const period of [dayOf(report.charged_at), monthOf(report.charged_at)])
      writes.push(
        add(
          instrumentUsage,
          { instrument: report.instrument, period, currency: report.currency, tenant },
          { count: 1n, amount: report.amount },
          { bounds: { amount: { max: sumMax } } },
        ),
      )
  for (const period of usedPeriods(report, binding))
    writes.push(
      add(
        mandateUsage,
        { binding: report.binding, period, tenant },
        { count: 1n, amount: report.amount },
        { bounds: { amount: { max: sumMax } } },
      ),
    )
  return writes
}

/** What it uses up of a mandate. Charges in another currency than the terms' are none of its collections. */
function usedPeriods({ outcome, currency, charged_at: at }: ChargeReportRow, { mandate }: BindingRow): readonly string[] {
  if (mandate === null || outcome !== 'approved') return []
  const { terms } = mandate
  if (terms === null) return ['all']
  if (terms.currency !== currency) return []
  const period = periodOf(terms, at)
  return period === undefined ? ['all'] : ['all', dayOf(period.from)]
}

/** The latest approved charge, by its day and then its amount. */
export function laterCollected(
  before: LastCollected | null,
  { charged_at, amount, currency }: Pick<ChargeReportRow, 'charged_at' | 'amount' | 'currency'>,
): LastCollected | null {
  const day = dayFloor(charged_at)
  const bigger = before !== null && (amount > BigInt(before.amount) || (amount === BigInt(before.amount) && currency > before.currency))
  const later = before === null || day > before.day || (day === before.day && bigger)
  return later ? { day, amount: String(amount), currency } : before
}

type Standing = {
  readonly instrument: InstrumentRow
  readonly all: readonly BindingRow[]
  readonly binding: BindingRow
  readonly report: ChargeReportRow
}

/** The clock of dormancy starts anew. The instrument moves with it, so that nobody tells it at the same time that the old one ran out. */
function moved(world: World, { instrument, all, binding, report }: Standing): readonly Write[] {
  const last = report.outcome === 'approved' ? laterCollected(binding.last_collected, report) : binding.last_collected
  if (last === binding.last_collected) return []
  const used: BindingRow = { ...binding, last_collected: last }
  const legs = all.map(one => (one.id === used.id ? used : one))
  const derived: InstrumentRow = { ...instrument, ...derive(instrument, legs) }
  const writes: Write[] = [moveTo(bindings, binding, used)]
  if (!differs(instrument, derived, ['status', 'reasons'])) return [...writes, moveTo(instruments, instrument, derived)]
  // What time had told of its end is true no more.
  const now = world.now()
  const minds = { now, mint: (prefix: Parameters<typeof nextId>[1], near: string) => nextId(world, prefix, near) }
  const after = { ...derived, updated_at: now }
  const notices = notice({ before: { instrument, all }, instrument: after, all: legs }, minds)
  return [...writes, moveTo(instruments, instrument, { ...after, sequence: notices.sequence }), ...notices.writes]
}

/** The ids by which the next charge names this one are facts about the binding: the first ones stay. */
async function learnIds(world: World, binding: BindingRow, report: ChargeReportRow): Promise<void> {
  const { network_transaction_id: ntid, transaction_link_id: tlid } = report
  const fresh = {
    ...(ntid === null || binding.network_transaction_id !== null ? {} : { networkTransactionId: ntid }),
    ...(tlid === null || binding.transaction_link_id !== null ? {} : { transactionLinkId: tlid }),
  }
  if (report.outcome === 'declined' || Object.keys(fresh).length === 0) return
  await learn(world, {
    tenant: binding.tenant,
    binding: binding.id,
    change: {
      facts: [
        {
          source: 'tenant',
          event: `charge:${report.mode}:${report.id}`,
          news: { kind: 'updated', ...fresh },
          rank: 2,
          moment: { atMs: report.charged_at },
        },
      ],
    },
  })
}

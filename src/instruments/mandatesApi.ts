/** The endpoints of mandates: what was agreed and collected, pausing, and telling payers before a collection. */
import { z } from 'zod'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { amount, currency, id, showTime, text, timestamp } from '../http/schemas.ts'
import type { World } from '../world/world.ts'
import { readInstrument } from './api.ts'
import { customerNow } from './customer.ts'
import { dayOf } from './days.ts'
import { nextWindow, type Period, periodOf } from './mandate.ts'
import { mandateShape, viewMandate } from './mandateView.ts'
import { pauseMandate, resumeMandate } from './pause.ts'
import { noticeRuleOf, recordNotice } from './preDebit.ts'
import { dayMs } from './rails.ts'
import { instrumentParams } from './schemas.ts'
import { instrumentShape } from './shapes.ts'
import { type BindingRow, bindings, type InstrumentRow } from './tables.ts'
import type { PreDebitNoticeRow } from './usageTables.ts'
import { readUsage } from './use.ts'
import { viewInstrument } from './view.ts'

const tag = 'Mandates'
const instant = z.iso.datetime()
const day = z.iso.date()
const collected = { count: z.int(), amount: z.string().describe('Minor units of the currency of the terms.') }

const usedShape = z
  .object({
    binding: z.string(),
    channel: z.string(),
    mandate: mandateShape,
    used: z.object({
      period: z.object({ from: day, to: day.describe('The first day of the next one.'), ...collected }).nullable(),
      all: z.object(collected),
    }),
    next_window: instant.nullable().describe('From when on the terms let something be collected; null if they do not, or name no periods.'),
    pre_debit_notice: z
      .object({
        at_least_hours: z.int(),
        at_most_days: z.int().nullable(),
        when: z.enum(['each', 'amount_changes']),
        by: z.literal('tenant'),
        source: z.string(),
      })
      .nullable()
      .describe('Whether you have to tell the payer before a collection.'),
  })
  .meta({ id: 'MandateUse' })
const listShape = z.object({ object: z.literal('list'), data: z.array(usedShape) })

const noticeShape = z
  .object({
    id: z.string(),
    object: z.literal('pre_debit_notice'),
    instrument: z.string(),
    binding: z.string(),
    amount: z.string(),
    currency: z.string(),
    charge_at: instant,
    told_at: instant,
    told_by: z.enum(['tenant', 'channel']).describe('`tenant`: telling the payer is your duty, and you say that you did.'),
  })
  .meta({ id: 'PreDebitNotice' })

const shown = { description: 'The instrument as it is now.', schema: instrumentShape }
const binding = id('bnd').optional().describe('Which mandate; may be left out where there is one.')

export const mandateEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/mandates',
    name: 'listMandates',
    summary: 'Read what was agreed and what has been collected',
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'One for each binding that is a mandate.', schema: listShape } },
    handle: async (context, { params }) => {
      const instrument = await readInstrument(context, params.id)
      return { status: 200, body: { object: 'list', data: await readMandates(context.world, instrument) } }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/mandates/pause',
    name: 'pauseMandate',
    summary: 'Pause a mandate',
    description: 'A hold of yours: nothing is to be collected until you resume it. No channel has an API for this, so none is told.',
    tag,
    auth: 'secret',
    action: 'mandates.write',
    params: instrumentParams,
    query: nothing,
    body: z.strictObject({ binding, reason: text(200) }),
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const of = await readInstrument(context, params.id)
      const after = await pauseMandate(context.world, of, { ...body, binding: body.binding, request: context.requestId })
      return { status: 200, body: viewInstrument(after.instrument, after.bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/mandates/resume',
    name: 'resumeMandate',
    summary: 'Let a mandate go on that you paused',
    tag,
    auth: 'secret',
    action: 'mandates.write',
    params: instrumentParams,
    query: nothing,
    body: z.strictObject({ binding }),
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const of = await readInstrument(context, params.id)
      const after = await resumeMandate(context.world, of, { binding: body.binding, request: context.requestId })
      return { status: 200, body: viewInstrument(after.instrument, after.bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/pre_debit_notices',
    name: 'recordPreDebitNotice',
    summary: 'Record that the payer was told of a collection',
    description: 'Where the rail asks for it, nothing can be charged without. Refused where it comes too late or too early for the rail.',
    tag,
    auth: 'secret',
    action: 'charges.write',
    params: instrumentParams,
    query: nothing,
    body: z.strictObject({
      binding,
      amount,
      currency,
      charge_at: timestamp.describe('When it is to be charged. The notice covers that day and the two after it.'),
      told_at: timestamp.optional().describe('When you told the payer; now without it.'),
    }),
    answers: { 201: { description: 'The notice.', schema: noticeShape } },
    handle: async (context, { params, body }) => {
      const of = await readInstrument(context, params.id)
      const row = await recordNotice(context.world, of, {
        binding: body.binding,
        amount: BigInt(body.amount),
        currency: body.currency,
        chargeAt: body.charge_at,
        toldAt: body.told_at,
      })
      return { status: 201, body: viewNotice(row) }
    },
  }),
]

async function readMandates(world: World, instrument: InstrumentRow): Promise<readonly z.output<typeof usedShape>[]> {
  const now = await customerNow(world, instrument)
  const rows = await world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  const each = await Promise.all(rows.map(row => viewUse(world, instrument, { row, now })))
  return each.flatMap(one => (one === undefined ? [] : [one]))
}

async function viewUse(
  world: World,
  { own }: InstrumentRow,
  { row, now }: { readonly row: BindingRow; readonly now: number },
): Promise<z.output<typeof usedShape> | undefined> {
  const shownMandate = viewMandate(row, own)
  if (row.mandate === null || shownMandate === null) return undefined
  const { terms } = row.mandate
  const usage = await readUsage(world, row, now)
  const period = terms === null ? undefined : periodOf(terms, now)
  const isUsed = (one: Period): boolean => one.from === period?.from && usage.period.count > 0
  const isOpen = terms !== null && (terms.countMax === undefined || usage.all.count < terms.countMax)
  const next = isOpen && terms !== null ? nextWindow(terms, now, isUsed) : undefined
  const rule = noticeRuleOf(row.mandate)
  const show = ({ count, amount: sum }: { readonly count: number; readonly amount: bigint }) => ({ count, amount: String(sum) })
  return {
    binding: row.id,
    channel: row.channel,
    mandate: shownMandate,
    used: {
      period: period === undefined ? null : { from: dayOf(period.from), to: dayOf(period.to), ...show(usage.period) },
      all: show(usage.all),
    },
    next_window: next === undefined ? null : showTime(next),
    pre_debit_notice:
      rule === undefined
        ? null
        : {
            at_least_hours: rule.leastMs / 3_600_000,
            at_most_days: rule.mostMs === undefined ? null : rule.mostMs / dayMs,
            when: rule.when,
            by: 'tenant',
            source: rule.source,
          },
  }
}

const viewNotice = (row: PreDebitNoticeRow): z.output<typeof noticeShape> => ({
  id: row.id,
  object: 'pre_debit_notice',
  instrument: row.instrument,
  binding: row.binding,
  amount: String(row.amount),
  currency: row.currency,
  charge_at: showTime(row.charge_at),
  told_at: showTime(row.told_at),
  told_by: row.told_by,
})

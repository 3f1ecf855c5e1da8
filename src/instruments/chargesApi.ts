/** The endpoints about charging: what was reported of charges made elsewhere, how good an instrument is, and whether it can be charged. */
import { z } from 'zod'
import { refusalCatalogue, refusalCategories } from '../channels/refusal.ts'
import { fieldProblem } from '../core/problem.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { amount, currency, id, reference, showTime, textForChannels, timestamp } from '../http/schemas.ts'
import { readInstrument } from './api.ts'
import { type CanCharge, canCharge, credentials, initiators, type Missing, missingThings, purposes } from './canCharge.ts'
import { customerNow } from './customer.ts'
import { nextBestActions, qualityOf, qualityParts } from './quality.ts'
import { reportCharge } from './report.ts'
import { channelName, instrumentParams } from './schemas.ts'
import { readCandidates, readJudged } from './standing.ts'
import type { ChargeReportRow } from './usageTables.ts'
import { readUsed } from './use.ts'

const tag = 'Charging'
const instant = z.iso.datetime()
/** A charge further ahead, or longer ago, is not asked about: ten years. */
const askedMaxMs = 10 * 366 * 24 * 3_600_000

const positiveAmount = amount.refine(value => value !== '0', 'must be above zero')

const chargeBody = z
  .strictObject({
    id: reference(100).describe('Your own name for the charge. The same id again says nothing new.'),
    binding: id('bnd').optional(),
    channel: channelName.optional(),
    amount: positiveAmount,
    currency,
    outcome: z.enum(['approved', 'declined']),
    code: textForChannels(100).optional().describe("Of a decline: the channel's own code."),
    charged_at: timestamp,
    network_transaction_id: textForChannels(100).optional(),
    transaction_link_id: textForChannels(100).optional().describe("Mastercard's."),
  })
  .refine(one => (one.binding === undefined) !== (one.channel === undefined), {
    path: ['binding'],
    error: 'exactly one of binding and channel must be given',
  })
  .refine(one => (one.outcome === 'declined') === (one.code !== undefined), {
    path: ['code'],
    error: 'goes with declined, and with that only',
  })

const reportShape = z
  .object({
    object: z.literal('charge_report'),
    id: z.string(),
    instrument: z.string(),
    binding: z.string(),
    amount: z.string(),
    currency: z.string(),
    outcome: z.enum(['approved', 'declined']),
    refusal: z
      .object({
        category: z.enum(refusalCategories),
        code: z.string(),
        retry: z.enum(['never', 'correct', 'authenticate', 'later', 'elsewhere']),
      })
      .nullable(),
    charged_at: instant,
    reported_at: instant,
  })
  .meta({ id: 'ChargeReport' })

const qualityShape = z
  .object({
    object: z.literal('quality'),
    instrument: z.string(),
    score: z.int().describe('0 to 100: the sum of the parts, but no more than the cap.'),
    cap: z.object({ at: z.int(), because: z.string() }),
    parts: z.array(z.object({ name: z.enum(qualityParts), points: z.int(), of: z.int(), because: z.string() })),
    next_best_action: z.object({ action: z.enum(nextBestActions), because: z.string() }),
  })
  .meta({ id: 'Quality' })

const missingShape = z.object({
  what: z.enum(missingThings),
  blocking: z.boolean().describe('False: it can be charged without, at a higher risk.'),
  because: z.string(),
  from: instant.nullable().describe('When time alone brings it.'),
})
const canChargeShape = z
  .object({
    object: z.literal('chargeability'),
    instrument: z.string(),
    chargeable: z.boolean(),
    best: z.string().nullable().describe('The binding to charge.'),
    missing: z.array(missingShape),
    bindings: z
      .array(
        z.object({
          binding: z.string(),
          channel: z.string(),
          rank: z.int(),
          chargeable: z.boolean(),
          credential: z.enum(credentials),
          because: z.string(),
          missing: z.array(missingShape),
        }),
      )
      .describe('The best first.'),
  })
  .meta({ id: 'Chargeability' })

export const chargeEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/charges',
    name: 'reportCharge',
    summary: 'Report a charge that was made elsewhere',
    description:
      'It counts for quality, for what a mandate still allows and for its dormancy; ids of the network are kept with the binding. It never changes a status.',
    tag,
    auth: 'secret',
    action: 'charges.write',
    params: instrumentParams,
    query: nothing,
    body: chargeBody,
    answers: {
      201: { description: 'Taken.', schema: reportShape },
      200: { description: 'It was reported before.', schema: reportShape },
    },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const { binding, channel = '', code = '' } = body
      const { created, report } = await reportCharge(context.world, instrument, {
        id: body.id,
        at: binding === undefined ? { channel } : { binding },
        amount: BigInt(body.amount),
        currency: body.currency,
        result: body.outcome === 'approved' ? { outcome: 'approved' } : { outcome: 'declined', code },
        chargedAt: body.charged_at,
        networkTransactionId: body.network_transaction_id,
        transactionLinkId: body.transaction_link_id,
      })
      return { status: created ? 201 : 200, body: viewReport(report) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/quality',
    name: 'getInstrumentQuality',
    summary: 'Explain how good an instrument is to charge',
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'The score, its parts, and what would be best to do.', schema: qualityShape } },
    handle: async (context, { params }) => {
      const instrument = await readInstrument(context, params.id)
      const now = await customerNow(context.world, instrument)
      const { next, ...quality } = qualityOf(await readJudged(context.world, instrument, now), now)
      return { status: 200, body: { object: 'quality', instrument: instrument.id, ...quality, next_best_action: next } }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/can-charge',
    name: 'canCharge',
    summary: 'Ask whether an instrument can be charged, and by which binding',
    description: 'Nothing is reserved and no channel is asked. The issuer still has the last word.',
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: z.strictObject({
      amount: positiveAmount,
      currency,
      initiator: z.enum(initiators),
      purpose: z.enum(purposes),
      charge_at: timestamp.optional().describe('Now without it.'),
    }),
    answers: { 200: { description: 'Yes or no, and why.', schema: canChargeShape } },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const now = await customerNow(context.world, instrument)
      const at = body.charge_at ?? now
      if (Math.abs(at - now) > askedMaxMs) throw fieldProblem('/charge_at', 'must be within ten years')
      const candidates = await readCandidates(context.world, instrument, { now, chargeAt: at })
      const { initiator, purpose } = body
      const asked = { amount: BigInt(body.amount), currency: body.currency, initiator, purpose, at }
      const answer = canCharge(instrument, candidates, asked, await readUsed(context.world, instrument, at))
      return { status: 200, body: viewAnswer(instrument.id, answer) }
    },
  }),
]

const viewReport = (row: ChargeReportRow): z.output<typeof reportShape> => ({
  object: 'charge_report',
  id: row.id,
  instrument: row.instrument,
  binding: row.binding,
  amount: String(row.amount),
  currency: row.currency,
  outcome: row.outcome,
  refusal: row.category === null ? null : { category: row.category, code: row.code ?? '', retry: refusalCatalogue[row.category].retry },
  charged_at: showTime(row.charged_at),
  reported_at: showTime(row.reported_at),
})

const viewMissing = ({ what, blocking, because, from }: Missing): z.output<typeof missingShape> => ({
  what,
  blocking,
  because,
  from: from === undefined ? null : showTime(from),
})

const viewAnswer = (instrument: string, { chargeable, best, missing, ranked }: CanCharge): z.output<typeof canChargeShape> => ({
  object: 'chargeability',
  instrument,
  chargeable,
  best: best?.id ?? null,
  missing: missing.map(viewMissing),
  bindings: ranked.map((one, index) => ({
    binding: one.binding.id,
    channel: one.binding.channel,
    rank: index + 1,
    chargeable: one.chargeable,
    credential: one.credential,
    because: one.because,
    missing: one.missing.map(viewMissing),
  })),
})

/** The operator's queue: what is in doubt, how long, what it may cost, and what a person may do about it. */
import { z } from 'zod'
import { fieldProblem } from '../core/problem.ts'
import { approvalHeader } from '../http/approval.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { listQuery, listShape } from '../http/list.ts'
import { moneyShape, reference, showTime, text } from '../http/schemas.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { World } from '../world/world.ts'
import { lookUp } from './lookUp.ts'
import { type Asked, unknownsOf } from './queries.ts'
import { needDoubt, readDoubt } from './read.ts'
import { settle } from './settle.ts'
import { outcomes, type SettlementRow } from './tables.ts'
import { mayBeDone, moneyAtRisk, type Position, type Total, totalOf, type Unknown, unknownKinds } from './unknown.ts'

const tag = 'Unknowns'
/** A summary reads so many lines at most, the oldest. */
const summaryMax = 10_000
const kinds = z.enum(unknownKinds)
const lineShape = z
  .object({
    ...{ id: z.string(), object: z.literal('unknown'), livemode: z.boolean(), kind: kinds },
    channel: z.string().nullable().describe('Null: an erasure, which may wait for several.'),
    what: z.string().describe('What was asked of the channel; of news what it tells; of an erasure its stage.'),
    since: z.iso.datetime(),
    age_seconds: z.int(),
    cause: z.string().nullable(),
    tries: z.int(),
    next_look_at: z.iso.datetime().nullable().describe('Null: nothing more happens by itself.'),
    instrument: z.string().nullable(),
    binding: z.string().nullable(),
    money_at_risk: moneyShape.nullable().describe('Of one collection, in minor units.'),
    money_basis: z.enum(['mandate', 'last_charge']).nullable().describe('What the payer agreed to, or what was last reported.'),
    money_unknown_because: z.string().nullable(),
    may_look_up: z.boolean(),
    may_settle_as: z.array(z.enum(outcomes)),
  })
  .meta({ id: 'Unknown' })

function view(world: World, one: Unknown): z.output<typeof lineShape> {
  const risk = moneyAtRisk(one)
  const may = mayBeDone(one, world.channels.get(one.channel ?? ''))
  return {
    ...{ id: one.id, object: 'unknown', livemode: one.mode === 'live', kind: one.kind, channel: one.channel, what: one.what },
    ...{ since: showTime(one.since), age_seconds: Math.max(0, Math.floor((world.now() - one.since) / 1000)) },
    ...{ cause: one.cause, tries: one.tries, next_look_at: one.next_look_at === null ? null : showTime(one.next_look_at) },
    ...{ instrument: one.instrument, binding: one.binding },
    money_at_risk: risk.amount === null || risk.currency === null ? null : { amount: String(risk.amount), currency: risk.currency },
    ...{ money_basis: risk.basis, money_unknown_because: risk.unknown_because },
    ...{ may_look_up: may.look_up, may_settle_as: [...may.outcomes] },
  }
}

const summaryShape = z
  .object({
    object: z.literal('unknowns_summary'),
    count: z.int(),
    complete: z.boolean().describe(`False: there are more than ${summaryMax}, and only the oldest are summed up.`),
    oldest_at: z.iso.datetime().nullable(),
    by_kind: z.object({ uncertain: z.int(), waiting: z.int(), parked: z.int(), news: z.int(), erasure: z.int() }),
    by_channel: z.array(
      z.object({
        channel: z.string().nullable(),
        count: z.int(),
        oldest_at: z.iso.datetime(),
        money_at_risk: z.array(z.object({ amount: z.string(), currency: z.string(), count: z.int() })),
        money_unknown: z.int().describe('Of so many nobody knows what they may cost; they are in no sum.'),
      }),
    ),
  })
  .meta({ id: 'UnknownsSummary' })

const viewTotal = (total: Total, complete: boolean): z.output<typeof summaryShape> => ({
  ...{ object: 'unknowns_summary', count: total.count, complete },
  oldest_at: total.oldest_at === null ? null : showTime(total.oldest_at),
  by_kind: total.by_kind,
  by_channel: total.by_channel.map(({ channel, count, oldest_at, money, money_unknown }) => ({
    ...{ channel, count, oldest_at: showTime(oldest_at), money_unknown },
    money_at_risk: money.map(one => ({ ...one, amount: String(one.amount) })),
  })),
})

/** A line's place: it never moves, since when it began does not. */
const cursorOf = ({ since, id: at }: Position): string => `cur_${Buffer.from(`unknowns:${since}:${at}`).toString('base64url')}`
function positionOf(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined
  const body = Buffer.from(cursor.slice('cur_'.length), 'base64url').toString('latin1')
  const [, since = '', at = ''] = /^unknowns:([0-9]{1,14}):((?:[a-z]{3}_[0-9a-z]{26}|)(?:\.[0-9a-f]{16})?)$/.exec(body) ?? []
  const position = { since: Number(since), id: at }
  if (since === '' || cursorOf(position) !== cursor)
    throw fieldProblem('query/starting_after', 'This is not a cursor of this list; take next_cursor of the page before.')
  return position
}

const filters = {
  kind: kinds.optional(),
  channel: reference(64).optional(),
  older_than_seconds: z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,8})$/, 'must be a number of seconds')
    .transform(Number)
    .optional()
    .describe('Only what has been in doubt for longer.'),
}
type Filters = {
  readonly kind?: Unknown['kind'] | undefined
  readonly channel?: string | undefined
  readonly older_than_seconds?: number | undefined
}
const askedOf = ({ kind, channel, older_than_seconds: older }: Filters, now: number, more: Pick<Asked, 'limit' | 'after'>): Asked => ({
  ...{ kind, channel, ...more },
  before: older === undefined ? undefined : now - older * 1000,
})

/** Read from a reader of their own, like every list. */
export const unknownListEndpoints = (reader: TenantReader): readonly Endpoint[] => [
  endpoint({
    ...{ method: 'GET', path: '/v1/unknowns', name: 'listUnknowns', tag, auth: 'secret', action: 'unknowns.read' },
    summary: 'List what is in doubt, oldest first',
    description:
      'Operations without a definite answer, what waits longer than a day, what is parked for a person, news that could not be placed, and erasures that are held up. Costs what is in doubt, not what was ever done.',
    params: nothing,
    query: z.strictObject({ ...listQuery, ...filters }),
    body: nothing,
    answers: { 200: { description: 'A page.', schema: listShape(lineShape) } },
    handle: async ({ world, caller }, { query }) => {
      const asked = askedOf(query, world.now(), { limit: query.limit + 1, after: positionOf(query.starting_after) })
      const found = await unknownsOf(reader, caller, asked, world.now())
      const lines = found.slice(0, query.limit)
      const last = found.length > query.limit ? lines.at(-1) : undefined
      const data = lines.map(one => view(world, one))
      return { status: 200, body: { object: 'list', data, has_more: last !== undefined, next_cursor: last ? cursorOf(last) : null } }
    },
  }),
  endpoint({
    ...{ method: 'GET', path: '/v1/unknowns/summary', name: 'getUnknownsSummary', tag, auth: 'secret', action: 'unknowns.read' },
    summary: 'How much is in doubt, how long, and what it may cost',
    params: nothing,
    query: z.strictObject(filters),
    body: nothing,
    answers: { 200: { description: 'Sums by kind, and by channel and currency.', schema: summaryShape } },
    handle: async ({ world, caller }, { query }) => {
      const found = await unknownsOf(reader, caller, askedOf(query, world.now(), { limit: summaryMax + 1, after: undefined }), world.now())
      return { status: 200, body: viewTotal(totalOf(found.slice(0, summaryMax)), found.length <= summaryMax) }
    },
  }),
]

const subject = z
  .string('must be the id of something in doubt')
  .regex(/^(?:(?:opn|ins|cus)_[0-9a-hjkmnp-tv-z]{26}|bnd_[0-9a-hjkmnp-tv-z]{26}\.[0-9a-f]{16})$/, 'must be the id of something in doubt')
const one = { tag, auth: 'secret', params: z.strictObject({ id: subject }), query: nothing } as const
const settlementShape = z
  .object({
    ...{ id: z.string(), object: z.literal('settlement'), livemode: z.boolean(), unknown: z.string() },
    ...{ channel: z.string(), instrument: z.string(), binding: z.string() },
    ...{ outcome: z.enum(outcomes), evidence: z.string().nullable(), cause: z.string().nullable(), since: z.iso.datetime() },
    ...{ settled_by: z.string().nullable(), approval: z.string().nullable(), settled_at: z.iso.datetime() },
  })
  .meta({ id: 'Settlement' })
const viewSettlement = (row: SettlementRow): z.output<typeof settlementShape> => ({
  ...{ id: row.id, object: 'settlement', livemode: row.mode === 'live', unknown: row.subject },
  ...{ channel: row.channel, instrument: row.instrument, binding: row.binding },
  ...{ outcome: row.outcome, evidence: row.evidence, cause: row.cause, since: showTime(row.since) },
  ...{ settled_by: row.settled_by, approval: row.approval, settled_at: showTime(row.settled_at) },
})

export const unknownEndpoints: readonly Endpoint[] = [
  endpoint({
    ...{ ...one, method: 'POST', path: '/v1/unknowns/{id}/look-up', name: 'lookUpUnknown', action: 'unknowns.look_up', body: nothing },
    summary: 'Ask now instead of when its turn comes',
    description: 'Asks the channel about the operation, has parked news heard again, or lets an erasure go on. Binds nothing anew.',
    answers: {
      200: {
        description: 'What is still in doubt, or null when it has its answer.',
        schema: z.object({ object: z.literal('look_up'), id: z.string(), unknown: lineShape.nullable() }),
      },
    },
    handle: async ({ world, caller }, { params }) => {
      await lookUp(world, await needDoubt(world, caller, params.id))
      const left = await readDoubt(world, caller, params.id)
      return { status: 200, body: { object: 'look_up', id: params.id, unknown: left === undefined ? null : view(world, left.line) } }
    },
  }),
  endpoint({
    ...{ ...one, method: 'POST', path: '/v1/unknowns/{id}/settle', name: 'settleUnknown', action: 'unknowns.settle', fourEyes: true },
    summary: 'Say how it came out, with evidence',
    description:
      'After you have looked at the channel yourself. A fact of the source `operator`; what the channel says of it later counts more. Nothing is sent.',
    body: z.strictObject({
      outcome: z.enum(outcomes).describe('One of `may_settle_as`.'),
      evidence: text(1000, 10).describe('What you saw, where and when. Nothing personal: it is kept.'),
      token: z
        .string('must be a text')
        .regex(/^[!-z|~]{1,200}$/, 'must be 1 to 200 letters, digits and signs without spaces or braces')
        .optional()
        .describe('What the channel calls what it keeps, where the outcome is `bound`.'),
    }),
    answers: { 200: { description: 'What was said, by whom.', schema: settlementShape } },
    handle: async ({ world, caller, requestId }, { params, body, headers }) => {
      const doubt = await needDoubt(world, caller, params.id)
      const by = { person: caller.person, key: caller.key, approval: headers[approvalHeader] ?? null, request: requestId }
      return { status: 200, body: viewSettlement(await settle(world, doubt, body, by)) }
    },
  }),
]

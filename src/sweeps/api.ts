/** Sweeps as endpoints: begun, looked at, and where one was held, released or discarded. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { listQuery, listShape } from '../http/list.ts'
import { id, reference } from '../http/schemas.ts'
import { insert, refusedBy } from '../world/store.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import { listSweeps } from './queries.ts'
import { discard, release } from './release.ts'
import { newSweep } from './sweep.ts'
import { type FindingRow, type SweepRow, sweepFindings, sweepStatuses, sweeps } from './tables.ts'

const tag = 'Sweeps'
const params = z.strictObject({ id: id('swp') })
const findingShape = z.object({
  binding: z.string(),
  instrument: z.string(),
  found: z.string().describe('What would be told of it: `revoked`, `suspended`, `resumed`, `expired` or `reinstated`.'),
  reason: z.string().nullable(),
})
const shape = z
  .object({
    id: z.string(),
    object: z.literal('sweep'),
    channel: z.string(),
    status: z.enum(sweepStatuses),
    looked: z.int().describe('Bindings that were compared.'),
    missing: z.int().describe('Of these, not on the list: a suspicion.'),
    unanswered: z.int().describe('Bindings whose list was not answered.'),
    changes: z.int().describe('What the sweep would change.'),
    changed: z.int(),
    misses: z.int(),
    change_percent_max: z.int(),
    repeat_hours: z.int().nullable(),
    findings: z.array(findingShape).describe('What is still to be changed, at most 100.'),
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Sweep' })
const answers = { 200: { description: 'The sweep.', schema: shape } }
const body = z.strictObject({
  channel: reference(64).describe('One that shows what it keeps: see `list` in GET /v1/channels.'),
  misses: z
    .int()
    .min(2)
    .max(10)
    .optional()
    .describe('How often in a row, a day apart, a token must be missing before it counts as gone. 3.'),
  change_percent_max: z.int().min(0).max(100).optional().describe('Above this share (and five bindings) the sweep stops and asks. 2.'),
  repeat_hours: z.int().min(24).max(720).optional().describe('Begins anew so many hours after its end.'),
})

export const sweepEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/sweeps',
    name: 'createSweep',
    summary: 'Compare your bindings with a channel’s own list',
    description:
      'Walks over your customers at the channel’s pace. What the list says of a token is a fact; that a token is missing is a suspicion, counted once a day, and a fact after several in a row. Nothing changes before all have been looked at.',
    tag,
    auth: 'secret',
    action: 'sweeps.run',
    params: nothing,
    query: nothing,
    body,
    answers: { 201: { description: 'The sweep, which has begun.', schema: shape } },
    handle: (context, input) => begin(context, input.body),
  }),
  endpoint({
    method: 'GET',
    path: '/v1/sweeps/{id}',
    name: 'getSweep',
    summary: 'Read a sweep',
    tag,
    auth: 'secret',
    action: 'sweeps.read',
    params,
    query: nothing,
    body: nothing,
    answers,
    handle: async (context, input) => show(context, await readSweep(context, input.params.id)),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/sweeps/{id}/release',
    name: 'releaseSweep',
    summary: 'Let a held sweep change what it found',
    tag,
    auth: 'secret',
    action: 'sweeps.release',
    fourEyes: true,
    params,
    query: nothing,
    body: nothing,
    answers,
    handle: async (context, input) => show(context, await release(context.world, await readSweep(context, input.params.id))),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/sweeps/{id}/discard',
    name: 'discardSweep',
    summary: 'Forget what a held sweep found',
    description: 'Nothing changes, and what was missing counts as seen.',
    tag,
    auth: 'secret',
    action: 'sweeps.run',
    params,
    query: nothing,
    body: nothing,
    answers,
    handle: async (context, input) => show(context, await discard(context.world, await readSweep(context, input.params.id))),
  }),
]

/** Read from a reader of its own, like every list. */
export const sweepListEndpoints = (reader: TenantReader): readonly Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/sweeps',
    name: 'listSweeps',
    summary: 'List sweeps, newest first',
    tag,
    auth: 'secret',
    action: 'sweeps.read',
    params: nothing,
    query: z.strictObject({
      limit: listQuery.limit,
      starting_after: id('swp').optional().describe('The last sweep of the page before.'),
      channel: reference(64).optional(),
    }),
    body: nothing,
    answers: { 200: { description: 'A page, without what was found.', schema: listShape(shape) } },
    handle: async ({ world, caller }, { query }) => {
      const { limit, channel, starting_after: before } = query
      const found = await listSweeps(reader, caller, { before, channel, limit })
      const rows = await Promise.all(found.slice(0, limit).map(one => world.store.get(sweeps, { tenant: caller.tenant, id: one })))
      const data = rows.flatMap(row => (row === undefined ? [] : [view(row, [])]))
      const more = found.length > limit
      return { status: 200, body: { object: 'list', data, has_more: more, next_cursor: more ? (data.at(-1)?.id ?? null) : null } }
    },
  }),
]

async function begin({ world, caller }: Context, wish: z.output<typeof body>): Promise<Answer> {
  const channel = world.channels.get(wish.channel)
  if (channel === undefined) throw fieldProblem('/channel', 'is not a channel')
  if (channel.list === undefined) throw fieldProblem('/channel', 'shows no list of what it keeps', 'unprocessable')
  if (world.account(channel.name, caller.mode) === undefined) throw fieldProblem('/channel', 'has no account', 'unprocessable')
  const { misses = 3, change_percent_max = 2, repeat_hours = null } = wish
  const whole = { tenant: caller.tenant, mode: caller.mode, channel: channel.name, misses, change_percent_max, repeat_hours }
  const row = newSweep(world, whole)
  const result = await world.store.commit([insert(sweeps, row)])
  if (refusedBy(result, 'sweeps_slot')) throw fieldProblem('/channel', 'is being swept', 'conflict')
  if (!result.ok) throw new Problem('conflict', 'the sweep could not begin')
  return { status: 201, body: view(row, []) }
}

async function readSweep({ world, caller }: Context, sweep: string): Promise<SweepRow> {
  const row = await world.store.get(sweeps, { tenant: caller.tenant, id: sweep })
  if (row === undefined || row.mode !== caller.mode) throw new Problem('not_found', 'no such sweep')
  return row
}

async function show({ world }: Context, row: SweepRow): Promise<Answer> {
  return { status: 200, body: view(row, await world.store.find(sweepFindings, { tenant: row.tenant, sweep: row.id }, 100)) }
}

const view = (row: Omit<SweepRow, 'version'>, findings: readonly FindingRow[]) => ({
  id: row.id,
  object: 'sweep' as const,
  channel: row.channel,
  status: row.status,
  looked: row.looked,
  missing: row.missing,
  unanswered: row.unanswered,
  changes: row.changes,
  changed: row.changed,
  misses: row.misses,
  change_percent_max: row.change_percent_max,
  repeat_hours: row.repeat_hours,
  findings: findings.map(({ binding, instrument, news }) => ({
    binding,
    instrument,
    found: news.kind,
    reason: 'reason' in news ? (news.reason ?? null) : null,
  })),
  created_at: new Date(row.created_at).toISOString(),
  ended_at: row.ended_at === null ? null : new Date(row.ended_at).toISOString(),
})

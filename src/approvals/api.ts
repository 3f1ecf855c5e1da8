/** What waits for a second person, and the second person's word. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { decideApproval, isOver } from '../http/fourEyes.ts'
import { listQuery, listShape } from '../http/list.ts'
import { id } from '../http/schemas.ts'
import { type ApprovalRow, approvalStatuses, approvals } from '../http/tables.ts'
import { move } from '../world/store.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import { listApprovals } from './queries.ts'

const tag = 'Approvals'
const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())
const shape = z
  .object({
    id: z.string(),
    object: z.literal('approval'),
    livemode: z.boolean(),
    act: z.string().describe('The operation, as this document names it.'),
    method: z.string(),
    url: z.string(),
    body: z.unknown().describe('What will be done is this, to the letter.'),
    status: z.enum(approvalStatuses),
    asked_by: z.string(),
    decided_by: z.string().nullable(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    decided_at: z.iso.datetime().nullable(),
    used_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Approval' })
const params = z.strictObject({ id: id('apr') })
const answers = { 200: { description: 'The approval.', schema: shape } }

const view = (row: ApprovalRow, now: number): z.output<typeof shape> => ({
  id: row.id,
  object: 'approval',
  livemode: row.mode === 'live',
  ...{ act: row.act, method: row.method, url: row.url, body: row.body },
  status: isOver(row, now) ? 'lapsed' : row.status,
  ...{ asked_by: row.asked_by, decided_by: row.decided_by },
  created_at: new Date(row.created_at).toISOString(),
  expires_at: new Date(row.expires_at).toISOString(),
  ...{ decided_at: instant(row.decided_at), used_at: instant(row.used_at) },
})

async function need({ world, caller }: Context, approval: string): Promise<ApprovalRow> {
  const row = await world.store.get(approvals, { tenant: caller.tenant, id: approval })
  if (row === undefined || row.mode !== caller.mode) throw new Problem('not_found', 'There is no approval by that id.')
  return row
}

async function decide(context: Context, approval: string, status: 'approved' | 'denied'): Promise<Answer> {
  const { world, caller } = context
  const row = await need(context, approval)
  const now = world.now()
  const decided = decideApproval(row, caller, status, now)
  if ('refused' in decided)
    throw new Problem(caller.person === null || caller.person === row.asked_by ? 'forbidden' : 'gone', decided.refused)
  if (!(await world.store.commit([move(approvals, row, decided.set)])).ok) return decide(context, approval, status)
  world.log.warn(`a sensitive act was ${status}`, { approval, act: row.act, asked: row.asked_by, by: caller.person })
  return { status: 200, body: view({ ...row, ...decided.set }, now) }
}

const one = { tag, auth: 'secret', params, query: nothing, body: nothing, answers } as const

export const approvalEndpoints = (reader: TenantReader): readonly Endpoint[] => [
  endpoint({
    method: 'GET',
    path: '/v1/approvals',
    name: 'listApprovals',
    summary: 'List what was asked of a second person, newest first',
    tag,
    auth: 'secret',
    action: 'approvals.read',
    params: nothing,
    query: z.strictObject({
      limit: listQuery.limit,
      starting_after: id('apr').optional().describe('The last approval of the page before.'),
    }),
    body: nothing,
    answers: { 200: { description: 'A page.', schema: listShape(shape) } },
    handle: async ({ world, caller }, { query: { limit, starting_after: before } }) => {
      const found = await listApprovals(reader, caller, { before, limit })
      const rows = await Promise.all(found.slice(0, limit).map(name => world.store.get(approvals, { tenant: caller.tenant, id: name })))
      const data = rows.flatMap(row => (row === undefined ? [] : [view(row, world.now())]))
      const more = found.length > limit
      return { status: 200, body: { object: 'list', data, has_more: more, next_cursor: more ? (data.at(-1)?.id ?? null) : null } }
    },
  }),
  endpoint({
    ...one,
    method: 'GET',
    path: '/v1/approvals/{id}',
    name: 'getApproval',
    action: 'approvals.read',
    summary: 'Read what was asked of a second person',
    handle: async (context, input) => ({ status: 200, body: view(await need(context, input.params.id), context.world.now()) }),
  }),
  endpoint({
    ...one,
    method: 'POST',
    path: '/v1/approvals/{id}/approve',
    name: 'approve',
    action: 'approvals.decide',
    summary: 'Allow what another person asked for',
    description: 'Whoever asked then sends the same request again, with the header Bindery-Approval, once.',
    handle: (context, input) => decide(context, input.params.id, 'approved'),
  }),
  endpoint({
    ...one,
    method: 'POST',
    path: '/v1/approvals/{id}/deny',
    name: 'deny',
    action: 'approvals.decide',
    summary: 'Refuse what another person asked for',
    handle: (context, input) => decide(context, input.params.id, 'denied'),
  }),
]

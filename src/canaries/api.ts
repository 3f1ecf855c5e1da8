/** Canaries as endpoints: laid out, listed with the uses that raised the alarm, and taken away again. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { showTime, text } from '../http/schemas.ts'
import { apiKeys } from '../http/tables.ts'
import { instruments } from '../instruments/tables.ts'
import { insert, refusedBy, remove } from '../world/store.ts'
import type { World } from '../world/world.ts'
import { type CanaryRow, canaries, canaryKinds, canaryUses } from './tables.ts'
import { canariesMax, currentCanaries, forgetCanaries } from './watch.ts'

const tag = 'Canaries'
const usesShown = 20
const subject = z
  .string('must be the id of an instrument or an API key')
  .regex(/^(?:ins|key)_[0-9a-hjkmnp-tv-z]{26}$/, 'must be the id of an instrument or an API key')
const shape = z
  .object({
    ...{ object: z.literal('canary'), livemode: z.boolean(), subject: z.string(), kind: z.enum(canaryKinds), note: z.string() },
    ...{ set_by: z.string(), set_at: z.iso.datetime() },
    uses: z
      .array(z.object({ act: z.string(), key: z.string().nullable(), request: z.string(), at: z.iso.datetime() }))
      .describe(`At most ${usesShown}.`),
  })
  .meta({ id: 'Canary' })

async function view(world: World, row: Omit<CanaryRow, 'state' | 'version'>): Promise<z.output<typeof shape>> {
  const uses = await world.store.find(canaryUses, { subject: row.subject, tenant: row.tenant }, usesShown)
  const { subject: of, kind, note, set_by } = row
  return {
    ...{ object: 'canary', livemode: row.mode === 'live', subject: of, kind, note, set_by, set_at: showTime(row.set_at) },
    uses: uses.map(({ act, used_by, request, used_at }) => ({ act, key: used_by, request, at: showTime(used_at) })),
  }
}

type Owner = { readonly tenant: string; readonly mode: 'test' | 'live' }
async function isTheirs(world: World, { tenant, mode }: Owner, id: string): Promise<boolean> {
  if (id.startsWith('ins_')) return (await world.store.get(instruments, { tenant, id }))?.mode === mode
  const key = await world.store.get(apiKeys, { id })
  return key !== undefined && key.tenant === tenant && key.mode === mode
}

export const canaryEndpoints: readonly Endpoint[] = [
  endpoint({
    ...{ method: 'POST', path: '/v1/canaries', name: 'layCanary', tag, auth: 'secret', action: 'canaries.write' },
    summary: 'Mark an instrument or a key as one that nobody has a reason to use',
    description:
      'Within a second every use of it raises the alarm: an error in the log, a row, and the event `security.canary_used`. Whoever uses it is answered as ever. Reading an instrument is a use; a request with the key is one whatever it asks.',
    params: nothing,
    query: nothing,
    body: z.strictObject({ subject, note: text(200).describe('Where you laid it: who can have found it there.') }),
    answers: { 201: { description: 'The canary.', schema: shape } },
    handle: async ({ world, caller }, { body }) => {
      if (!(await isTheirs(world, caller, body.subject))) throw fieldProblem('/subject', 'is nothing of yours', 'unprocessable')
      if ((await currentCanaries(world)).length >= canariesMax) throw new Problem('conflict', `There are ${canariesMax} canaries already.`)
      const { tenant, mode, key } = caller
      const kind = body.subject.startsWith('ins_') ? ('instrument' as const) : ('key' as const)
      const row = { tenant, mode, kind, subject: body.subject, note: body.note, set_by: key, set_at: world.now() }
      const result = await world.store.commit([insert(canaries, { state: 'on', ...row })])
      if (refusedBy(result, 'canaries_pkey')) throw fieldProblem('/subject', 'is a canary already', 'conflict')
      if (!result.ok) throw new Problem('conflict', 'It could not be laid out. Try again.')
      forgetCanaries(world)
      return { status: 201, body: await view(world, row) }
    },
  }),
  endpoint({
    ...{ method: 'GET', path: '/v1/canaries', name: 'listCanaries', tag, auth: 'secret', action: 'canaries.read' },
    summary: 'List your canaries and who used them',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'All of them.', schema: z.object({ object: z.literal('list'), data: z.array(shape) }) } },
    handle: async ({ world, caller }) => {
      const rows = await world.store.find(canaries, { state: 'on', tenant: caller.tenant }, canariesMax)
      const data = await Promise.all(rows.filter(one => one.mode === caller.mode).map(one => view(world, one)))
      return { status: 200, body: { object: 'list', data } }
    },
  }),
  endpoint({
    ...{ method: 'DELETE', path: '/v1/canaries/{id}', name: 'removeCanary', tag, auth: 'secret', action: 'canaries.write', fourEyes: true },
    summary: 'Take a canary away; its uses stay',
    params: z.strictObject({ id: subject }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'As it was.', schema: shape } },
    handle: async ({ world, caller }, { params }) => {
      const row = await world.store.get(canaries, { state: 'on', tenant: caller.tenant, subject: params.id })
      if (row === undefined || row.mode !== caller.mode) throw new Problem('not_found', 'There is no canary by that id.')
      if (!(await world.store.commit([remove(canaries, row)])).ok) throw new Problem('conflict', 'Somebody else took it away.')
      forgetCanaries(world)
      return { status: 200, body: await view(world, row) }
    },
  }),
]

/** Throwing kill switches, by whoever holds a tenant's secret key, for that tenant. The deployment's own are thrown from its command line. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { text } from '../http/schemas.ts'
import { features } from './switches.ts'
import type { SwitchRow } from './tables.ts'
import { switchesOfTenant, switchOff, switchOn } from './throwSwitch.ts'

const kinds = ['channel', 'tenant', 'bin', 'feature'] as const
const about = {
  kind: z.enum(kinds),
  value: z.string().max(60).describe('A channel, leading digits (6 to 8), a feature; of a tenant its own id.'),
}
const shape = z
  .object({
    object: z.literal('kill_switch'),
    livemode: z.boolean(),
    ...about,
    of: z.enum(['tenant', 'deployment']),
    reason: z.string(),
    set_at: z.iso.datetime(),
  })
  .meta({ id: 'KillSwitch' })
const described = { tag: 'Safeguards', auth: 'secret', params: nothing, query: nothing, path: '/v1/kill_switches' } as const

export const switchEndpoints: readonly Endpoint[] = [
  endpoint({
    ...described,
    method: 'GET',
    name: 'listKillSwitches',
    action: 'safeguards.read',
    summary: 'What is switched off at the moment',
    body: nothing,
    answers: {
      200: { description: 'Your own, and the deployment’s.', schema: z.object({ object: z.literal('list'), data: z.array(shape) }) },
    },
    handle: async ({ world, caller }) => {
      const rows = await switchesOfTenant(world, caller)
      return { status: 200, body: { object: 'list', data: rows.map(view) } }
    },
  }),
  endpoint({
    ...described,
    method: 'POST',
    name: 'throwKillSwitch',
    action: 'safeguards.switch',
    // Off by whoever sees the fire; on again, when two think that it is out.
    fourEyes: ({ body }) => z.looseObject({ off: z.literal(false) }).safeParse(body).success,
    summary: 'Switch a channel, leading digits, a feature or all of your binding off',
    description: `Within two seconds in every process. Features: ${features.join(', ')}. What is owed is still settled, and what is given up is given up.`,
    body: z.strictObject({ ...about, off: z.boolean().describe('false: it is on again.'), reason: text(500) }),
    answers: {
      200: { description: 'Your switches as they are now.', schema: z.object({ object: z.literal('list'), data: z.array(shape) }) },
    },
    handle: async ({ world, caller, requestId }, { body }) => {
      const value = body.kind === 'tenant' ? caller.tenant : body.value
      if (body.kind === 'channel' && !world.channels.has(value)) throw fieldProblem('/value', 'is not a channel here')
      if (body.kind === 'bin' && !/^\d{6,8}$/.test(value)) throw fieldProblem('/value', 'must be 6 to 8 digits')
      if (body.kind === 'feature' && !features.some(one => one === value))
        throw fieldProblem('/value', `must be one of ${features.join(', ')}`)
      const about = { kind: body.kind, value, tenant: caller.tenant, mode: caller.mode }
      const by = { reason: body.reason, request: requestId, by: caller.key }
      const done = await (body.off ? switchOff(world, about, by) : switchOn(world, about, by))
      if (!done) throw new Problem('conflict', 'somebody else threw it at the same moment')
      return { status: 200, body: { object: 'list', data: (await switchesOfTenant(world, caller)).map(view) } }
    },
  }),
]

const view = (row: SwitchRow) => ({
  object: 'kill_switch' as const,
  livemode: row.mode === 'live',
  kind: row.kind,
  value: row.value,
  of: row.tenant === '*' ? ('deployment' as const) : ('tenant' as const),
  reason: row.reason,
  set_at: new Date(row.set_at).toISOString(),
})

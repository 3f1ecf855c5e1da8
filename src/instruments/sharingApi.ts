/** A tenant's own limit on how many of its customers may have one card or account. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { insert, move, remove } from '../world/store.ts'
import { customersDefault, customersMost, forgetLimits, sharingLimits } from './sharing.ts'

const most = z.int('must be a whole number').min(1, 'must be at least 1').max(customersMost, `must be at most ${customersMost}`)
const shape = z
  .object({
    object: z.literal('sharing_limit'),
    livemode: z.boolean(),
    customers_max: z.int(),
    default: z.boolean().describe("It is the deployment's, not the tenant's own."),
  })
  .meta({ id: 'SharingLimit' })
const described = { tag: 'Instruments', auth: 'secret', params: nothing, query: nothing, path: '/v1/sharing_limit' } as const
const answers = { 200: { description: 'The limit.', schema: shape } }

export const sharingEndpoints: readonly Endpoint[] = [
  endpoint({
    ...described,
    method: 'GET',
    name: 'getSharingLimit',
    action: 'instruments.read',
    summary: 'How many customers may have one card or account',
    body: nothing,
    answers,
    handle: async ({ world, caller: { tenant, mode } }) => {
      const row = await world.store.get(sharingLimits, { tenant, mode })
      const customers_max = row?.customers_max ?? world.settings.customersPerInstrument ?? customersDefault
      return { status: 200, body: { object: 'sharing_limit', livemode: mode === 'live', customers_max, default: row === undefined } }
    },
  }),
  endpoint({
    ...described,
    method: 'POST',
    name: 'setSharingLimit',
    action: 'policies.write',
    fourEyes: true,
    summary: 'Set how many customers may have one card or account',
    description: 'For binds from now on; who has one keeps it. `null`: as the deployment says.',
    body: z.strictObject({ customers_max: most.nullable() }),
    answers,
    handle: async ({ world, caller: { tenant, mode } }, { body }) => {
      const row = await world.store.get(sharingLimits, { tenant, mode })
      const wanted = body.customers_max
      const change =
        wanted === null
          ? row === undefined
            ? []
            : [remove(sharingLimits, row)]
          : [
              row === undefined
                ? insert(sharingLimits, { tenant, mode, customers_max: wanted })
                : move(sharingLimits, row, { customers_max: wanted }),
            ]
      if (!(await world.store.commit(change)).ok) throw new Problem('conflict', 'the limit was changed by somebody else')
      forgetLimits(world)
      const customers_max = wanted ?? world.settings.customersPerInstrument ?? customersDefault
      return { status: 200, body: { object: 'sharing_limit', livemode: mode === 'live', customers_max, default: wanted === null } }
    },
  }),
]

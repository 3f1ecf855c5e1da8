/** The endpoint of a card's versions. */
import { z } from 'zod'
import { type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { readInstrument } from './api.ts'
import { instrumentParams } from './schemas.ts'
import { versionsOf } from './versions.ts'

const versionsShape = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        version: z.int().nullable().describe('Under which the vault has it sealed; null: nobody told us its number.'),
        last4: z.string().nullable(),
        expiry_month: z.int().nullable(),
        expiry_year: z.int().nullable(),
        since: z.iso.datetime(),
        by: z.string().describe('`customer`, `updater:<name>`, or the channel that told: `stripe:test`.'),
        current: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'CardVersions' })

export const versionEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/versions',
    name: 'getInstrumentVersions',
    summary: "Every number and end that an instrument's card had",
    description: 'A reissued card is a new version of the same instrument. Of what is no card there are none.',
    tag: 'Instruments',
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Oldest first.', schema: versionsShape } },
    handle: async (context, { params }) => ({
      status: 200,
      body: { object: 'list', data: await versionsOf(context.world, await readInstrument(context, params.id)) },
    }),
  }),
]

/** Sandbox test clocks: the time of the customers that are attached to one. It only moves forward, and only when it is told to. `advance.ts` moves it. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { id, timestamp } from '../http/schemas.ts'
import { insert } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import { nextId } from '../world/world.ts'
import { advance, type Step } from './advance.ts'
import { clocks } from './tables.ts'

const tag = 'Test clocks'
const params = z.strictObject({ id: id('clk') })
const shape = z
  .object({ id: z.string(), object: z.literal('test_clock'), now: z.iso.datetime(), created_at: z.iso.datetime() })
  .meta({ id: 'TestClock' })
const shown = { description: 'The clock.', schema: shape }
const stepShape = z
  .object({
    at: z.iso.datetime().describe('What the clock showed.'),
    what: z
      .string()
      .describe(
        '`instrument.<kind of moment>`, `token.lapsed`, `news.<kind>`, `session`, `update.queued`, or the verb of an operation and what was done about it.',
      ),
    instrument: z.string().optional(),
    binding: z.string().optional(),
    operation: z.string().optional(),
    outcome: z.string().describe('The status that the instrument, binding, session or news has after it.'),
  })
  .meta({ id: 'TestClockStep' })
const advancedShape = shape
  .extend({
    complete: z
      .boolean()
      .describe(
        'False: more falls due before `to`, or a channel has still to answer, and the clock stands where it got to; call again to go on.',
      ),
    steps: z.array(stepShape),
  })
  .meta({ id: 'TestClockAdvanced' })

const view = (row: Omit<Row<typeof clocks>, 'version'>) => ({
  id: row.id,
  object: 'test_clock' as const,
  now: new Date(row.now_at).toISOString(),
  created_at: new Date(row.created_at).toISOString(),
})

export const clockEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/test_clocks',
    name: 'createTestClock',
    summary: 'Create a test clock',
    description: 'Customers created with it live in its time. Test mode only.',
    tag,
    auth: 'secret',
    action: 'sandbox.use',
    params: nothing,
    query: nothing,
    body: z.strictObject({ now: timestamp.optional().describe('Where it starts; the real time without it.') }),
    answers: { 201: shown },
    handle: async (context, { body }) => {
      const { world, caller } = context
      if (caller.mode !== 'test') throw new Problem('forbidden', 'time is real in live mode')
      const now = world.now()
      const row = { tenant: caller.tenant, id: nextId(world, 'clk'), now_at: body.now ?? now, created_at: now, held_until: null }
      await world.store.commit([insert(clocks, row)])
      return { status: 201, body: view(row) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/test_clocks/{id}',
    name: 'getTestClock',
    summary: 'Read a test clock',
    tag,
    auth: 'secret',
    action: 'sandbox.use',
    params,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async (context, input) => ({ status: 200, body: view(await readClock(context, input.params.id)) }),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/test_clocks/{id}/advance',
    name: 'advanceTestClock',
    summary: 'Move a test clock forward',
    description:
      'Everything that falls due on the clock until then is done, in order of its due time, and reported: the clock goes from one such moment to the next. At most 200 steps a call.',
    tag,
    auth: 'secret',
    action: 'sandbox.use',
    params,
    query: nothing,
    body: z.strictObject({ to: timestamp }),
    answers: { 200: { description: 'The clock, and what fell due.', schema: advancedShape } },
    handle: async (context, input) => {
      const { clock, complete, steps } = await advance(context.world, await readClock(context, input.params.id), input.body.to)
      return { status: 200, body: { ...view(clock), complete, steps: steps.map(viewStep) } }
    },
  }),
]

const viewStep = ({ at, what, instrument, binding, operation, outcome }: Step) => ({
  at: new Date(at).toISOString(),
  what,
  instrument,
  binding,
  operation,
  outcome,
})

async function readClock(context: Context, clock: string): Promise<Row<typeof clocks>> {
  const { world, caller } = context
  const row = caller.mode === 'test' ? await world.store.get(clocks, { tenant: caller.tenant, id: clock }) : undefined
  if (row === undefined) throw new Problem('not_found', 'no such test clock')
  return row
}

/** Sandbox test clocks: the time of the customers that are attached to one. It only moves forward, and only when it is told to. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { id, timestamp } from '../http/schemas.ts'
import { insert, move } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import { nextId } from '../world/world.ts'
import { clocks } from './tables.ts'

const tag = 'Test clocks'
const params = z.strictObject({ id: id('clk') })
const shape = z
  .object({ id: z.string(), object: z.literal('test_clock'), now: z.iso.datetime(), created_at: z.iso.datetime() })
  .meta({ id: 'TestClock' })
const shown = { description: 'The clock.', schema: shape }
/** Ten years: beyond it nothing that is bound today is alive. */
const advanceMaxMs = 10 * 366 * 24 * 3_600_000

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
    params: nothing,
    query: nothing,
    body: z.strictObject({ now: timestamp.optional().describe('Where it starts; the real time without it.') }),
    answers: { 201: shown },
    handle: async (context, { body }) => {
      const { world, caller } = context
      if (caller.mode !== 'test') throw new Problem('forbidden', 'time is real in live mode')
      const row = { tenant: caller.tenant, id: nextId(world, 'clk'), now_at: body.now ?? world.now(), created_at: world.now() }
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
    tag,
    auth: 'secret',
    params,
    query: nothing,
    body: z.strictObject({ to: timestamp }),
    answers: { 200: shown },
    handle: async (context, input) => {
      const row = await readClock(context, input.params.id)
      const { to } = input.body
      if (to <= row.now_at) throw fieldProblem('/to', 'must be after the time the clock shows')
      if (to > row.now_at + advanceMaxMs) throw fieldProblem('/to', 'must be at most ten years ahead of the clock')
      const result = await context.world.store.commit([move(clocks, row, { now_at: to })])
      if (!result.ok) throw new Problem('conflict', 'the clock was moved by somebody else')
      return { status: 200, body: view({ ...row, now_at: to }) }
    },
  }),
]

async function readClock(context: Context, clock: string): Promise<Row<typeof clocks>> {
  const { world, caller } = context
  const row = caller.mode === 'test' ? await world.store.get(clocks, { tenant: caller.tenant, id: clock }) : undefined
  if (row === undefined) throw new Problem('not_found', 'no such test clock')
  return row
}

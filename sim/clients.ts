/** What callers do: they bind cards, come back from challenges, bind elsewhere and unbind; they time out and ask again with the same key. */
import { createSecretKey } from 'node:crypto'
import { z } from 'zod'
import { Problem } from '../src/core/problem.ts'
import type { Answer, Context, Endpoint } from '../src/http/endpoint.ts'
import { answerOnce, inputHash, noOnce, type Rendered } from '../src/http/idempotency.ts'
import { renderProblem } from '../src/http/problems.ts'
import { instrumentEndpoints } from '../src/instruments/api.ts'
import { channelEndpoints } from '../src/instruments/channelsApi.ts'
import { clockEndpoints } from '../src/instruments/clocks.ts'
import { customerEndpoints } from '../src/instruments/customers.ts'
import { doorEndpoints } from '../src/instruments/doors.ts'
import { giveUpEndpoints } from '../src/instruments/giveUpApi.ts'
import { work } from '../src/safeguards/proof.ts'
import { switchEndpoints } from '../src/safeguards/switchApi.ts'
import { sweepEndpoints } from '../src/sweeps/api.ts'
import { Unavailable } from '../src/world/store.ts'
import { nextId } from '../src/world/world.ts'
import type { Process, Simulated } from './world.ts'
import { tenant } from './world.ts'

const all = [
  ...[...instrumentEndpoints, ...customerEndpoints, ...clockEndpoints, ...sweepEndpoints],
  ...[...channelEndpoints, ...doorEndpoints, ...giveUpEndpoints, ...switchEndpoints],
]

export function endpointNamed(name: string): Endpoint {
  const found = all.find(one => one.name === name)
  if (found === undefined) throw new TypeError(`no endpoint ${name}`)
  return found
}

export type Asked = {
  readonly name: string
  readonly params?: unknown
  readonly query?: unknown
  readonly body?: unknown
  readonly raw?: Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly key?: string
}
export type Told = {
  readonly status: number
  readonly body: unknown
  readonly text: string
  readonly replayed: boolean
  readonly headers: Readonly<Record<string, string>>
}

/** One request to the server that runs now, as http/serve.ts would take it. Never settles if the server dies meanwhile. */
export async function once(process: Process, asked: Asked): Promise<Told> {
  const endpoint = endpointNamed(asked.name)
  const { world } = process
  const requestId = nextId(world, 'req')
  const caller = { tenant, mode: 'test' as const, kind: 'secret' as const, key: 'key_sim', role: 'owner' as const, person: null }
  const render = (answer: Answer): Rendered => ({
    status: answer.status,
    text: JSON.stringify(answer.body ?? null),
    headers: answer.headers,
    replayed: false,
  })
  const problem = (one: Problem): Rendered => renderProblem(world.settings.publicUrl, requestId, one)
  try {
    const act = endpoint.prepare({
      params: asked.params ?? {},
      query: asked.query ?? {},
      body: asked.body ?? {},
      raw: asked.raw ?? Buffer.alloc(0),
      headers: asked.headers ?? {},
    })
    const context: Omit<Context, 'once'> = { world, caller, requestId, peerAddress: '203.0.113.7' }
    if (asked.key === undefined) return told(render(await act({ ...context, once: noOnce })))
    const hash = inputHash(createSecretKey(world.settings.idempotencyKey), {
      method: endpoint.method,
      url: JSON.stringify(asked.params ?? {}),
      name: endpoint.name,
      body: JSON.parse(JSON.stringify(asked.body ?? {})),
    })
    return told(await answerOnce({ endpoint, context, key: asked.key, hash, act, render, renderProblem: problem }))
  } catch (error) {
    if (error instanceof Problem) return told(problem(error))
    if (error instanceof Unavailable) return told(problem(new Problem('unavailable', 'out of reach')))
    throw error
  }
}

const told = (rendered: Rendered): Told => ({
  status: rendered.status,
  body: JSON.parse(rendered.text),
  text: rendered.text,
  replayed: rendered.replayed,
  headers: rendered.headers ?? {},
})

const patienceMs = 40_000
const triesMax = 60

/** Asks until there is an answer that is not "try again": what a careful caller does. Undefined if there never was one. */
export async function ask(simulated: Simulated, asked: Asked, most = triesMax): Promise<Told | undefined> {
  const { scheduler } = simulated
  for (let tries = 0; tries < most; tries += 1) {
    const process = simulated.server()
    const answer = await Promise.race([
      once(process, asked).catch(error => {
        simulated.note(`bug: ${error instanceof Error ? error.stack : String(error)}`)
        throw error
      }),
      process.life.end.then(() => undefined),
      scheduler.sleep(patienceMs).then(() => undefined),
    ])
    if (answer !== undefined && answer.status < 500 && answer.status !== 429 && !isRunning(answer))
      return (await worked(simulated, asked, answer)) ?? answer
    await scheduler.sleep(500 + scheduler.chance() * 2_000)
  }
  return undefined
}

/** Most callers have their browser do the work that is wanted, and ask anew. */
async function worked(simulated: Simulated, asked: Asked, answer: Told): Promise<Told | undefined> {
  const wanted = answer.status === 428 ? workWanted.safeParse(answer.body).data?.errors[0]?.detail : undefined
  if (wanted === undefined || simulated.scheduler.chance() < 0.2) return undefined
  const { key, body, ...rest } = asked
  const proven = { ...z.record(z.string(), z.unknown()).parse(body), proof: work(wanted) }
  return ask(simulated, { ...rest, body: proven, ...(key === undefined ? {} : { key: `${key}-worked` }) })
}
const workWanted = z.object({ code: z.literal('proof_wanted'), errors: z.array(z.object({ detail: z.string() })).min(1) })

const isRunning = (answer: Told): boolean =>
  answer.status === 409 && problemShape.safeParse(answer.body).data?.code === 'idempotency_in_progress'
const problemShape = z.object({ code: z.string() })

/**
 * The same request again gets the same answer. Nothing is read beforehand: the claim of a key is an insert, and its refusal by the
 * primary key is how a repetition is noticed. What a key was used for stands beside it as a keyed hash of the whole input.
 */
import { createHmac, type KeyObject } from 'node:crypto'
import { fieldProblem, Problem, problems } from '../core/problem.ts'
import { type Committed, insert, type Move, refusedBy, remove, move as toMove, type Write } from '../world/store.ts'
import type { NewRow } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { type Answer, type Context, type Endpoint, type Once, OnceTaken, onceConstraint, type Pieces } from './endpoint.ts'
import type { Json } from './json.ts'
import { type IdempotencyRow, idempotency } from './tables.ts'

/** A request that runs longer than this is taken for dead, and its repetition may take over. */
export const leaseMs = 60_000
/** How long a key is remembered: 30 days, as Stripe's v2 API keeps it. */
export const keptMs = 30 * 24 * 60 * 60 * 1000
const takeOversMax = 3

/** An answer as it goes out. */
export type Rendered = {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly replayed: boolean
  /** Follow `text`; such an answer is never kept. */
  readonly pieces?: Pieces
}

export type OnceWork = {
  readonly endpoint: Pick<Endpoint, 'name' | 'once' | 'recover'>
  /** Without `once`: this layer adds it. */
  readonly context: Omit<Context, 'once'>
  readonly key: string
  readonly hash: string
  readonly act: (context: Context) => Promise<Answer>
  /** How an answer, or a problem thrown by `act`, goes out. */
  readonly render: (answer: Answer) => Rendered
  readonly renderProblem: (problem: Problem) => Rendered
}

/** The header's key: bare or quoted, 1 to 255 visible ASCII characters without quote and backslash. */
export function readKey(header: string): string {
  const key = header.length > 1 && header.startsWith('"') && header.endsWith('"') ? header.slice(1, -1) : header
  if (!/^[!#-[\]-~]{1,255}$/.test(key))
    throw fieldProblem('header/idempotency-key', 'The key is 1 to 255 visible ASCII characters, without quotes and backslashes inside.')
  return key
}

/** What the key was used for: method, address, endpoint and body, under a key of this deployment. `secret`: a KeyObject, six times as fast as bytes. */
export function inputHash(
  secret: KeyObject,
  input: { readonly method: string; readonly url: string; readonly name: string; readonly body: Json | undefined },
): string {
  const head = `${input.method}\n${input.name}\n${input.url}\n`
  return createHmac('sha256', secret)
    .update(input.body === undefined ? head : head + canonical(input.body))
    .digest('hex')
}

/** One spelling of a JSON value: names sorted, texts preceded by their length instead of quoted. */
export function canonical(value: Json): string {
  if (typeof value === 'string') return `s${value.length}:${value}`
  if (typeof value !== 'object' || value === null) return `${value};`
  if (Array.isArray(value)) {
    let out = `l${value.length}:`
    for (const one of value) out += canonical(one)
    return out
  }
  const fields = Object.entries(value)
  if (fields.length > 1) fields.sort(byName)
  let out = `o${fields.length}:`
  for (const [name, one] of fields) out += `${name.length}:${name}${canonical(one)}`
  return out
}
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

export const noOnce: Once = Object.freeze({ claim: () => [], answer: () => [], whole: () => [] })

export function answerOnce(work: OnceWork): Promise<Rendered> {
  return work.endpoint.once === 'own' ? own(work) : wrapped(work)
}

const keyOf = ({ context, key }: OnceWork) => ({ tenant: context.caller.tenant, mode: context.caller.mode, key })
const read = (work: OnceWork): Promise<IdempotencyRow | undefined> => work.context.world.store.get(idempotency, keyOf(work))
const commit = (work: OnceWork, writes: readonly Write[]): Promise<Committed> => work.context.world.store.commit(writes)

function claimRow(work: OnceWork, resource: string | null): NewRow<typeof idempotency> {
  const now = work.context.world.now()
  return {
    ...keyOf(work),
    endpoint: work.endpoint.name,
    hash: work.hash,
    state: 'running',
    request: work.context.requestId,
    resource,
    status: null,
    headers: null,
    body: null,
    created_at: now,
    lease_until: now + leaseMs,
    due_at: now + keptMs,
    clock: null,
  }
}

/** What a kept answer tells of: the first instrument or customer that it names. An erasure finds it by this. */
const about = /\b(?:ins|cus)_[0-9a-hjkmnp-tv-z]{26}/
const done = ({ status, headers, text }: Rendered) => {
  const named = about.exec(text)?.[0]
  const resource = named === undefined ? {} : { resource: named }
  return { state: 'done' as const, status, headers: headers ?? null, body: text, ...resource }
}
const doneMove = (work: OnceWork, version: number, answer: Rendered): Move => ({
  verb: 'move',
  table: idempotency,
  key: keyOf(work),
  version,
  set: done(answer),
})

/** The use case carries claim and answer in its own commits. */
async function own(work: OnceWork): Promise<Rendered> {
  const state: { claimed: boolean; kept: Answer | undefined; text: Rendered | undefined } = {
    claimed: false,
    kept: undefined,
    text: undefined,
  }
  const keep = (answer: Answer): Rendered => {
    state.kept = answer
    state.text = work.render(answer)
    return state.text
  }
  const once: Once = {
    claim: resource => {
      state.claimed = true
      return [insert(idempotency, claimRow(work, resource))]
    },
    answer: answer => [doneMove(work, 1, keep(answer))],
    whole: answer => {
      state.claimed = true
      return [insert(idempotency, { ...claimRow(work, null), ...done(keep(answer)) })]
    },
  }
  try {
    const answer = await work.act({ ...work.context, once })
    if (answer.toldOnce === true) return work.render(answer)
    if (state.kept === answer && state.text !== undefined) return state.text
    return await keepLate(work, work.render(answer))
  } catch (error) {
    if (error instanceof OnceTaken) return retold(work)
    return afterFailure(work, error)
  }
}

/** An answer the use case did not put into a commit is kept in one of its own. */
async function keepLate(work: OnceWork, answer: Rendered): Promise<Rendered> {
  const row = await read(work)
  if (row !== undefined && row.request !== work.context.requestId) return retold(work)
  if (answer.status >= 500) return answer
  const result = await commit(work, [
    row === undefined ? insert(idempotency, { ...claimRow(work, null), ...done(answer) }) : doneMove(work, row.version, answer),
  ])
  return refusedBy(result, onceConstraint) ? retold(work) : answer
}

/**
 * A repetition may fail where the first request passed, because that one used up what it was about: then the first answer counts. If
 * this request had claimed the key itself, the claim lapses at once, and a repetition recovers.
 */
async function afterFailure(work: OnceWork, error: unknown): Promise<Rendered> {
  const row = await read(work).catch(() => {
    throw error
  })
  if (row === undefined) throw error
  if (row.request !== work.context.requestId) return retold(work)
  if (row.state === 'running') await commit(work, [toMove(idempotency, row, { lease_until: work.context.world.now() })])
  throw error
}

/** The server carries claim and answer in commits of their own, around the handler. */
async function wrapped(work: OnceWork): Promise<Rendered> {
  const result = await commit(work, [insert(idempotency, claimRow(work, null))])
  if (!result.ok) {
    if (refusedBy(result, onceConstraint)) return retold(work)
    throw new TypeError('an idempotency claim was refused by something else than its key')
  }
  return finish(work, 1, () => work.act({ ...work.context, once: noOnce }))
}

/** Runs what the key stands for and keeps the answer. What may pass is not kept: a 5xx, or a problem that invites to try again. */
async function finish(work: OnceWork, version: number, act: () => Promise<Answer>): Promise<Rendered> {
  let answer: Rendered
  try {
    answer = work.render(await act())
  } catch (error) {
    if (!(error instanceof Problem) || problems[error.code].retryable) {
      await release(work, version)
      throw error
    }
    answer = work.renderProblem(error)
  }
  if (answer.status >= 500) await release(work, version)
  else await commit(work, [doneMove(work, version, answer)])
  return answer
}

/** Gives the key back: a claim with a resource lapses (its repetition recovers), one without is forgotten. */
async function release(work: OnceWork, version: number): Promise<void> {
  const row = await read(work).catch(() => undefined)
  if (row === undefined || row.version !== version) return
  const write = row.resource === null ? remove(idempotency, row) : toMove(idempotency, row, { lease_until: work.context.world.now() })
  // If even this fails the lease lapses by itself, a minute later.
  await commit(work, [write]).catch(() => undefined)
}

/** The key is taken: tells what the first request was told, or takes over from one that died. */
async function retold(work: OnceWork): Promise<Rendered> {
  const { world, requestId } = work.context
  for (let attempt = 0; attempt < takeOversMax; attempt += 1) {
    const row = await read(work)
    if (row === undefined) break
    if (row.hash !== work.hash)
      throw fieldProblem('header/idempotency-key', 'This key was used with another request; use a new one.', 'idempotency_mismatch')
    if (row.state === 'done') return { status: row.status ?? 200, text: row.body ?? '', headers: row.headers ?? undefined, replayed: true }
    if (row.lease_until > world.now()) break
    const taken = await commit(work, [toMove(idempotency, row, { lease_until: world.now() + leaseMs, request: requestId })])
    if (taken.ok) return finish(work, row.version + 1, () => again(work, row.resource))
  }
  throw new Problem('idempotency_in_progress', 'The first request with this key is still running; try again shortly.', {
    retryAfterSeconds: 1,
  })
}

function again(work: OnceWork, resource: string | null): Promise<Answer> {
  const context = { ...work.context, once: noOnce }
  if (resource === null || work.endpoint.recover === undefined) return work.act(context)
  return work.endpoint.recover(context, resource)
}

/** Forgets keys older than 30 days; gives how many. Call until it gives fewer than `limit`. */
export async function pruneIdempotency(world: Pick<World, 'now' | 'store'>, limit = 500): Promise<number> {
  const rows = await world.store.due(idempotency, { now: world.now(), clock: null, limit })
  if (rows.length === 0) return 0
  await world.store.commit(rows.map(row => remove(idempotency, row)))
  return rows.length
}

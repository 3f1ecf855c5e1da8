/**
 * One declaration of an endpoint gives validation, types, OpenAPI, docs and (later) SDK and CLI. The list of all is src/endpoints.ts.
 */
import { z } from 'zod'
import { type FieldError, Problem } from '../core/problem.ts'
import type { Write } from '../world/store.ts'
import type { Mode, World } from '../world/world.ts'
import { pointerOf } from './pointer.ts'
import type { Action, Role } from './role.ts'

export type Caller = {
  readonly tenant: string
  readonly mode: Mode
  readonly kind: 'secret' | 'publishable'
  /** The key's id. */
  readonly key: string
  readonly role: Role
  /** Who uses the key, as whoever made it said; null: nobody in particular. */
  readonly person: string | null
}

/** `body`: data for JSON; a text or bytes where the endpoint declares another type; pieces of one where it is too large to be held at once. */
export type Answer = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Holds a key that is told once: under an Idempotency-Key only what the use case itself committed is kept, never this. */
  readonly toldOnce?: true
}
export type Pieces = AsyncIterable<string | Buffer>

/**
 * The Idempotency-Key of one request. An endpoint with `once: 'wrapped'` (the default for POST) knows nothing of it: the server commits
 * the claim before the handler and the answer after it. One with `once: 'own'` puts `claim` into its first commit and `answer` into its
 * last, so that the key costs no commit of its own. Without the header both give no writes.
 */
export type Once = {
  /** Goes into the first commit. `resource`: what a retry after a crash is answered with, through the endpoint's `recover`. */
  claim(resource: string): readonly Write[]
  /**
   * Goes into the commit that decides the answer. If that commit is refused by `onceMovedConstraint` (the lease lapsed and a repetition
   * took over), commit again without it: what happened must not depend on who is told.
   */
  answer(answer: Answer): readonly Write[]
  /** For a use case that has one commit only: claim and answer together, instead of the two above. */
  whole(answer: Answer): readonly Write[]
}

/** The constraint that refuses a claim: another request holds, or has used, this Idempotency-Key. */
export const onceConstraint = 'idempotency_pkey'
export const onceMovedConstraint = 'idempotency_version'

/**
 * Thrown by a use case whose first commit was refused by `onceConstraint`. Nothing was written; the server then answers with what the
 * first request was told (or 409 while it runs, 422 if it was another request).
 */
export class OnceTaken extends Error {
  override readonly name = 'OnceTaken'
}

export type Context = {
  readonly world: World
  readonly caller: Caller
  readonly requestId: string
  readonly once: Once
  readonly peerAddress: string | undefined
  /** Of an endpoint for pages of other origins: whatever is answered from now on, a problem too, may be read by pages of this one. */
  readonly permitOrigin?: (origin: string) => void
}

export type RawInput = {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  /** The bytes as they came; only where the endpoint asks for them with `rawBody`. */
  readonly raw: Buffer
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** `admit` throws for whoever may not come in, before anything else of the request is looked at. */
export type Bearer = {
  readonly name: 'clientSecret' | 'portalToken'
  readonly admit: (context: Omit<Context, 'once'>, headers: RawInput['headers']) => Promise<void>
  /** Pages of other origins may call it; which ones `admit` decides. */
  readonly crossOrigin: boolean
}

/** Who may come in. An endpoint that asks for a key without naming an action does not compile. */
type Admitted =
  /** secret: secret key only · publishable: either kind */
  | { readonly auth: 'secret' | 'publishable'; readonly action: Action; readonly bearer?: undefined }
  /** No key (webhooks in, browser returns), or a bearer's own secret instead of one. */
  | { readonly auth: 'none'; readonly action?: undefined; readonly bearer?: Bearer | undefined }

type Described = Admitted & {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/v1/instruments/{id}` */
  readonly path: string
  /** `bindInstrument`: stable, unique; the SDK's and CLI's name. */
  readonly name: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  /** In live mode it takes two persons (fourEyes.ts): always, or where a valid input says so. */
  readonly fourEyes?: true | ((input: Pick<RawInput, 'params' | 'body'>, mode: Mode) => boolean)
  /** Its answers are not looked at for card numbers (withhold.ts): why. */
  readonly unwatched?: string
  /** No JSON is parsed; the handler gets `input.raw` (webhooks in, parts of files). */
  readonly rawBody?: true
  /** Of this endpoint alone, where the server's limit is too small. */
  readonly bodyBytesMax?: number
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType; readonly contentType?: string }>>
  readonly once?: 'wrapped' | 'own'
  /** For `once: 'own'`: the answer for a resource whose first request died between its commits. */
  readonly recover?: (context: Context, resource: string) => Promise<Answer>
}

/** All three are stated; `nothing` where there is nothing (an unknown parameter is then refused by name). */
type Shapes<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = { readonly params: P; readonly query: Q; readonly body: B }
export const nothing = z.strictObject({})

/**
 * What the list of endpoints holds. `prepare` validates all three parts (throws a `Problem` that names every field at fault) and gives
 * what is then to be done; `run` does both.
 */
export type Endpoint = Described &
  Shapes<z.ZodType, z.ZodType, z.ZodType> & {
    readonly prepare: (input: RawInput) => (context: Context) => Promise<Answer>
    readonly run: (context: Context, input: RawInput) => Promise<Answer>
  }

export function endpoint<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  of: Described &
    Shapes<P, Q, B> & {
      readonly handle: (
        context: Context,
        input: {
          readonly params: z.output<P>
          readonly query: z.output<Q>
          readonly body: z.output<B>
          readonly raw: Buffer
          readonly headers: RawInput['headers']
        },
      ) => Promise<Answer>
    },
): Endpoint {
  const { handle, ...described } = of
  const prepare: Endpoint['prepare'] = input => {
    const params = of.params.safeParse(input.params)
    const query = of.query.safeParse(input.query)
    const body = of.body.safeParse(input.body)
    if (!params.success || !query.success || !body.success)
      throw invalid([...faults(params, 'path/'), ...faults(query, 'query/'), ...faults(body, '/')])
    const parsed = { params: params.data, query: query.data, body: body.data, raw: input.raw, headers: input.headers }
    return context => handle(context, parsed)
  }
  return { ...described, prepare, run: async (context, input) => prepare(input)(context) }
}

/** So many faults are told at once; the rest is only counted. */
const faultsMax = 20

function invalid(errors: readonly FieldError[]): Problem {
  const told = errors.slice(0, faultsMax)
  const more = errors.length > told.length ? `; and ${errors.length - told.length} more` : ''
  return new Problem('invalid_request', told.map(one => `${one.pointer}: ${one.detail}`).join('; ') + more, { errors: told })
}

/** Whether an Idempotency-Key means something here: POST always, others where they say so. */
export const keepsKeys = (of: Pick<Endpoint, 'once' | 'method'>): boolean => of.once !== undefined || of.method === 'POST'

type Parsed = { readonly success: boolean; readonly error?: z.ZodError | undefined }

/** What is wrong with one part. Messages come from the schema, never from the input; unknown names are told one by one. */
function faults(parsed: Parsed, prefix: string): FieldError[] {
  const errors: FieldError[] = []
  for (const issue of parsed.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys')
      for (const name of issue.keys) errors.push({ pointer: pointerOf([...issue.path, name], prefix), detail: 'There is no such field.' })
    else {
      const detail = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
      errors.push({ pointer: pointerOf(issue.path, prefix), detail })
    }
  }
  return errors
}

/**
 * One declaration of an endpoint gives validation, types, OpenAPI, docs and (later) SDK and CLI. The list of all is src/endpoints.ts.
 */
import { z } from 'zod'
import { type FieldError, Problem } from '../core/problem.ts'
import type { Write } from '../world/store.ts'
import type { Mode, World } from '../world/world.ts'

export type Caller = { readonly tenant: string; readonly mode: Mode; readonly kind: 'secret' | 'publishable'; readonly key: string }

export type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }

/**
 * The Idempotency-Key of one request. An endpoint with `once: 'wrapped'` (the default for POST) knows nothing of it: the server commits
 * the claim before the handler and the answer after it. One with `once: 'own'` puts `claim` into its first commit and `answer` into its
 * last, so that the key costs no commit of its own. Without the header both give no writes.
 */
export type Once = {
  /** Goes into the first commit. `resource`: what a retry after a crash is answered with, through the endpoint's `recover`. */
  claim(resource: string): readonly Write[]
  /** Goes into the commit that decides the answer. */
  answer(answer: Answer): readonly Write[]
}

export type Context = {
  readonly world: World
  readonly caller: Caller
  readonly requestId: string
  readonly once: Once
  readonly peerAddress: string | undefined
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

type Described = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `/v1/instruments/{id}` */
  readonly path: string
  /** `bindInstrument`: stable, unique; the SDK's and CLI's name. */
  readonly name: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  /** secret: secret key only · publishable: either kind · none: no key (webhooks in, browser returns) */
  readonly auth: 'secret' | 'publishable' | 'none'
  /** No JSON is parsed; the handler gets `input.raw` (webhooks in). */
  readonly rawBody?: true
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType; readonly contentType?: string }>>
  readonly once?: 'wrapped' | 'own'
  /** For `once: 'own'`: the answer for a resource whose first request died between its commits. */
  readonly recover?: (context: Context, resource: string) => Promise<Answer>
}

/** All three are stated; `nothing` where there is nothing (an unknown parameter is then refused by name). */
type Shapes<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = { readonly params: P; readonly query: Q; readonly body: B }
export const nothing = z.strictObject({})

/** What the list of endpoints holds. `run` validates all three parts (a `Problem` names every field at fault), then acts. */
export type Endpoint = Described &
  Shapes<z.ZodType, z.ZodType, z.ZodType> & { readonly run: (context: Context, input: RawInput) => Promise<Answer> }

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
  const run: Endpoint['run'] = (context, input) => {
    const errors: FieldError[] = []
    const params = part(of.params, input.params, 'path/', errors)
    const query = part(of.query, input.query, 'query/', errors)
    const body = part(of.body, input.body, '/', errors)
    if (errors.length > 0)
      return Promise.reject(new Problem('invalid_request', errors.map(one => `${one.pointer}: ${one.detail}`).join('; '), { errors }))
    return handle(context, { params: params(), query: query(), body: body(), raw: input.raw, headers: input.headers })
  }
  return { ...described, run }
}

/** Validates one part; collects what is wrong, and gives a reader that is called only if nothing was. */
function part<S extends z.ZodType>(schema: S, value: unknown, prefix: string, errors: FieldError[]): () => z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return () => result.data
  for (const issue of result.error.issues) errors.push({ pointer: prefix + issue.path.map(String).join('/'), detail: issue.message })
  return () => {
    throw new TypeError('read before the errors were reported')
  }
}

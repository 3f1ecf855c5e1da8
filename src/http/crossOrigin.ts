/** Pages of other origins at the few endpoints that are for browsers (Fetch standard, CORS protocol). */
import type { Endpoint } from './endpoint.ts'
import type { Rendered } from './idempotency.ts'

export const isCrossOrigin = (endpoint: Pick<Endpoint, 'bearer'>): boolean => endpoint.bearer?.crossOrigin === true

/** An answer that pages of this origin may read. */
export const readableFrom = (rendered: Rendered, origin: string | undefined): Rendered =>
  origin === undefined
    ? rendered
    : {
        ...rendered,
        headers: {
          ...rendered.headers,
          'access-control-allow-origin': origin,
          'access-control-expose-headers': 'request-id, retry-after',
          vary: 'origin',
        },
      }

/** A preflight carries no secret, so any origin is told what it may try; the endpoint decides when the secret comes. */
export function preflight(origin: string | undefined, methods: string): Rendered {
  const headers = {
    'access-control-allow-methods': methods,
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-max-age': '600',
  }
  const none: Rendered = { status: 204, text: '', headers: { vary: 'origin' }, replayed: false }
  if (origin === undefined || !/^https?:\/\/[a-z0-9.:[\]-]{1,253}$/.test(origin)) return none
  return { ...none, headers: { ...readableFrom(none, origin).headers, ...headers } }
}

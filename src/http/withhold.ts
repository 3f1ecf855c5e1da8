/**
 * The last look at what leaves: no answer of an endpoint holds a card number. There is none in this process to be told, so one that is found is a
 * mistake of ours or somebody's trick; it is masked, counted and told in the log at once. What leaves in pieces cannot be masked (others have its
 * digest): it is cut off.
 */
import { maskCards } from '../core/mask-cards.ts'
import type { Log } from '../world/world.ts'
import type { Endpoint, Pieces } from './endpoint.ts'
import type { Rendered } from './idempotency.ts'
import type { Metrics } from './metrics.ts'

export type Withhold = (
  rendered: Rendered,
  of: { readonly endpoint: Pick<Endpoint, 'name' | 'unwatched'>; readonly request: string },
) => Rendered

/** Of a piece before, so that a number is not divided between two: longer than any, with separators. */
const keptLetters = 64

export function createWithhold({ log, metrics }: { readonly log: Log; readonly metrics: Pick<Metrics, 'withheld'> }): Withhold {
  return (rendered, { endpoint, request }) => {
    if (endpoint.unwatched !== undefined) return rendered
    const alarm = (found: number): void => {
      metrics.withheld(found)
      log.error('a card number was about to leave in an answer', { endpoint: endpoint.name, request, found })
    }
    const { pieces, headers } = rendered
    if (pieces !== undefined) return { ...rendered, pieces: watched(pieces, alarm) }
    const text = maskCards(rendered.text)
    const told = maskHeaders(headers)
    const found = text.found + told.found
    if (found === 0) return rendered
    alarm(found)
    return { ...rendered, text: text.text, headers: told.headers }
  }
}

function maskHeaders(headers: Rendered['headers']): { readonly headers: Rendered['headers']; readonly found: number } {
  let found = 0
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    const masked = maskCards(value)
    out[name] = masked.text
    found += masked.found
  }
  return found === 0 ? { headers, found } : { headers: out, found }
}

async function* watched(pieces: Pieces, alarm: (found: number) => void): Pieces {
  let before = ''
  for await (const piece of pieces) {
    const text = before + (typeof piece === 'string' ? piece : piece.toString('latin1'))
    const { found } = maskCards(text)
    if (found > 0) {
      alarm(found)
      throw new TypeError('a card number stood in what was sent in pieces')
    }
    before = text.slice(-keptLetters)
    yield piece
  }
}

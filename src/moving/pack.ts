/** Rows kept and sent in pieces: one JSON text a line, compressed. */
import { promisify } from 'node:util'
import { deflate, inflate } from 'node:zlib'

const [deflated, inflated] = [promisify(deflate), promisify(inflate)]

/** Quick rather than small: these rows are read once or twice. */
export const pack = (text: string): Promise<Buffer> => deflated(text, { level: 1 })
/** What was packed here: nothing a stranger compressed. */
export const unpack = async (content: Buffer): Promise<string> => (await inflated(content)).toString('utf8')

export const asLines = (values: readonly unknown[]): string => values.map(one => `${JSON.stringify(one)}\n`).join('')
/** The lines of `asLines`, parsed. */
export function* fromLines(text: string): Generator<unknown> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    const parsed: unknown = JSON.parse(text.slice(at, end))
    yield parsed
    at = end + 1
  }
}

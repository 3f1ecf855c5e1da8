/** A file in parts that end where a row ends, as an import takes them; read piece by piece, so that its size does not matter. */
import { csvRecords, recordCharsMax } from './csv.ts'
import type { Format } from './tables.ts'

/** Bytes of a part: well below what an import takes, so that a server is never busy with one for long. */
export const splitBytes = 1024 * 1024
/** A record that may not be whole yet is left for the next part. */
const tailBytes = recordCharsMax * 4

export async function* splitFile(chunks: AsyncIterable<Buffer>, format: Format, bytes = splitBytes): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk])
    while (held.length > bytes + tailBytes) {
      const at = cutOf(held.subarray(0, bytes + tailBytes), format, bytes)
      yield held.subarray(0, at)
      held = held.subarray(at)
    }
  }
  while (held.length > bytes) {
    const at = cutOf(held, format, bytes)
    yield held.subarray(0, at)
    held = held.subarray(at)
  }
  if (held.length > 0) yield held
}

/** The end of the last row that begins before `bytes`. Latin-1 has a character a byte, and the same quotes, commas and line ends. */
function cutOf(piece: Buffer, format: Format, bytes: number): number {
  if (format === 'jsonl') {
    const end = piece.indexOf(10, bytes - 1)
    return end < 0 ? piece.length : end + 1
  }
  for (const record of csvRecords(piece.toString('latin1'))) if (record.to >= bytes) return record.to
  return piece.length
}

/** CRC-32C (Castagnoli), by which PostgreSQL guards each record of its write-ahead log. Node's own `zlib.crc32` is the other polynomial. */

/** Reflected 0x1EDC6F41. */
const polynomial = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  return crc >>> 0
})

/** Of the parts one after the other. */
export function crc32c(parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff
  for (const part of parts) for (let at = 0; at < part.length; at += 1) crc = (crc >>> 8) ^ (table[(crc ^ (part[at] ?? 0)) & 0xff] ?? 0)
  return (crc ^ 0xffffffff) >>> 0
}

/** Random bytes from a pool: one system call for hundreds of initialisation vectors. */
const poolBytes = 16 * 1024

/**
 * `fill`: a cryptographic generator that fills a buffer (`randomFillSync`). What is handed out is a copy of its own, and its place in the
 * pool is zeroed, so that neither can be read again from the other.
 */
export function createRandomPool(fill: (buffer: Buffer) => unknown): (count: number) => Buffer {
  const pool = Buffer.allocUnsafeSlow(poolBytes)
  let at = poolBytes
  return count => {
    if (count > poolBytes / 4) {
      const large = Buffer.allocUnsafeSlow(count)
      fill(large)
      return large
    }
    if (at + count > poolBytes) {
      fill(pool)
      at = 0
    }
    const drawn = Buffer.from(pool.subarray(at, at + count))
    pool.fill(0, at, at + count)
    at += count
    return drawn
  }
}

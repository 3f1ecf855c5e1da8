/** A Merkle tree over a list that only grows (RFC 6962, 2.1). Of what is complete only the roots are kept: one for each bit of the size. */
import { createHash } from 'node:crypto'

/** Roots of the complete subtrees, the largest first: as many as the size has ones in binary. */
export type Frontier = readonly Buffer[]

const leafMark = Buffer.from([0])
const nodeMark = Buffer.from([1])

export const leafHash = (leaf: Buffer): Buffer => createHash('sha256').update(leafMark).update(leaf).digest()
const nodeHash = (left: Buffer, right: Buffer): Buffer => createHash('sha256').update(nodeMark).update(left).update(right).digest()

/** The frontier of `size + 1` leaves. */
export function grown(frontier: Frontier, size: number, leaf: Buffer): Frontier {
  const roots = [...frontier]
  let root = leafHash(leaf)
  for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = roots.pop()
    if (left === undefined) throw new TypeError('the frontier does not fit the size')
    root = nodeHash(left, root)
  }
  return [...roots, root]
}

/** The root hash; of no leaves the hash of nothing. */
export function rootHash(frontier: Frontier): Buffer {
  const [last, ...larger] = frontier.toReversed()
  if (last === undefined) return createHash('sha256').digest()
  return larger.reduce((right, left) => nodeHash(left, right), last)
}

/**
 * What travels over the vault's socket: frames of a 4-byte length (big-endian) and JSON. No frame ever carries a card number or a
 * security code. The first frames prove, both ways, that the other side knows the link key; neither side sends anything before that.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** A batch of answers to `forward` may be large; anything beyond is cut into several frames. */
export const frameBytesMax = 8 * 1024 * 1024
/** Before the proof nobody may make us hold more than this. */
export const helloBytesMax = 1024

/** A call by itself is a frame whose arrival is not acknowledged. */
export type LoneCall = readonly [id: number, verb: string, input: unknown]
/** Calls that share a frame. Its arrival is acknowledged, by the first answers or by an empty frame. */
export type CallFrame = readonly LoneCall[]
export const isLone = (frame: LoneCall | CallFrame): frame is LoneCall => typeof frame[0] === 'number'
/** `[id, result]`, or `[id, kind, message]` where it failed. */
export type FailureKind = 'no_answer' | 'unavailable' | 'gone' | 'bug'
export type Reply = readonly [id: number, result: unknown] | readonly [id: number, kind: FailureKind, message: string]

export function encodeFrame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value))
  const out = Buffer.allocUnsafe(4 + body.length)
  out.writeUInt32BE(body.length)
  body.copy(out, 4)
  return out
}

/** Thrown for a frame that is too long or not JSON: the connection is then of no more use. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

/** Collects bytes, gives whole frames. `bytesMax` may change while it runs. */
export function createFrameReader(bytesMax: () => number): (chunk: Buffer) => readonly unknown[] {
  let held: Buffer = Buffer.alloc(0)
  return chunk => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const frames: unknown[] = []
    while (held.length >= 4) {
      const length = held.readUInt32BE(0)
      if (length > bytesMax()) throw new BadFrame('a frame is too long')
      if (held.length < 4 + length) break
      frames.push(parse(held.toString('utf8', 4, 4 + length)))
      held = held.subarray(4 + length)
    }
    return frames
  }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    throw new BadFrame('a frame is not JSON')
  }
}

/** What one side must send to prove that it knows the link key, given both sides' nonces. */
export function proofOf(linkKey: Buffer, side: 'caller' | 'vault', challenge: string, nonce: string): string {
  return createHmac('sha256', linkKey).update(`bindery vault link 1|${side}|${challenge}|${nonce}`).digest('base64url')
}

export function sameProof(given: string, wanted: string): boolean {
  const one = Buffer.from(given)
  const two = Buffer.from(wanted)
  return one.length === two.length && timingSafeEqual(one, two)
}

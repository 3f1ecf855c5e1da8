/** The address a browser comes back to after a challenge: the operation's id and a keyed proof of it, so that it cannot be guessed. */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { World } from '../world/world.ts'

/** Made once a key: a raw key costs several times the HMAC itself. */
const proofKeys = new WeakMap<Buffer, KeyObject>()
function proofKey({ grantKey }: World['settings']): KeyObject {
  const known = proofKeys.get(grantKey) ?? createSecretKey(grantKey)
  proofKeys.set(grantKey, known)
  return known
}

const proofOf = (world: World, operation: string): string =>
  createHmac('sha256', proofKey(world.settings)).update(`return|${operation}`).digest('base64url').slice(0, 22)

export const returnUrlOf = (world: World, operation: string): string =>
  `${world.settings.publicUrl}/return/${operation}.${proofOf(world, operation)}`

/** The operation a return address belongs to, or undefined if the proof does not fit. */
export function readReturnToken(world: World, token: string): string | undefined {
  const [operation = '', proof = ''] = token.split('.')
  const right = Buffer.from(proofOf(world, operation))
  const given = Buffer.from(proof)
  return right.length === given.length && timingSafeEqual(right, given) ? operation : undefined
}

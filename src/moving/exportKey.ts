/**
 * The key that exports of this deployment are signed with: ed25519, derived (HKDF, RFC 5869) from the deployment's own secret, so that every
 * process has the same one and none keeps it anywhere.
 */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'
import type { World } from '../world/world.ts'

export type ExportKey = { readonly id: string; readonly publicKey: string; readonly private: KeyObject }

/** PKCS #8 and SPKI wrappings of ed25519 keys (RFC 8410): these bytes, then the seed or the public key. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex')

export function exportKey(world: Pick<World, 'settings'>): ExportKey {
  const seed = Buffer.from(hkdfSync('sha256', world.settings.idempotencyKey, '', 'bindery export signature v1', 32))
  const own = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
  const bytes = createPublicKey(own).export({ format: 'der', type: 'spki' }).subarray(spkiHead.length)
  return { id: keyId(bytes), publicKey: bytes.toString('base64'), private: own }
}

const keyId = (bytes: Buffer): string => `exk_${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`

/** Over the manifest's text exactly as it stands in its file. */
export const signManifest = (text: string, key: ExportKey): string => sign(null, Buffer.from(text), key.private).toString('base64')

/** `publicKey`: as `GET /v1/exports/keys` gives it. */
export function isSigned(text: string, signature: string, publicKey: string): boolean {
  const bytes = Buffer.from(publicKey, 'base64')
  if (bytes.length !== 32) return false
  const key = createPublicKey({ key: Buffer.concat([spkiHead, bytes]), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
}

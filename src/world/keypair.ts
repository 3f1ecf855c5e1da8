/** Key pairs by chance, as PEM: what both sides of a sandbox are given. */
import { generateKeyPairSync } from 'node:crypto'

export type PairType = 'rsa-2048' | 'ec-p256'
/** SPKI and PKCS#8. */
export type Pair = { readonly publicKey: string; readonly privateKey: string }

export function newKeyPair(type: PairType): Pair {
  const keys =
    type === 'rsa-2048' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

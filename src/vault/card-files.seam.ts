/** For tests: another vault that sends cards to this one. */
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { createCertificate } from '../channels/certificate.ts'
import { newKeyPair } from '../world/keypair.ts'
import { sealEnvelopeFor } from './envelope.ts'
import { signContent } from './envelope-signature.ts'
import { newAgreementKey } from './own-key.ts'

export type Sender = { readonly certificate: X509Certificate; readonly key: KeyObject; readonly pem: string }

export function newSender(name: string): Sender {
  const keyPair = newKeyPair('ec-p256')
  const { pem } = createCertificate({ keyPair, commonName: name, serial: 7, notBeforeMs: 0, notAfterMs: Date.UTC(2099, 0) })
  return { pem, certificate: new X509Certificate(pem), key: createPrivateKey(keyPair.privateKey) }
}

/** In base64. `text`: whatever is to be inside. `certificate`: for whom. */
export function sealedBy({ certificate, key }: Sender, text: string, recipient: string): string {
  const ports = { random: randomBytes, newKey: () => newAgreementKey(randomBytes) }
  return signContent(certificate, key, sealEnvelopeFor(ports, new X509Certificate(recipient), Buffer.from(text))).toString('base64')
}

export type CardLine = { readonly card: string; readonly number: string; readonly expiry_month: number; readonly expiry_year: number }

export const totalOf = (cards: readonly CardLine[]): string =>
  String(cards.reduce((sum, one, index) => (sum + BigInt(one.number) + BigInt(index + 1)) % 10n ** 14n, 0n))

/** A part as it should be. */
export const partOf = (file: string, cards: readonly CardLine[], more: { readonly part?: number; readonly last?: boolean } = {}): string =>
  [{ card_file: file, part: more.part ?? 1 }, ...cards, { cards: cards.length, hash_total: totalOf(cards), last: more.last ?? true }]
    .map(one => `${JSON.stringify(one)}\n`)
    .join('')

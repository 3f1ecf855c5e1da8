/**
 * A certificate for the PayPal simulator's webhooks: X.509 v3 as RFC 5280 writes it, self-signed, with nothing in it but a name and a key.
 * Written out here in DER, since node:crypto reads certificates and makes none.
 */
import { createPublicKey, sign } from 'node:crypto'

const tag = (kind: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  // X.690, 8.1.3: one byte up to 127, else the number of bytes that the length takes, and these.
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([kind, ...size]), content])
}
const sequence = (...parts: readonly Buffer[]) => tag(0x30, ...parts)
const integer = (bytes: Buffer) => tag(0x02, Buffer.concat([Buffer.from([0]), bytes]))
/** X.690, 8.19: the first two numbers share a byte, the others stand in groups of seven bits. */
function oid(text: string): Buffer {
  const [first = 0, second = 0, ...others] = text.split('.').map(Number)
  const groups = (number: number): readonly number[] => {
    const out = [number % 128]
    for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) out.unshift(128 + (rest % 128))
    return out
  }
  return tag(0x06, Buffer.from([first * 40 + second, ...others.flatMap(groups)]))
}
const time = (text: string) => tag(0x17, Buffer.from(text))

const sha256WithRsa = sequence(oid('1.2.840.113549.1.1.11'), tag(0x05))
const named = (commonName: string) => sequence(tag(0x31, sequence(oid('2.5.4.3'), tag(0x0c, Buffer.from(commonName)))))

/** PEM of a certificate for this key pair (PKCS#8 and SPKI, PEM), good from 2020 to 2049. `serial`: eight bytes. */
export function makeCertificate(
  keys: { readonly privateKey: string; readonly publicKey: string },
  commonName: string,
  serial: Buffer,
): string {
  const name = named(commonName)
  const spki = createPublicKey(keys.publicKey).export({ type: 'spki', format: 'der' })
  const validity = sequence(time('200101000000Z'), time('491231235959Z'))
  const toBeSigned = sequence(tag(0xa0, tag(0x02, Buffer.from([2]))), integer(serial), sha256WithRsa, name, validity, name, spki)
  const signature = sign('sha256', toBeSigned, keys.privateKey)
  const whole = sequence(toBeSigned, sha256WithRsa, tag(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

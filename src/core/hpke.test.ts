import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { agreeWith, HpkeBroken, openHpke, type Sealed, sealAgreed } from './hpke.ts'
import { publicKeyOf } from './sealed-file.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const known = { info: 'Ode on a Grecian Urn', aad: 'Count-0' }
const plain = Buffer.from('Beauty is truth, truth beauty')

function seal(recipient: KeyObject, seed: Buffer, more = known, text = plain): Sealed {
  const agreed = agreeWith(seed, recipient)
  assert.ok(agreed !== undefined)
  return sealAgreed(agreed, more, text)
}

test('a published vector of this suite (the RFC’s own test vectors, as BoringSSL and Tink have them)', () => {
  const recipient = publicKeyOf(hex('ac66bae9ffa270cf4a89ed9f274e30c0456babae2572aaaf002ff0d8884ab018').toString('base64url'))
  const sealed = seal(recipient, hex('28e212563a8b6f068af7ff17400ff1baf23612b7a738bbaf5dfb321b2b5b431a'))
  const wanted = '23ded2d5d90ea89d975dac4792b297240f194952d7421aacbff0474100052b6bb8aa58d18ef6c42b6960e2e28f'
  assert.equal(sealed.ciphertext.toString('hex'), wanted)
})

const own = generateKeyPairSync('x25519')

test('it opens with the private key, as what it was sealed as, and in no other way', () => {
  const sealed = seal(own.publicKey, randomBytes(32))
  assert.deepEqual(openHpke(own.privateKey, sealed, known), plain)
  const other = generateKeyPairSync('x25519').privateKey
  assert.throws(() => openHpke(other, sealed, known), HpkeBroken)
  assert.throws(() => openHpke(own.privateKey, sealed, { ...known, info: 'x' }), HpkeBroken)
  assert.throws(() => openHpke(own.privateKey, sealed, { ...known, aad: 'Count-1' }), HpkeBroken)
  for (const part of ['enc', 'ciphertext'] as const)
    for (let at = 0; at < sealed[part].length; at += 1) {
      const changed = Buffer.from(sealed[part])
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      assert.throws(() => openHpke(own.privateKey, { ...sealed, [part]: changed }, known), HpkeBroken)
    }
  assert.throws(() => openHpke(own.privateKey, { ...sealed, ciphertext: sealed.ciphertext.subarray(0, -1) }, known), HpkeBroken)
  assert.throws(() => openHpke(own.privateKey, { ...sealed, ciphertext: Buffer.alloc(3) }, known), HpkeBroken)
  assert.notDeepEqual(seal(own.publicKey, randomBytes(32)), sealed)
})

test('nothing is agreed with a public key whose secret everybody knows', () => {
  for (const low of [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  ])
    assert.equal(agreeWith(randomBytes(32), publicKeyOf(hex(low).toString('base64url'))), undefined, low)
  assert.equal(createPublicKey(createPrivateKey(own.privateKey.export({ format: 'pem', type: 'pkcs8' }))).asymmetricKeyType, 'x25519')
})

/** Public vectors: tokens that Apple, and Google's own library, made. */
import assert from 'node:assert/strict'
import { createHash, createPublicKey, diffieHellman, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { deriveKey, openApple } from './apple.ts'
import { appleRootG3 } from './apple-root.ts'
import type { TokenRefusal } from './device-token.ts'
import { openEnvelope, openGoogle } from './google.ts'
import { readKeys } from './keys.ts'
import { openDeviceToken } from './open.ts'
import { gala, tink, yoyo } from './vectors.seam.ts'

const keys = readKeys({
  apple: { roots: [appleRootG3], merchants: [{ certificate: gala.certificate, privateKey: gala.privateKey }] },
  google: { roots: tink.roots, recipientId: tink.recipientId, privateKeys: [tink.otherPrivateKey, tink.privateKey] },
})
const { apple, google } = keys
assert.ok(apple !== undefined && google !== undefined)
const bytes = (token: object) => Buffer.from(JSON.stringify(token))
const reason = (of: TokenRefusal) => ({ name: 'TokenRefused', reason: of })
const nowMs = Date.parse('2026-11-24T12:00:00Z')

test('Apple’s root is the one that Apple published', () => {
  const hash = createHash('sha256').update(new X509Certificate(appleRootG3).raw).digest('hex')
  assert.equal(hash, '63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179')
})

test('a real Apple Pay token is verified up to Apple’s root and opened', async () => {
  const opened = await openApple(apple, bytes(gala.token), gala.signedAtMs + 1_000)
  assert.equal(opened.number.toString(), gala.number)
  assert.equal(opened.cryptogram?.toString(), gala.cryptogram)
  assert.deepEqual([opened.expiryMonth, opened.expiryYear, opened.eci], [9, 2024, undefined])
  assert.deepEqual(opened.money, { amount: 100n, currencyNumber: '840' })
  assert.equal(opened.id, gala.token.header.transactionId)
})

test('the shared secret and the key derived from it are those of the vector', () => {
  const [merchant] = apple.merchants
  assert.ok(merchant !== undefined)
  const spki = Buffer.from(gala.token.header.ephemeralPublicKey, 'base64')
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const shared = diffieHellman({ privateKey: merchant.privateKey, publicKey })
  assert.equal(shared.toString('base64'), 'yCUzDuNYTnUnANZEdxC7+DvPmqNslB2YWYn68SBsJHU=')
  assert.equal(deriveKey(shared, merchant.merchantIdHash).toString('base64'), '3GTXJ4RuP/IhS23hsdOw2J2ecAZmC0RasbPIFdC3nQM=')
})

test('the same token today is stale: its certificate has expired', async () => {
  await assert.rejects(openApple(apple, bytes(gala.token), nowMs), reason('stale'))
  await assert.rejects(openApple(apple, bytes(gala.token), gala.signedAtMs + 301_000), reason('stale'))
  await assert.rejects(openApple(apple, bytes(gala.token), gala.signedAtMs - 301_000), reason('stale'))
})

test('an Apple Pay token under another root is forged', async () => {
  const other = readKeys({ apple: { roots: [gala.certificate], merchants: [] } }).apple
  assert.ok(other !== undefined)
  await assert.rejects(openApple(other, bytes(gala.token), gala.signedAtMs), reason('forged'))
})

test('Tink’s ECv1 message is verified by the root key and opened', () => {
  assert.equal(openEnvelope(google, bytes(tink.ecv1), nowMs).toString(), tink.plaintext)
})

test('an ECv2 token of a card is verified through the intermediate key and opened', async () => {
  const opened = await openDeviceToken({ keys, isFirst: () => true }, 'google_pay', bytes(yoyo.token), nowMs)
  assert.equal(opened.number.toString(), yoyo.number)
  assert.deepEqual(
    [opened.numberIs, opened.expiryMonth, opened.expiryYear, opened.cryptogram, opened.eci, opened.id],
    ['card', 12, 2026, undefined, undefined, yoyo.messageId],
  )
})

test('an intermediate key is good until it expires, and for its version and recipient only', () => {
  assert.throws(() => openGoogle(google, bytes(yoyo.token), 1_879_409_613_939), reason('stale'))
  assert.throws(() => openGoogle({ ...google, recipientId: 'someoneElse' }, bytes(yoyo.token), nowMs), reason('forged'))
  assert.throws(() => openGoogle(google, bytes({ ...yoyo.token, protocolVersion: 'ECv1' }), nowMs), reason('forged'))
  assert.throws(() => openGoogle(google, bytes({ ...yoyo.token, protocolVersion: 'ECv3' }), nowMs), reason('unsupported'))
  const roots = google.roots.filter(one => one.protocolVersion === 'ECv1')
  assert.throws(() => openGoogle({ ...google, roots }, bytes(yoyo.token), nowMs), reason('unsupported'))
})

import assert from 'node:assert/strict'
import { createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { dekContext, envelopeOverhead, newDataKey, openEnvelope, type Place, SealBroken, sealEnvelope, unwrapKey, wrapKey } from './seal.ts'

const kek = { id: randomBytes(16), version: 1, key: createSecretKey(randomBytes(32)) }
const place: Place = { tenant: 'ten_1', owner: 'ins_1@1', field: 'card', schema: 1 }
const plain = Buffer.from('4242424242424242')

test('an envelope opens to what was sealed, and costs 138 bytes', () => {
  const dek = newDataKey(randomBytes)
  for (const length of [0, 1, 16, 4096]) {
    const value = randomBytes(length)
    const envelope = sealEnvelope(randomBytes, kek, dek, place, value)
    assert.equal(envelope.length, envelopeOverhead + length)
    assert.deepEqual(openEnvelope(kek, dek, place, envelope), value)
  }
})

test('the commitment is HKDF-SHA-512 of the data key, as published', () => {
  const dek = newDataKey(randomBytes)
  const envelope = sealEnvelope(randomBytes, kek, dek, place, plain)
  const salt = envelope.subarray(42, 74)
  const wanted = Buffer.from(hkdfSync('sha512', dek.key, salt, Buffer.concat([Buffer.from('PIV1 commit'), Buffer.from([1])]), 32))
  assert.deepEqual(envelope.subarray(74, 106), wanted)
  assert.equal(envelope.toString('latin1', 0, 4), 'PIV1')
})

test('no single changed byte opens, nor a shorter or longer envelope', () => {
  const dek = newDataKey(randomBytes)
  const envelope = sealEnvelope(randomBytes, kek, dek, place, plain)
  for (let i = 0; i < envelope.length; i += 1) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(envelope)
      changed[i] = (changed[i] ?? 0) ^ flip
      assert.throws(() => openEnvelope(kek, dek, place, changed), SealBroken, `byte ${i}`)
    }
  }
  for (let length = 0; length < envelope.length; length += 1) {
    assert.throws(() => openEnvelope(kek, dek, place, envelope.subarray(0, length)), SealBroken, `${length} bytes`)
  }
  assert.throws(() => openEnvelope(kek, dek, place, Buffer.concat([envelope, Buffer.alloc(1)])), SealBroken)
})

test('a value opens only where it belongs', () => {
  const dek = newDataKey(randomBytes)
  const envelope = sealEnvelope(randomBytes, kek, dek, place, plain)
  const elsewhere: Place[] = [
    { ...place, tenant: 'ten_2' },
    { ...place, owner: 'ins_2@1' },
    { ...place, owner: 'ins_1@2' },
    { ...place, field: 'code' },
    { ...place, schema: 2 },
    { ...place, tenant: 'ten_1i', owner: 'ns_1@1' },
  ]
  for (const other of elsewhere) assert.throws(() => openEnvelope(kek, dek, other, envelope), SealBroken)
  assert.throws(() => openEnvelope(kek, { ...dek, key: randomBytes(32) }, place, envelope), SealBroken)
  assert.throws(() => openEnvelope(kek, { ...dek, id: randomBytes(16) }, place, envelope), SealBroken)
  assert.throws(() => openEnvelope({ ...kek, version: 0 }, dek, place, envelope), SealBroken, 'sealed under a version that is not yet')
  assert.throws(() => openEnvelope({ ...kek, id: randomBytes(16) }, dek, place, envelope), SealBroken)
  assert.deepEqual(openEnvelope({ ...kek, version: 2 }, dek, place, envelope), plain, 'its data key was wrapped anew')
})

test('a data key unwraps only for the tenant and owner it was wrapped for', () => {
  const dek = newDataKey(randomBytes)
  const context = dekContext(kek, dek.id, 'ten_1', 'ins_1@1')
  const wrapped = wrapKey(randomBytes, kek.key, context, dek.key)
  assert.equal(wrapped.length, 60)
  assert.deepEqual(unwrapKey(kek.key, context, wrapped), dek.key)
  for (const other of [
    dekContext(kek, dek.id, 'ten_2', 'ins_1@1'),
    dekContext(kek, dek.id, 'ten_1', 'ins_2@1'),
    dekContext(kek, randomBytes(16), 'ten_1', 'ins_1@1'),
  ]) {
    assert.throws(() => unwrapKey(kek.key, other, wrapped), SealBroken)
  }
  for (let i = 0; i < wrapped.length; i += 1) {
    const changed = Buffer.from(wrapped)
    changed[i] = (changed[i] ?? 0) ^ 1
    assert.throws(() => unwrapKey(kek.key, context, changed), SealBroken)
  }
})

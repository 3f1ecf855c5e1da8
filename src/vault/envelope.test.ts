import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { newSender } from './card-files.seam.ts'
import { EnvelopeBroken, openEnvelopeWith, sealEnvelopeFor } from './envelope.ts'
import { newAgreementKey } from './own-key.ts'

const ports = { random: randomBytes, newKey: () => newAgreementKey(randomBytes) }
const reader = newSender('reader')
const plain = randomBytes(300)
const envelope = sealEnvelopeFor(ports, reader.certificate, plain)

test('an envelope opens with the key of its certificate and no other, and never looks the same twice', () => {
  assert.deepEqual(openEnvelopeWith(reader.key, envelope), plain)
  assert.throws(() => openEnvelopeWith(newSender('somebody else').key, envelope), EnvelopeBroken)
  const again = sealEnvelopeFor(ports, reader.certificate, plain)
  assert.notDeepEqual(again, envelope)
  assert.equal(again.includes(plain.subarray(0, 16)), false)
})

test('an envelope of which a byte was changed, or the end is missing, does not open, or opens as what it was', () => {
  for (let at = 0; at < envelope.length; at += 1) {
    const changed = Buffer.from(envelope)
    changed.writeUInt8(changed.readUInt8(at) ^ 0x10, at)
    try {
      // What names the reader's certificate is not relied on: the key says whether it fits.
      assert.deepEqual(openEnvelopeWith(reader.key, changed), plain, `byte ${at}`)
    } catch (error) {
      if (!(error instanceof EnvelopeBroken)) throw error
    }
  }
  const content = envelope.length - 18 - 300
  for (const at of [content + 5, content + 150, envelope.length - 1, envelope.length - 16]) {
    const changed = Buffer.from(envelope)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    assert.throws(() => openEnvelopeWith(reader.key, changed), EnvelopeBroken, `byte ${at}`)
  }
  for (const length of [0, 1, 20, envelope.length - 1])
    assert.throws(() => openEnvelopeWith(reader.key, envelope.subarray(0, length)), EnvelopeBroken)
})

test('whatever bytes chance gives, what is sealed opens: the parser looks for ASN.1 inside of octets too', () => {
  for (let draws = 0; draws < 300; draws += 1)
    assert.deepEqual(openEnvelopeWith(reader.key, sealEnvelopeFor(ports, reader.certificate, plain)), plain)
})

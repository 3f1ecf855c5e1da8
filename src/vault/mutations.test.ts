/** What somebody may do to a sealed value who can write to the database, or to a copy of it, and has no key: 10,000 times, and none opens. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes, randomInt } from 'node:crypto'
import { test } from 'node:test'
import { dekContext, newDataKey, openEnvelope, type Place, SealBroken, sealEnvelope, unwrapKey, wrapKey } from './seal.ts'

const kek = { id: randomBytes(16), version: 3, key: createSecretKey(randomBytes(32)) }
const place: Place = { tenant: 'ten_1', owner: 'ins_1@1', field: 'card', schema: 1 }
const plain = Buffer.from('\u00104242424242424242\u000c\u0007\u00f0Ada Lovelace')
/** From the header's layout in `seal.ts`, the ciphertext and its tag. */
const parts = {
  ...{ magic: [0, 4], suite: [4, 5], flags: [5, 6], kekId: [6, 22], kekVer: [22, 26], dekId: [26, 42], salt: [42, 74] },
  ...{
    commit: [74, 106],
    iv: [106, 118],
    length: [118, 122],
    ciphertext: [122, 122 + plain.length],
    tag: [122 + plain.length, 138 + plain.length],
  },
} as const

const dek = newDataKey(randomBytes)
const envelope = sealEnvelope(randomBytes, kek, dek, place, plain)
/** Of the very same key and place; of another data key; under an earlier version of the key; of another place. */
const others = [
  ...Array.from({ length: 8 }, () => sealEnvelope(randomBytes, kek, dek, place, plain)),
  ...Array.from({ length: 8 }, () => sealEnvelope(randomBytes, kek, newDataKey(randomBytes), place, plain)),
  ...[1, 2].map(version => sealEnvelope(randomBytes, { ...kek, version }, newDataKey(randomBytes), place, plain)),
  ...['ins_2@1', 'ins_1@2'].map(owner => sealEnvelope(randomBytes, kek, dek, { ...place, owner }, plain)),
]
type Tried = { readonly kind: string; readonly bytes: Buffer; readonly place?: Place }

function* bits(): Generator<Tried> {
  for (let at = 0; at < envelope.length; at += 1)
    for (let bit = 0; bit < 8; bit += 1) {
      const bytes = Buffer.from(envelope)
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
      yield { kind: 'a bit', bytes }
    }
}

function* lengths(): Generator<Tried> {
  for (let length = 0; length < envelope.length; length += 1) {
    yield { kind: 'cut short', bytes: envelope.subarray(0, length) }
    const told = Buffer.from(envelope.subarray(0, length))
    // With the length in the header made to fit.
    if (length >= 138) told.writeUInt32BE(length - 138, 118)
    yield { kind: 'cut short, and said so', bytes: told }
    yield { kind: 'cut in front', bytes: envelope.subarray(envelope.length - length) }
  }
  for (let more = 1; more <= 32; more += 1) yield { kind: 'longer', bytes: Buffer.concat([envelope, randomBytes(more)]) }
}

/** Each part, and each two together, of each other envelope. */
function* fields(): Generator<Tried> {
  const names = Object.values(parts)
  for (const other of others)
    for (const [i, one] of names.entries())
      for (const two of names.slice(i)) {
        const bytes = Buffer.from(envelope)
        for (const [from, to] of [one, two]) other.copy(bytes, from, from, to)
        yield { kind: 'parts of another', bytes }
      }
}

function* headers(): Generator<Tried> {
  for (let turn = 0; turn < 600; turn += 1) {
    const id = Buffer.from(envelope)
    randomBytes(16).copy(id, turn % 2 === 0 ? 6 : 26)
    yield { kind: 'a key’s id', bytes: id }
    const version = Buffer.from(envelope)
    version.writeUInt32BE(turn < 3 ? turn : turn < 10 ? 4 + turn : randomInt(2 ** 32 - 10) + 4, 22)
    yield { kind: 'a key’s version', bytes: version }
    const kinds = Buffer.from(envelope)
    kinds.writeUInt8(turn % 2 === 0 ? 2 + (turn % 250) : 1 + (turn % 250), turn % 2 === 0 ? 4 : 5)
    yield { kind: 'suite or flags', bytes: kinds }
  }
}

/** What is authenticated beside it: another tenant, owner, version, field or schema, and the same letters divided otherwise. */
function* places(): Generator<Tried> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    const n = 2 + turn
    const wrong: readonly Place[] = [
      { ...place, tenant: `ten_${n}` },
      { ...place, owner: `ins_1@${n}` },
      { ...place, owner: `ins_${n}@1` },
      { ...place, field: turn % 2 === 0 ? 'payer' : `card${n}` },
      { ...place, schema: n },
      { ...place, tenant: place.tenant + place.owner.slice(0, 1 + (turn % 6)), owner: place.owner.slice(1 + (turn % 6)) },
    ]
    yield { kind: 'another place', bytes: envelope, place: wrong[turn % wrong.length] ?? place }
  }
}

function* chance(): Generator<Tried> {
  for (;;) {
    const bytes = Buffer.from(envelope)
    const at = randomInt(bytes.length)
    const kind = randomInt(4)
    if (kind === 0) for (let i = 0; i < 4; i += 1) bytes[randomInt(bytes.length)] = randomInt(256)
    else if (kind === 1) bytes.copyWithin(at, randomInt(bytes.length), randomInt(bytes.length))
    else if (kind === 2) bytes.fill(randomInt(256), at, Math.min(bytes.length, at + 1 + randomInt(20)))
    else others[randomInt(others.length)]?.copy(bytes, at, at, at + 1 + randomInt(60))
    yield { kind: 'anyhow', bytes }
  }
}

const wanted = 10_000

test('10,000 changed envelopes: none opens', t => {
  const counts = new Map<string, number>()
  let tried = 0
  for (const make of [bits, lengths, fields, headers, places, chance])
    for (const { kind, bytes, place: where = place } of make()) {
      if (tried >= wanted && make === chance) break
      // Nothing was changed after all, or it became another whole envelope of this very place and key.
      if (where === place && (bytes.equals(envelope) || others.slice(0, 8).some(one => one.equals(bytes)))) continue
      assert.throws(() => openEnvelope(kek, dek, where, bytes), SealBroken, kind)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      tried += 1
    }
  t.diagnostic(JSON.stringify(Object.fromEntries(counts)))
  assert.equal(tried, wanted)
  assert.equal(counts.get('a bit'), envelope.length * 8)
  assert.equal(counts.size, 11)
  assert.deepEqual(openEnvelope(kek, dek, place, envelope), plain, 'and the one that was not changed does')
})

test('a wrapped key of which anything was changed, or that was wrapped for another, does not unwrap', () => {
  const context = dekContext(kek, dek.id, 'ten_1', 'ins_1@1')
  const wrapped = wrapKey(randomBytes, kek.key, context, dek.key)
  for (let bit = 0; bit < wrapped.length * 8; bit += 1) {
    const changed = Buffer.from(wrapped)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    assert.throws(() => unwrapKey(kek.key, context, changed), SealBroken)
  }
  for (let length = 0; length < wrapped.length; length += 1)
    assert.throws(() => unwrapKey(kek.key, context, wrapped.subarray(0, length)), SealBroken)
  for (const other of [
    dekContext({ ...kek, version: 2 }, dek.id, 'ten_1', 'ins_1@1'),
    dekContext({ ...kek, id: randomBytes(16) }, dek.id, 'ten_1', 'ins_1@1'),
    dekContext(kek, dek.id, 'ten_1', 'ins_1@2'),
    dekContext(kek, dek.id, 'ten_1i', 'ns_1@1'),
  ])
    assert.throws(() => unwrapKey(kek.key, other, wrapped), SealBroken)
  assert.deepEqual(unwrapKey(kek.key, context, wrapped), dek.key)
})

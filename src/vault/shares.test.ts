import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { gatherShares } from './root-shares.ts'
import { BadShare, joinShares, multiply, readShare, shareText, splitKey } from './shares.ts'

const split = (key: Buffer, needed = 3, shares = 5) => splitKey(key, { shares, needed, random: randomBytes })

test('multiplication is that of AES: the examples of FIPS 197, 4.2', () => {
  assert.equal(multiply(0x57, 0x83), 0xc1)
  assert.equal(multiply(0x57, 0x13), 0xfe)
  assert.equal(multiply(0x57, 0x02), 0xae)
  for (let a = 0; a < 256; a += 1) assert.deepEqual([multiply(a, 1), multiply(1, a), multiply(a, 0)], [a, a, 0])
})

test('any three of five give the key, and no two do', () => {
  const key = randomBytes(32)
  const shares = split(key)
  for (let a = 0; a < 5; a += 1)
    for (let b = a + 1; b < 5; b += 1) {
      const two = [shares[a], shares[b]].flatMap(one => (one === undefined ? [] : [one]))
      assert.throws(() => joinShares(two), BadShare)
      // As somebody would who leaves the count aside.
      assert.throws(() => joinShares(two.map(one => ({ ...one, needed: 2 }))), BadShare)
      for (let c = b + 1; c < 5; c += 1) {
        const third = shares[c]
        if (third === undefined) assert.fail()
        assert.deepEqual(joinShares([third, ...two]), key)
      }
    }
  assert.deepEqual(joinShares(shares), key)
  for (const { value } of shares) assert.equal(value.length, 32)
})

test('a share says nothing by itself: over many ceremonies of one key its bytes are spread evenly', () => {
  const key = Buffer.alloc(32, 7)
  const seen = new Set<number>()
  for (let ceremony = 0; ceremony < 4000; ceremony += 1) for (const { value } of split(key)) seen.add(value[0] ?? -1)
  assert.equal(seen.size, 256)
})

test('a changed share, one of another ceremony and one given twice are refused, whichever byte it is', () => {
  const key = randomBytes(32)
  const shares = split(key)
  const others = split(key)
  for (let byte = 0; byte < 32; byte += 1) {
    const changed = shares.slice(0, 3).map((one, at) => {
      const value = Buffer.from(one.value)
      if (at === 1) value[byte] = (value[byte] ?? 0) ^ 1
      return { ...one, value }
    })
    assert.throws(() => joinShares(changed), BadShare)
  }
  const [a, b, c] = shares
  const [, , other] = others
  if (a === undefined || b === undefined || c === undefined || other === undefined) assert.fail()
  assert.throws(() => joinShares([a, b, other]), /another ceremony/)
  assert.throws(() => joinShares([a, b, { ...other, ceremony: a.ceremony }]), BadShare)
  assert.throws(() => joinShares([a, b, b]), /twice/)
  assert.throws(() => joinShares([a, b, { ...c, index: 4 }]), BadShare)
})

test('as text a share survives being typed, and a slip is noticed at once', () => {
  const [share] = split(randomBytes(32))
  if (share === undefined) assert.fail()
  const text = shareText(share)
  assert.deepEqual(readShare(` ${text.toUpperCase()} \n`), share)
  for (let at = 16; at < text.length; at += 1) {
    const slip = text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1)
    assert.throws(() => readShare(slip), BadShare, `character ${at}`)
  }
})

test('custodians give theirs one by one; a wrong one makes all be asked again', () => {
  const texts = split(randomBytes(32)).map(shareText)
  const [one = '', two = '', three = '', four = ''] = texts
  const gathering = gatherShares(randomBytes, undefined)
  assert.deepEqual(gathering.give(one), { given: 1, needed: 3, unsealed: false })
  assert.throws(() => gathering.give(one), /given already/)
  assert.throws(() => gathering.give('bindery-share-1'), /not a share/)
  const foreign = split(randomBytes(32)).map(shareText)
  assert.throws(() => gathering.give(foreign[1] ?? ''), /another ceremony/)
  assert.deepEqual(gathering.give(three), { given: 2, needed: 3, unsealed: false })
  const done = gathering.give(four)
  assert.match('root' in done ? (done.root?.name ?? '') : '', /^shares:[0-9a-f]{16}$/)
  const other = gatherShares(randomBytes, 'shares:0000000000000000')
  other.give(one)
  other.give(two)
  assert.throws(() => other.give(three), /is wanted/)
  assert.deepEqual(other.give(four), { given: 1, needed: 3, unsealed: false })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../core/problem.ts'
import { parseJson } from './json.ts'

const read = (text: string | Buffer, depthMax = 16) => parseJson(Buffer.from(text), depthMax)

function refusal(text: string | Buffer, depthMax = 16): { code: string; pointer: string | undefined; detail: string } {
  try {
    read(text, depthMax)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { code: error.code, pointer: error.errors[0]?.pointer, detail: error.detail }
  }
  return assert.fail(`was read: ${text.toString().slice(0, 80)}`)
}

/** Names without digits' trouble, whole numbers: what an API's body is made of. */
const name = fc
  .string({ unit: 'binary', maxLength: 8 })
  .filter(text => !['__proto__', 'constructor', 'prototype'].includes(text) && !text.includes('\0'))
const leaf = fc.oneof(
  fc.string({ unit: 'binary' }).filter(text => !text.includes('\0')),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
)
const { value: tree } = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5 }),
  ),
}))

test('whatever JSON.parse reads and PostgreSQL keeps is read the same, however it is written', () => {
  fc.assert(
    fc.property(tree, fc.constantFrom(0, 1, 4), fc.boolean(), (value, indent, escaped) => {
      const plain = JSON.stringify(value, null, indent)
      const text = escaped ? plain.replace(/[\u0080-\uffff]/g, one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`) : plain
      if (/-0[,}\]]|-0$/.test(text)) return
      assert.deepEqual(read(text, 100).value, JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

test('a name that stands twice is refused and named, however it is spelled', () => {
  assert.equal(refusal('{"a":1,"a":1}').pointer, '/a')
  assert.equal(refusal('{"b":[{},{"amount":1,"x":2,"amount":3}]}').pointer, '/b/1/amount')
  assert.equal(refusal(String.raw`{"amount":1,"\u0061mount":2}`).pointer, '/amount')
  assert.equal(refusal(String.raw`{"a\"":1,"x":{"a\"":1,"a\"":2}}`).pointer, '/x/(name not shown)')
  assert.deepEqual(read('{"a":{"a":{"a":[{"a":1},{"a":2}]}}}').value, { a: { a: { a: [{ a: 1 }, { a: 2 }] } } })
})

test('a duplicate anywhere in any tree is found', () => {
  fc.assert(
    fc.property(fc.dictionary(name, tree, { minKeys: 1, maxKeys: 5 }), fc.nat(), (object, pick) => {
      const names = Object.keys(object)
      const twice = names[pick % names.length] ?? ''
      const text = `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(twice)}:0}`
      assert.equal(refusal(text, 100).code, 'malformed_body')
    }),
  )
})

test('names that reach for a prototype are refused and pollute nothing', () => {
  assert.equal(refusal('{"__proto__":{"admin":true}}').pointer, '/__proto__')
  assert.equal(refusal('{"a":{"constructor":{"prototype":{"x":1}}}}').pointer, '/a/constructor')
  assert.equal(refusal(String.raw`{"\u005f_proto__":1}`).pointer, '/__proto__')
  assert.equal('admin' in {}, false)
})

test('depth is limited, and ten thousand levels do not hurt', () => {
  assert.deepEqual(read('['.repeat(16) + ']'.repeat(16)).value, JSON.parse('['.repeat(16) + ']'.repeat(16)))
  assert.equal(refusal('['.repeat(17) + ']'.repeat(17)).code, 'malformed_body')
  assert.equal(refusal('['.repeat(10_000) + ']'.repeat(10_000)).code, 'malformed_body')
  assert.equal(refusal(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`).code, 'malformed_body')
  assert.deepEqual(read('{"a":"[[[[[[[[[[[[[[[[[[[[[[{{{{{"}').value, { a: '[[[[[[[[[[[[[[[[[[[[[[{{{{{' })
})

test('no number changes its value on the way in', () => {
  for (const number of ['-0', '1e3', '1E400', '1e-400', '9007199254740993', '12345678901234567890', '0.1234567890123456', '-0.0', '1e21'])
    assert.equal(refusal(`{"a":[0,${number}]}`).pointer, '/a/1', number)
  fc.assert(
    fc.property(fc.integer({ min: -99_999_999_999_999, max: 99_999_999_999_999 }), number => {
      assert.deepEqual(read(`[${number}]`).value, [number])
    }),
  )
})

test('what PostgreSQL cannot hold is refused where it stands', () => {
  assert.equal(refusal(String.raw`{"a":["x","\u0000"]}`).pointer, '/a/1')
  assert.equal(refusal(String.raw`{"a":"\ud800"}`).pointer, '/a')
  assert.equal(refusal(String.raw`{"a":"\udc00\ud800"}`).pointer, '/a')
  assert.match(refusal(String.raw`{"\ud800":1}`).pointer ?? '', /^\/\(name not shown\)$/)
  assert.deepEqual(read(String.raw`{"a":"\ud83d\ude00"}`).value, { a: '😀' })
})

test('bytes that are not plain UTF-8 are refused', () => {
  assert.match(refusal('\ufeff{}').detail, /byte order mark/)
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0xff, 0xfe, 0x7b, 0, 0x7d, 0],
  ])
    assert.match(refusal(Buffer.from(bytes)).detail, /UTF-8/)
})

test('a refusal tells the place and never the content', () => {
  for (const text of [
    '{"card":"4111111111111111"',
    '{"card":4111111111111111x}',
    '4111111111111111,',
    '{"4111111111111111":1,"4111111111111111":2}',
  ])
    assert.doesNotMatch(JSON.stringify(refusal(text)), /4111/)
  assert.match(refusal('{"a" 1}').detail, /character \d+/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { same } from './same.ts'

test('data is the same in whatever order its keys stand', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const turned = (of: unknown): unknown =>
        Array.isArray(of)
          ? of.map(turned)
          : typeof of === 'object' && of !== null
            ? Object.fromEntries(
                Object.entries(of)
                  .toReversed()
                  .map(([k, v]) => [k, turned(v)]),
              )
            : of
      assert.ok(same(value, turned(value)))
    }),
  )
})

test('what differs anywhere is not', () => {
  assert.ok(same({ a: 1, b: undefined }, { a: 1 }))
  const pairs = [
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1, b: null }],
    [
      [1, 2],
      [2, 1],
    ],
    [[], {}],
    [null, {}],
    ['1', 1],
    [{ a: { b: [1] } }, { a: { b: [1, 2] } }],
    [{ a: 1 }, { b: 1 }],
  ]
  for (const [a, b] of pairs) assert.ok(!same(a, b), JSON.stringify([a, b]))
})

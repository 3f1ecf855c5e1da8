import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { diagram } from '../core/lifecycle.ts'
import { type AnyNews, bindingLifecycle, type Fact, foldBinding, newsPlace, overlay, revokePlace, standing } from './binding.ts'

const references = {}
const bound: AnyNews = { kind: 'bound', token: 'tok_1', references: { payment_method: 'pm_1' }, networkTransactionId: 'ntid' }
const refused: AnyNews = { kind: 'refused', by: 'issuer', category: 'do_not_honour', code: '05', elsewhere: false, references }
const challenged: AnyNews = { kind: 'challenged', action: { type: 'redirect', url: 'https://acs.example', method: 'GET' }, references }

function fact(id: string, news: AnyNews, at: { place?: number; rank?: number; sequence?: number; clock?: number } = {}): Fact {
  return {
    on: news.kind,
    news,
    order: standing(news.kind, { place: at.place ?? newsPlace, rank: at.rank ?? 2, sequence: at.sequence, at: at.clock, id }),
  }
}

const anyNews: fc.Arbitrary<AnyNews> = fc.constantFrom<AnyNews>(
  bound,
  refused,
  challenged,
  { kind: 'verifying', references },
  { kind: 'suspended', reason: 'by the network' },
  { kind: 'resumed' },
  { kind: 'expired' },
  { kind: 'revoked' },
  { kind: 'revoking' },
  { kind: 'abandoned', reason: 'too long' },
  { kind: 'updated', shown: { last4: '0001' } },
)
const history = fc.array(
  fc.record({
    news: anyNews,
    place: fc.constantFrom(1, 2, newsPlace, revokePlace),
    rank: fc.integer({ min: 1, max: 3 }),
    clock: fc.integer({ min: 0, max: 5 }),
  }),
  { minLength: 1, maxLength: 12 },
)

test('the same facts in any order, repeated or not, end in the same state', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (told, chance) => {
      const facts = told.map((one, i) => fact(`f${i}`, one.news, one))
      const first = foldBinding(facts).known
      const again = [...facts, ...facts.slice(0, 3)]
        .map(one => ({ one, at: chance.next().value }))
        .sort((a, b) => a.at - b.at)
        .map(entry => entry.one)
      assert.deepEqual(foldBinding(again).known, first)
    }),
    { numRuns: 500 },
  )
})

test('what is revoked or failed stays so in fold order', () => {
  fc.assert(
    fc.property(history, told => {
      const facts = told.map((one, i) => fact(`f${i}`, one.news, one))
      const { folded } = foldBinding(facts)
      let over = false
      for (const one of folded.applied) {
        if (over) assert.ok(one.on === 'revoked' || one.on === 'revoking', `${one.on} after the end`)
        over = over || one.on === 'revoked' || (one.on === 'refused' && !over)
      }
      assert.equal(folded.applied.length + folded.ignored.length, facts.length)
    }),
  )
})

test('a late answer clears uncertainty, and an answer to a bind stands before what the channel said later on its own', () => {
  assert.equal(overlay('initiated', true), 'uncertain')
  assert.equal(overlay('active', true), 'active')
  const late = foldBinding([
    fact('disable', { kind: 'suspended', reason: 'x' }, { clock: 5 }),
    fact('answer', bound, { place: 1, rank: 1 }),
  ])
  assert.equal(late.known.status, 'suspended')
  assert.equal(late.known.token, 'tok_1')
  assert.equal(late.folded.ignored.length, 0)
})

test('what gave us up, or what we gave up on, still counts an answer that comes after', () => {
  const facts = [fact('patience', { kind: 'abandoned', reason: 'too long' }, { place: 1, rank: 3 })]
  assert.equal(foldBinding(facts).known.status, 'expired')
  assert.equal(foldBinding([...facts, fact('late', bound, { place: 1 })]).known.status, 'active')
})

test('what ended before it was bound and is brought back lives by the token it is brought back with', () => {
  const never = [
    fact('no', refused, { place: 1 }),
    fact('back', { kind: 'reinstated', evidence: 'the bank', token: 'tok_2' }, { clock: 5 }),
  ]
  assert.deepEqual([foldBinding(never).known.status, foldBinding(never).known.token], ['active', 'tok_2'])
  assert.equal(foldBinding([...never, fact('s', bound, { place: 0 })]).known.token, 'tok_1')
})

test('where nothing orders two facts the safer one prevails', () => {
  const on = fact('a', { kind: 'resumed' }, { clock: 5 })
  const off = fact('b', { kind: 'suspended', reason: 'x' }, { clock: 5 })
  const start = fact('s', bound, { place: 1, rank: 1 })
  assert.equal(foldBinding([start, on, off]).known.status, 'suspended')
  assert.equal(foldBinding([start, off, on]).known.status, 'suspended')
})

test('an ignored fact keeps its reason', () => {
  const { folded } = foldBinding([fact('a', { kind: 'suspended', reason: 'x' })])
  assert.match(folded.ignored[0]?.reason ?? '', /binding was initiated, where suspended has no meaning/)
})

test('the diagram in ARCHITECTURE.md is the table', () => {
  const text = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8')
  assert.ok(text.includes(`\n${diagram(bindingLifecycle)}\n`), 'print it anew: core/lifecycle.ts, diagram(bindingLifecycle)')
})

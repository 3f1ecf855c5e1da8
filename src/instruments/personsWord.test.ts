/** What a person says of a binding never prevails over the channel's word about it, whichever came first and whatever else is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyNews, type Fact, foldBinding, newsPlace, revokePlace, standing } from './binding.ts'
import { personsRank } from './personsWord.ts'

const factOf = (news: AnyNews, place: number, rank: number, id: string): Fact => ({
  on: news.kind,
  order: standing(news.kind, { place, rank, id }),
  news,
})
const boundAs = (token: string): AnyNews => ({ kind: 'bound', token, references: {} })
const no = { kind: 'refused', category: 'try_later', code: 'no', elsewhere: false, references: {} } as const
const refused: AnyNews = { ...no, by: 'channel' }
/** Of the first operation: by a person; by the channel as an answer, for a second operation, and as news that names none. */
const saidBound = factOf(boundAs('tok_person'), 0, personsRank, 'operator/1')
const saidNot = factOf({ ...no, by: 'bindery' }, 0, personsRank, 'operator/2')
const ofChannel = (news: AnyNews): readonly Fact[] => [
  factOf(news, 0, 1, 'one/answer'),
  factOf(news, 1, 1, 'one/second'),
  factOf(news, newsPlace, 2, 'one/news'),
]
/** What may have been told beside it. */
const beside: readonly Fact[] = [
  factOf({ kind: 'verifying', references: {} }, 0, 1, 'one/verifying'),
  factOf({ kind: 'abandoned', reason: 'too long' }, 0, 3, 'bindery/abandoned'),
  factOf({ kind: 'suspended', reason: 'blocked' }, newsPlace, 2, 'one/suspended'),
  factOf({ kind: 'revoking' }, revokePlace, 3, 'bindery/revoking'),
  factOf({ kind: 'revoked' }, revokePlace, 1, 'one/revoked'),
]
const subsets = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: 2 ** list.length }, (_, bits) => list.filter((_one, i) => (bits >> i) % 2 === 1))

test('with the channel’s word, a person’s changes nothing: status, token and names are what they are without it', () => {
  let compared = 0
  for (const channels of [ofChannel(boundAs('tok_channel')), ofChannel(refused)])
    for (const one of channels)
      for (const person of [saidBound, saidNot])
        for (const more of subsets(beside)) {
          const without = foldBinding([one, ...more])
          for (const facts of [
            [person, one, ...more],
            [...more, one, person],
          ]) {
            const { known, folded } = foldBinding(facts)
            assert.deepEqual(known, without.known)
            const told = folded.ignored.find(({ fact }) => fact === person)
            assert.match(told?.reason ?? '', /the channel has said itself/)
            compared += 1
          }
        }
  assert.equal(compared, 6 * 2 * 32 * 2)
})

test('without it a person’s word holds: bound, or failed, also where our patience had ended', () => {
  for (const more of [[], beside.slice(0, 1), beside.slice(0, 2)]) {
    const { known } = foldBinding([saidBound, ...more])
    assert.deepEqual([known.status, known.token], ['active', 'tok_person'])
    assert.equal(foldBinding([saidNot, ...more]).known.status, 'failed')
  }
  assert.equal(foldBinding([saidBound, ...beside.slice(2, 3)]).known.status, 'suspended', 'later news counts')
})

test('what a person says is gone comes back by the channel’s proof only, and then it is the channel’s', () => {
  const alive = factOf(boundAs('tok'), 0, 1, 'one/answer')
  const asked = factOf({ kind: 'revoking' }, revokePlace, 3, 'bindery/revoking')
  const gone = factOf({ kind: 'revoked' }, revokePlace, personsRank, 'operator/gone')
  assert.equal(foldBinding([alive, asked, gone]).known.status, 'revoked')
  const back = factOf({ kind: 'reinstated', evidence: 'the bank' }, newsPlace, 2, 'one/back')
  assert.equal(foldBinding([alive, asked, gone, back]).known.status, 'revoked', 'what we gave up stays given up, and is asked again')
})

/** The part of the contract about a channel's own list of what it keeps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertJudged, type Bench, bindFully, createBench, type Subject } from './contract-bench.ts'
import { type AnswerFault, answerFaults } from './faults.ts'
import type { Listed, Listing, ListOutcome } from './listing.ts'

export function contractOfListing(subject: Subject): void {
  const { list } = subject.channel
  if (list === undefined) return
  test('what is bound stands on the list of its owner, and on nobody else\u2019s', async () => {
    const { bench, token, owner } = await holding(subject, list)
    const found = (await listed(bench, list, owner)).find(one => one.token === token)
    assert.ok(found?.status === 'kept' || found?.status === 'active', JSON.stringify(found))
    const stranger = [...owner].reverse().join('')
    const other = await list.page(bench.call('opn_9'), { owner: stranger })
    assert.ok(other.kind === 'uncertain' || other.listed.every(one => one.token !== token), JSON.stringify(other))
    assertJudged(bench)
  })
  test('what is given up is not on the list, or is called so', async () => {
    const { bench, token, owner, references } = await holding(subject, list)
    await bench.channel.revoke?.(bench.call('opn_6'), { customer: 'cus_contract', binding: 'bnd_1', references, token })
    const found = (await listed(bench, list, owner)).find(one => one.token === token)
    assert.ok(found === undefined || found.status === 'revoked' || found.status === 'expired', JSON.stringify(found))
    assertJudged(bench)
  })
  for (const fault of answerFaults.filter(one => !harmless.has(one)))
    test(`a list that is answered with ${fault} takes nothing away`, async () => {
      const { bench, token, owner } = await holding(subject, list)
      bench.fault(fault, '*')
      const answer = await list.page(bench.call('opn_9'), { owner })
      // Nothing is known, or what is there is still seen: never an end without the token.
      assert.ok(answer.kind === 'uncertain' || sees(answer, token), JSON.stringify(answer))
    })
}

/** What changes nothing of what a list says. */
const harmless: ReadonlySet<AnswerFault> = new Set(['wrong_money'])

const sees = (answer: ListOutcome, token: string): boolean =>
  answer.kind === 'listed' && answer.listed.some(one => one.token === token && (one.status === 'kept' || one.status === 'active'))

async function holding(subject: Subject, list: Listing) {
  const bench = createBench(subject)
  const { token, references } = await bindFully(bench)
  const owner = references[list.by]
  assert.ok(owner !== undefined, `a binding knows its ${list.by}`)
  return { bench, token, references, owner }
}

async function listed(bench: Bench, list: Listing, owner: string): Promise<readonly Listed[]> {
  const out: Listed[] = []
  let cursor: string | undefined
  for (let page = 0; page < 10; page += 1) {
    const answer: ListOutcome = await list.page(bench.call('opn_9'), { owner, cursor })
    assert.ok(answer.kind === 'listed', JSON.stringify(answer))
    out.push(...answer.listed)
    if (answer.next === undefined) return out
    cursor = answer.next
  }
  throw new assert.AssertionError({ message: 'the list does not end' })
}

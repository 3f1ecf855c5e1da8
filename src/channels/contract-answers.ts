/** The part of the contract about answers that do not come, come wrong, or come from a stranger: never a guess, never a second effect. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LookUpOutcome } from './channel.ts'
import { afterChallenge, assertBound, assertJudged, type Bench, createBench, kindOf, type Subject, settleBind } from './contract-bench.ts'
import { type AnswerFault, answerFaults } from './faults.ts'

export function contractOfAnswers(subject: Subject): void {
  contractOfFaults(subject)
  contractOfStrangers(subject)
}

/** The effect of a plain bind: stored at once, or the customer asked. */
export const firstEffect = (bench: Bench) => (bench.plain.outcome === 'bound' ? 'stored' : 'challenged')

/** Which requests a clean bind makes, so that every one of them can be made to fail. */
async function pathsOfBind(subject: Subject): Promise<readonly string[]> {
  const bench = createBench(subject)
  await bench.bind(bench.call('opn_0'), bench.input('bnd_0'))
  return [...new Set(bench.stage.requests().map(one => one.path))]
}

/** A challenge is passed, so that what counts in the end is what stands in the books. */
export async function toTheEnd(bench: Bench, outcome: LookUpOutcome): Promise<LookUpOutcome> {
  return outcome.kind === 'challenged' ? afterChallenge(bench, outcome, true) : outcome
}

async function tryFault(subject: Subject, fault: AnswerFault, path: string): Promise<LookUpOutcome> {
  const bench = createBench(subject)
  const call = bench.call('opn_1')
  const input = bench.input('bnd_1')
  bench.fault(fault, path)
  const first = await bench.bind(call, input)
  // Not every answer speaks of money; one that does and is wrong is about something else.
  if (fault === 'wrong_money' && bench.miscounted() === 0 && first.kind === bench.plain.outcome) return toTheEnd(bench, first)
  assert.equal(first.kind, 'uncertain', `${path}: ${kindOf(first)}`)
  bench.stage.faults.clear()
  const settled = await settleBind(bench, call, input, first)
  const repeat = bench.channel.repeat.bind
  const most = repeat?.kind === 'repeatable' ? 1 + repeat.times : 1
  assert.ok(bench.effects(firstEffect(bench)).length <= most, `${path}: ${bench.effects(firstEffect(bench)).length} effects`)
  const last = await toTheEnd(bench, settled)
  const stored = bench.effects('stored')
  assert.ok(stored.length <= 1, `${path}: stored ${stored.length} times`)
  if (last.kind === 'bound') assert.equal(stored[0]?.token, last.token, path)
  else if (last.kind === 'none' || (last.kind === 'refused' && last.by === 'channel')) assert.equal(stored.length, 0, path)
  else assert.fail(`${path}: ${kindOf(last)}`)
  assertJudged(bench)
  return last
}

const neverArrived: readonly AnswerFault[] = ['lost_before', 'error_before', 'rate_limited']

function contractOfFaults(subject: Subject): void {
  const looksOnly = subject.channel.repeat.bind?.kind === 'lookUp'
  for (const fault of answerFaults) {
    test(`an answer that is ${fault} is uncertain, and is settled by one effect at most`, async () => {
      for (const path of await pathsOfBind(subject)) await tryFault(subject, fault, path)
      const last = await tryFault(subject, fault, subject.storePath)
      if (looksOnly && neverArrived.includes(fault)) assert.ok(last.kind === 'bound' || last.kind === 'none', kindOf(last))
      else assertBound(last)
    })
  }

  test('a channel that is down for a while does not make a second effect', async context => {
    if (subject.channel.repeat.bind?.kind !== 'keyed') return context.skip('it has no keys')
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const input = bench.input('bnd_1')
    for (const fault of ['lost_after', 'slow', 'rate_limited', 'html', 'lost_before', 'half_json'] as const) {
      bench.fault(fault, subject.storePath)
      assert.equal((await bench.bind(call, input)).kind, 'uncertain', fault)
    }
    assertBound(await toTheEnd(bench, await bench.bind(call, input)))
    assert.equal(bench.effects(firstEffect(bench)).length, 1)
  })
}

/** Nobody's, or a part of somebody's. */
export const strangeBodies = [
  '',
  'null',
  '[]',
  '{}',
  '"ok"',
  '{"status":"succeeded"}',
  '{"resultCode":"Authorised"}',
  '{"result":{"resultStatus":"S"}}',
  '{"error":{}}',
  '{"error":"no"}',
  '\u0000',
  '{"id":',
]

function contractOfStrangers(subject: Subject): void {
  test('an answer that is not the channel speaking never decides anything', async () => {
    for (const status of [200, 201, 202, 204, 301, 302, 404, 408, 409, 418, 429, 500, 502, 503, 504]) {
      for (const body of strangeBodies) {
        const bench = createBench(subject)
        const answer = { status, headers: { 'content-type': 'application/json' }, body }
        const outcome = await bench.bind({ ...bench.call('opn_1'), send: () => Promise.resolve(answer) }, bench.input('bnd_1'))
        assert.equal(outcome.kind, 'uncertain', `${status} ${body}: ${kindOf(outcome)}`)
      }
    }
  })

  test('a look-up of what was never asked finds nothing of ours', async context => {
    if (subject.channel.lookUp === undefined) return context.skip('the channel has no look-up')
    const bench = createBench(subject)
    const other = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    const known = 'references' in other ? other.references : undefined
    const names = known?.customer === undefined ? {} : { customer: known.customer }
    const { plain } = bench
    const asked = { customer: 'cus_contract', binding: 'bnd_2', verb: 'bind' as const, references: names, source: plain.source }
    const found = await subject.channel.lookUp(bench.call('opn_2'), asked)
    assert.ok(found.kind === 'none' || found.kind === 'uncertain', kindOf(found))
  })

  test('a closed door says nothing about the instrument', async () => {
    for (const status of [401, 403]) {
      const bench = createBench(subject)
      const answer = { status, headers: { 'content-type': 'application/json' }, body: '{}' }
      const outcome = await bench.bind({ ...bench.call('opn_1'), send: () => Promise.resolve(answer) }, bench.input('bnd_1'))
      assert.ok(
        outcome.kind === 'uncertain' || (outcome.kind === 'refused' && outcome.category === 'misconfigured'),
        `${status}: ${kindOf(outcome)}`,
      )
    }
  })
}

/** The part of the contract about repetition: what is declared of keys, windows and look-ups is what happens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstEffect, toTheEnd } from './contract-answers.ts'
import { assertBound, assertJudged, createBench, kindOf, type Subject, settleBind } from './contract-bench.ts'
import { readAll } from './contract-webhook.ts'

export function contractOfKeys(subject: Subject): void {
  const repeat = subject.channel.repeat.bind
  if (repeat?.kind === 'keyed') contractOfWindows(subject, repeat.windowMs)
  if (repeat?.kind !== 'lookUp') contractOfRepetition(subject)
  if (subject.channel.lookUp !== undefined) contractOfLateAnswers(subject)
}

function contractOfRepetition(subject: Subject): void {
  const repeat = subject.channel.repeat.bind

  test('the same call again is the same effect, where it is declared so', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const first = await bench.bind(call, bench.input('bnd_1'))
    const second = await bench.bind(call, bench.input('bnd_1'))
    assert.equal(second.kind, first.kind)
    if (repeat?.kind === 'keyed') {
      assert.deepEqual(second, first)
      assert.equal(bench.effects(firstEffect(bench)).length, 1)
    }
    assertBound(await toTheEnd(bench, second))
    assert.equal(bench.effects('stored').length, 1)
    assertJudged(bench)
  })
}

function contractOfWindows(subject: Subject, windowMs: number): void {
  test('the same key with another request decides nothing', async () => {
    const bench = createBench(subject)
    const first = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    assert.equal(first.kind, bench.plain.outcome)
    const outcome = await bench.bind(bench.call('opn_2', bench.plain, 'key_opn_1'), bench.input('bnd_2'))
    assert.equal(kindOf(outcome).split(' ')[0], 'uncertain', kindOf(outcome))
    assert.equal(bench.effects(firstEffect(bench)).length, 1)
  })

  test('a key as long as ours may be stays within the channel’s limit', async () => {
    const bench = createBench(subject)
    const outcome = await bench.bind(bench.call('opn_1', bench.plain, 'k'.repeat(40)), bench.input('bnd_1'))
    assert.equal(outcome.kind, bench.plain.outcome)
    assertJudged(bench)
  })

  test('the key is remembered as long as declared, and a repetition after that is a second effect', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const count = () => bench.effects(firstEffect(bench)).length
    await bench.bind(call, bench.input('bnd_1'))
    bench.clock.nowMs += windowMs - 1
    await bench.bind(call, bench.input('bnd_1'))
    assert.equal(count(), 1)
    bench.clock.nowMs += 1
    await bench.bind(call, bench.input('bnd_1'))
    assert.equal(count(), 2)
  })
}

function contractOfLateAnswers(subject: Subject): void {
  const repeat = subject.channel.repeat.bind

  test('when the key’s window has ended a lost answer is found by its name, or told', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const input = bench.input('bnd_1')
    bench.fault('lost_after', subject.storePath)
    const first = await bench.bind(call, input)
    // A challenge may have lapsed by then, and that is an answer too.
    bench.clock.nowMs += repeat?.kind === 'keyed' ? repeat.windowMs + 1 : 60_000
    const settled = await settleBind(bench, call, input, first, 0)
    assert.ok(bench.effects(firstEffect(bench)).length <= 1)
    if (subject.endingIsTold !== true) {
      const lapsed = bench.plain.outcome !== 'bound' && settled.kind === 'refused'
      return assert.ok(settled.kind === bench.plain.outcome || lapsed, kindOf(settled))
    }
    assert.equal(settled.kind, 'uncertain', 'a likeness is not an answer')
    const [stored] = bench.effects('stored')
    const told = await readAll(bench)
    assert.ok(
      told.some(one => one.operation === 'opn_1' && one.news?.kind === 'bound' && one.news.token === stored?.token),
      'the webhook tells how it ended',
    )
  })
}

/** The part of the contract about answers that do not come, come wrong, or come twice: never a guess, never a second effect. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertBound, assertJudged, createBench, kindOf, type Subject, settleBind } from './contract-bench.ts'
import { toldOf } from './contract-webhook.ts'
import { type AnswerFault, answerFaults } from './faults.ts'

export function contractOfAnswers(subject: Subject): void {
  contractOfFaults(subject)
  contractOfStrangers(subject)
  contractOfKeys(subject)
  contractOfWindows(subject)
}

/** Which requests a clean bind makes, so that every one of them can be made to fail. */
async function pathsOfBind(subject: Subject): Promise<readonly string[]> {
  const bench = createBench(subject)
  await bench.bind(bench.call('opn_0'), bench.input('bnd_0'))
  return [...new Set(bench.stage.requests().map(one => one.path))]
}

function contractOfFaults(subject: Subject): void {
  const tryFault = async (fault: AnswerFault, path: string, times: number) => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const input = bench.input('bnd_1')
    bench.fault(fault, path, times)
    const first = await bench.bind(call, input)
    assert.equal(first.kind, 'uncertain', `${path}: ${kindOf(first)}`)
    bench.stage.faults.clear()
    const last = await settleBind(bench, call, input, first)
    const stored = bench.effects('stored')
    assert.ok(stored.length <= 1, `${path}: stored ${stored.length} times`)
    if (last.kind === 'bound') assert.equal(stored[0]?.token, last.token, path)
    else if (last.kind === 'none' || (last.kind === 'refused' && last.by === 'channel')) assert.equal(stored.length, 0, path)
    else assert.fail(`${path}: ${kindOf(last)}`)
    assertJudged(bench)
    return last
  }

  for (const fault of answerFaults) {
    test(`an answer that is ${fault} is uncertain, and is settled by one effect at most`, async () => {
      for (const path of await pathsOfBind(subject)) await tryFault(fault, path, 1)
      assertBound(await tryFault(fault, subject.storePath, 1))
    })
  }

  test('a channel that is down for a while does not make a second effect', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const input = bench.input('bnd_1')
    for (const fault of ['lost_after', 'slow', 'rate_limited', 'html', 'lost_before', 'half_json'] as const) {
      bench.fault(fault, subject.storePath)
      assert.equal((await bench.bind(call, input)).kind, 'uncertain', fault)
    }
    assertBound(await bench.bind(call, input))
    assert.equal(bench.effects('stored').length, 1)
  })
}

function contractOfStrangers(subject: Subject): void {
  test('an answer that is not the channel speaking never decides anything', async () => {
    const bodies = [
      '',
      'null',
      '[]',
      '{}',
      '"ok"',
      '{"status":"succeeded"}',
      '{"resultCode":"Authorised"}',
      '{"error":{}}',
      '{"error":"no"}',
      '\u0000',
      '{"id":',
    ]
    for (const status of [200, 201, 204, 301, 302, 404, 408, 409, 418, 429, 500, 502, 503, 504]) {
      for (const body of bodies) {
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
    assertBound(other)
    const { customer = '' } = other.references
    const names = customer === '' ? {} : { customer }
    const found = await subject.channel.lookUp(bench.call('opn_2'), {
      customer: 'cus_contract',
      binding: 'bnd_2',
      verb: 'bind',
      references: names,
      card: undefined,
    })
    assert.ok(found.kind === 'none' || found.kind === 'uncertain', kindOf(found))
  })
}

function contractOfKeys(subject: Subject): void {
  const repeat = subject.channel.repeat.bind

  test('the same call again is the same effect', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const first = await bench.bind(call, bench.input('bnd_1'))
    const second = await bench.bind(call, bench.input('bnd_1'))
    assert.deepEqual(second, first)
    assert.equal(bench.effects('stored').length, 1)
    assertJudged(bench)
  })

  test('the same key with another request decides nothing', async () => {
    const bench = createBench(subject)
    assertBound(await bench.bind(bench.call('opn_1'), bench.input('bnd_1')))
    const outcome = await bench.bind(bench.call('opn_2', subject.approved, 'key_opn_1'), bench.input('bnd_2'))
    assert.equal(kindOf(outcome).split(' ')[0], 'uncertain')
    assert.equal(bench.effects('stored').length, 1)
  })

  test('a key as long as ours may be stays within the channel’s limit', async () => {
    if (repeat?.kind !== 'keyed') return
    assert.ok(repeat.keyLengthMax >= 40)
    const bench = createBench(subject)
    assertBound(await bench.bind(bench.call('opn_1', subject.approved, 'k'.repeat(40)), bench.input('bnd_1')))
    assertJudged(bench)
  })
}

function contractOfWindows(subject: Subject): void {
  const repeat = subject.channel.repeat.bind

  test('the key is remembered as long as declared, and a repetition after that is a second effect', async context => {
    if (repeat?.kind !== 'keyed') return context.skip('the channel has no keys')
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    await bench.bind(call, bench.input('bnd_1'))
    bench.clock.nowMs += repeat.windowMs - 1
    await bench.bind(call, bench.input('bnd_1'))
    assert.equal(bench.effects('stored').length, 1)
    bench.clock.nowMs += 1
    await bench.bind(call, bench.input('bnd_1'))
    assert.equal(bench.effects('stored').length, 2)
  })

  test('after the key’s window a lost answer is found by its name', async context => {
    if (subject.channel.lookUp === undefined) return context.skip('the channel has no look-up')
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const input = bench.input('bnd_1')
    bench.fault('lost_after', subject.storePath)
    const first = await bench.bind(call, input)
    bench.clock.nowMs += 30 * 86_400_000
    const settled = await settleBind(bench, call, input, first, 0)
    const [stored, ...more] = bench.effects('stored')
    assert.equal(more.length, 0)
    if (subject.endingIsTold !== true) return assertBound(settled)
    assert.equal(settled.kind, 'uncertain', 'a likeness is not an answer')
    assert.ok(
      toldOf(bench).some(one => one.operation === 'opn_1' && one.news?.kind === 'bound' && one.news.token === stored?.token),
      'the webhook tells how it ended',
    )
  })
}

/**
 * The suite every channel passes. A channel's own test calls `contract(subject)` with its simulator, its cards and its account; what is
 * asserted here is the same for all: nothing definite is made of an unclear answer, one key is one effect, and what we believe in the
 * end is what stands in the channel's own books.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BindOutcome, LookUpOutcome } from './channel.ts'
import { type Bench, createBench, type Subject, settleBind } from './contract-bench.ts'
import { contractOfWebhooks, toldOf } from './contract-webhook.ts'
import { type AnswerFault, answerFaults } from './faults.ts'

export type { Subject } from './contract-bench.ts'

export function contract(subject: Subject): void {
  describe(`${subject.channel.name}: the contract of a channel`, () => {
    test(`the specification judges: ${subject.judge === undefined ? 'SKIPPED, no specifications here' : 'on'}`, context => {
      if (subject.judge === undefined) context.skip('SPECS_DIR has no specifications')
    })
    contractOfBinding(subject)
    contractOfChallenges(subject)
    contractOfFaults(subject)
    contractOfKeys(subject)
    contractOfRevoking(subject)
    if (subject.channel.webhook !== undefined) contractOfWebhooks(subject)
  })
}

function kindOf(outcome: LookUpOutcome): string {
  return outcome.kind === 'uncertain' ? `uncertain (${outcome.cause})` : outcome.kind
}

/** Ours and the simulator's: neither side said anything the specification does not know. */
function assertJudged(bench: Bench): void {
  assert.deepEqual(bench.stage.violations(), [])
}

function assertBound(outcome: LookUpOutcome): asserts outcome is Extract<LookUpOutcome, { kind: 'bound' }> {
  assert.equal(kindOf(outcome), 'bound')
}

function contractOfBinding(subject: Subject): void {
  test('a good card is bound by one effect under our reference', async () => {
    const bench = createBench(subject)
    const outcome = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    assertBound(outcome)
    assert.deepEqual(
      bench.effects('card_stored').map(one => [one.reference, one.token]),
      [['opn_1', outcome.token]],
    )
    assertJudged(bench)
  })

  for (const { card, category } of subject.declined) {
    test(`a refusal by the issuer is final and says why: ${category} (…${card.number.slice(-4)})`, async () => {
      const bench = createBench(subject)
      const outcome = await bench.bind(bench.call('opn_1', card), bench.input('bnd_1', {}, card))
      assert.equal(outcome.kind, 'refused')
      assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.elsewhere], [category, false])
      assert.equal(bench.effects('card_stored').length, 0)
      assertJudged(bench)
    })
  }

  test('a refusal with a code nobody knows is a refusal of unknown cause, by the issuer, not presented elsewhere', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const outcome = await bench.bind(
      {
        ...call,
        send: request =>
          new URL(request.url).pathname === subject.storePath ? Promise.resolve(subject.unknownRefusal) : call.send(request),
      },
      bench.input('bnd_1'),
    )
    assert.deepEqual(outcome.kind === 'refused' && [outcome.by, outcome.category, outcome.elsewhere], ['issuer', 'unknown', false])
  })

  test('the card is asked for by placeholders, and kept by nobody but the vault', async () => {
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const sent: string[] = []
    const send: typeof call.send = request => {
      sent.push(JSON.stringify(request))
      return call.send(request)
    }
    const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1'))
    const kept = JSON.stringify([outcome, bench.stage.requests(), bench.stage.simulator.books(), bench.deliveries()])
    for (const text of [...sent, kept]) assert.ok(!text.includes(subject.approved.number))
    assert.ok(sent.some(text => text.includes('{{card.number}}')))
  })
}

function contractOfChallenges(subject: Subject): void {
  const begin = async (bench: Bench) => {
    const call = bench.call('opn_1', subject.challenged)
    const input = bench.input('bnd_1', {}, subject.challenged)
    const outcome = await bench.bind(call, input)
    if (outcome.kind !== 'challenged') throw new assert.AssertionError({ message: `not challenged but ${kindOf(outcome)}` })
    const resume = (returned: Readonly<Record<string, string>>): Promise<BindOutcome> => {
      if (bench.channel.resume === undefined) throw new TypeError('a channel that challenges resumes')
      return bench.channel.resume(bench.call('opn_2'), {
        customer: input.customer,
        binding: input.binding,
        references: outcome.references,
        returned,
      })
    }
    return { outcome, resume }
  }

  test('a challenge that is passed ends bound, and stores once', async () => {
    const bench = createBench(subject)
    const { outcome, resume } = await begin(bench)
    assert.equal(bench.effects('card_stored').length, 0)
    const returned = subject.challenge(bench, outcome, true)
    assertBound(await resume(returned))
    assertBound(await resume(returned))
    assert.equal(bench.effects('card_stored').length, 1)
    assertJudged(bench)
  })

  test('a challenge that is failed ends refused, and stores nothing', async () => {
    const bench = createBench(subject)
    const { outcome, resume } = await begin(bench)
    const ended = await resume(subject.challenge(bench, outcome, false))
    assert.deepEqual(ended.kind === 'refused' && [ended.category, ended.elsewhere], ['authentication_failed', false])
    assert.equal(bench.effects('card_stored').length, 0)
    assertJudged(bench)
  })

  test('a browser that comes back without an answer decides nothing', async () => {
    const bench = createBench(subject)
    const { resume } = await begin(bench)
    for (const returned of [
      {},
      { setup_intent: 'seti_other', redirect_status: 'succeeded', redirectResult: 'made up', payload: 'made up' },
    ]) {
      const ended = await resume(returned)
      assert.ok(ended.kind === 'challenged' || ended.kind === 'uncertain', kindOf(ended))
    }
    assert.equal(bench.effects('card_stored').length, 0)
  })

  for (const fault of answerFaults) {
    test(`a resume whose answer is ${fault} can be asked again`, async () => {
      const bench = createBench(subject)
      const { outcome, resume } = await begin(bench)
      const returned = subject.challenge(bench, outcome, true)
      bench.fault(fault, '*')
      assert.equal((await resume(returned)).kind, 'uncertain')
      assertBound(await resume(returned))
      assert.equal(bench.effects('card_stored').length, 1)
    })
  }
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
    const stored = bench.effects('card_stored')
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
    assert.equal(bench.effects('card_stored').length, 1)
  })

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
    assert.equal(bench.effects('card_stored').length, 1)
    assertJudged(bench)
  })

  test('the same key with another request decides nothing', async () => {
    const bench = createBench(subject)
    assertBound(await bench.bind(bench.call('opn_1'), bench.input('bnd_1')))
    const outcome = await bench.bind(bench.call('opn_2', subject.approved, 'key_opn_1'), bench.input('bnd_2'))
    assert.equal(kindOf(outcome).split(' ')[0], 'uncertain')
    assert.equal(bench.effects('card_stored').length, 1)
  })

  test('a key as long as ours may be stays within the channel’s limit', async () => {
    if (repeat?.kind !== 'keyed') return
    assert.ok(repeat.keyLengthMax >= 40)
    const bench = createBench(subject)
    assertBound(await bench.bind(bench.call('opn_1', subject.approved, 'k'.repeat(40)), bench.input('bnd_1')))
    assertJudged(bench)
  })

  test('the key is remembered as long as declared, and a repetition after that is a second effect', async context => {
    if (repeat?.kind !== 'keyed') return context.skip('the channel has no keys')
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    await bench.bind(call, bench.input('bnd_1'))
    bench.clock.nowMs += repeat.windowMs - 1
    await bench.bind(call, bench.input('bnd_1'))
    assert.equal(bench.effects('card_stored').length, 1)
    bench.clock.nowMs += 1
    await bench.bind(call, bench.input('bnd_1'))
    assert.equal(bench.effects('card_stored').length, 2)
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
    const [stored, ...more] = bench.effects('card_stored')
    assert.equal(more.length, 0)
    if (subject.endingIsTold !== true) return assertBound(settled)
    assert.equal(settled.kind, 'uncertain', 'a likeness is not an answer')
    assert.ok(
      toldOf(bench).some(one => one.operation === 'opn_1' && one.news?.kind === 'bound' && one.news.token === stored?.token),
      'the webhook tells how it ended',
    )
  })
}

/** Faults that leave status and effect alone. */
const spoilsBodies: readonly AnswerFault[] = ['half_json', 'empty', 'other_object']

function contractOfRevoking(subject: Subject): void {
  const begin = async (bench: Bench) => {
    const bound = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    assertBound(bound)
    const revoke = (operation: string) => {
      if (bench.channel.revoke === undefined) throw new TypeError('the channel cannot revoke')
      return bench.channel.revoke(bench.call(operation), {
        customer: 'cus_contract',
        binding: 'bnd_1',
        token: bound.token,
        references: bound.references,
      })
    }
    return { bound, revoke }
  }
  const able = subject.channel.revoke !== undefined

  test('a revoked card is gone at the channel, and revoking what is gone is done', { skip: !able }, async () => {
    const bench = createBench(subject)
    const { bound, revoke } = await begin(bench)
    assert.equal((await revoke('opn_2')).kind, 'revoked')
    assert.deepEqual(
      bench.effects('card_removed').map(one => one.token),
      [bound.token],
    )
    assert.equal((await revoke('opn_3')).kind, 'revoked')
    assert.equal(bench.stage.simulator.books().cards.filter(one => one.usable).length, 0)
    assertJudged(bench)
  })

  for (const fault of answerFaults) {
    test(`a revocation whose answer is ${fault} is uncertain, and is done when asked again`, { skip: !able }, async () => {
      const bench = createBench(subject)
      const { revoke } = await begin(bench)
      bench.fault(fault, '*')
      const first = await revoke('opn_2')
      const unspoilt = subject.bodylessRevocation === true && spoilsBodies.includes(fault)
      assert.equal(first.kind, unspoilt ? 'revoked' : 'uncertain')
      assert.equal((await revoke('opn_3')).kind, 'revoked')
      assert.equal(bench.effects('card_removed').length, 1)
    })
  }
}

/**
 * The suite every channel passes. A channel's own test calls `contract(subject)` with its simulator, its cards and its account; what is
 * asserted here is the same for all: nothing definite is made of an unclear answer, one key is one effect, and what we believe in the
 * end is what stands in the channel's own books.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BindOutcome } from './channel.ts'
import { contractOfAnswers } from './contract-answers.ts'
import { assertBound, assertJudged, type Bench, createBench, kindOf, type Subject } from './contract-bench.ts'
import { contractOfWebhooks } from './contract-webhook.ts'
import { type AnswerFault, answerFaults } from './faults.ts'

export type { Subject } from './contract-bench.ts'

export function contract(subject: Subject): void {
  describe(`${subject.channel.name}: the contract of a channel`, () => {
    test(`the specification judges: ${subject.judge === undefined ? 'SKIPPED, no specifications here' : 'on'}`, context => {
      if (subject.judge === undefined) context.skip('SPECS_DIR has no specifications')
    })
    contractOfBinding(subject)
    contractOfChallenges(subject)
    contractOfAnswers(subject)
    contractOfRevoking(subject)
    if (subject.channel.webhook !== undefined) contractOfWebhooks(subject)
  })
}

function contractOfBinding(subject: Subject): void {
  test('a good card is bound by one effect under our reference', async () => {
    const bench = createBench(subject)
    const outcome = await bench.bind(bench.call('opn_1'), bench.input('bnd_1'))
    assertBound(outcome)
    assert.deepEqual(
      bench.effects('stored').map(one => [one.reference, one.token]),
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
      assert.equal(bench.effects('stored').length, 0)
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

type Begun = {
  readonly outcome: Parameters<Subject['challenge']>[1]
  readonly resume: (returned: Readonly<Record<string, string>>) => Promise<BindOutcome>
}

async function beginChallenge(subject: Subject, bench: Bench): Promise<Begun> {
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

function contractOfChallenges(subject: Subject): void {
  const begin = (bench: Bench) => beginChallenge(subject, bench)

  test('a challenge that is passed ends bound, and stores once', async () => {
    const bench = createBench(subject)
    const { outcome, resume } = await begin(bench)
    assert.equal(bench.effects('stored').length, 0)
    const returned = subject.challenge(bench, outcome, true)
    assertBound(await resume(returned))
    assertBound(await resume(returned))
    assert.equal(bench.effects('stored').length, 1)
    assertJudged(bench)
  })

  test('a challenge that is failed ends refused, and stores nothing', async () => {
    const bench = createBench(subject)
    const { outcome, resume } = await begin(bench)
    const ended = await resume(subject.challenge(bench, outcome, false))
    assert.deepEqual(ended.kind === 'refused' && [ended.category, ended.elsewhere], ['authentication_failed', false])
    assert.equal(bench.effects('stored').length, 0)
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
    assert.equal(bench.effects('stored').length, 0)
  })

  for (const fault of answerFaults) {
    test(`a resume whose answer is ${fault} can be asked again`, async () => {
      const bench = createBench(subject)
      const { outcome, resume } = await begin(bench)
      const returned = subject.challenge(bench, outcome, true)
      bench.fault(fault, '*')
      assert.equal((await resume(returned)).kind, 'uncertain')
      assertBound(await resume(returned))
      assert.equal(bench.effects('stored').length, 1)
    })
  }
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
      bench.effects('removed').map(one => one.token),
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
      assert.equal(bench.effects('removed').length, 1)
    })
  }
}

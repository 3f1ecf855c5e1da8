/** The part of the contract about challenges: every one the channel has, passed, failed, come back from empty-handed, and answered badly. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actionTypes } from './action.ts'
import type { BindOutcome, LookUpOutcome, SandboxValue } from './channel.ts'
import {
  afterChallenge,
  assertBound,
  assertJudged,
  type Bench,
  createBench,
  goOn,
  kindOf,
  type Subject,
  valuesByShape,
} from './contract-bench.ts'
import { answerFaults } from './faults.ts'

type Challenge = BindOutcome & { readonly kind: 'challenged' }

async function begin(bench: Bench, value: SandboxValue): Promise<Challenge> {
  const outcome = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
  if (outcome.kind !== 'challenged') throw new assert.AssertionError({ message: `not challenged but ${kindOf(outcome)}` })
  return outcome
}

export function contractOfChallenges(subject: Subject): void {
  for (const [shape, value] of valuesByShape(subject)) {
    if (value.outcome !== 'challenged') continue
    contractOfChallenge(subject, shape, value)
    contractOfLostResumes(subject, shape, value)
  }
  if (subject.channel.resend !== undefined) contractOfResending(subject)
}

function contractOfChallenge(subject: Subject, shape: string, value: SandboxValue): void {
  test(`${shape}: the next step is data that any page can show`, async () => {
    const outcome = await begin(createBench(subject), value)
    for (const action of [outcome.action, ...(outcome.alternatives ?? [])]) {
      assert.ok(actionTypes.some(one => one === action.type))
      if ('url' in action && action.url !== undefined) assert.ok(URL.canParse(action.url), action.url)
    }
  })

  test(`${shape}: a challenge that is passed ends bound, stores once, and stays so when asked again`, async () => {
    const bench = createBench(subject)
    const outcome = await begin(bench, value)
    assert.equal(bench.effects('stored').length, 0)
    assertBound(await afterChallenge(bench, outcome, true, value))
    if (subject.channel.lookUp !== undefined && subject.endingIsTold !== true)
      assertBound(await goOn(bench, outcome.references, undefined, value))
    assert.equal(bench.effects('stored').length, 1)
    assertJudged(bench)
  })

  test(`${shape}: a challenge that is failed ends refused, or may be tried again, and stores nothing`, async () => {
    const bench = createBench(subject)
    const ended = await afterChallenge(bench, await begin(bench, value), false, value)
    if (ended.kind === 'challenged')
      assert.ok(['otp', 'micro_deposits'].includes(ended.action.type), 'only what is typed may be typed again')
    else assert.equal(ended.kind === 'refused' && ended.elsewhere, false, kindOf(ended))
    assert.equal(bench.effects('stored').length, 0)
    assertJudged(bench)
  })

  test(`${shape}: a browser that comes back without an answer decides nothing`, async context => {
    if (subject.channel.resume === undefined) return context.skip('nothing comes back')
    const bench = createBench(subject)
    const { references } = await begin(bench, value)
    for (const returned of [
      {},
      { setup_intent: 'seti_other', redirect_status: 'succeeded', redirectResult: 'made up', payload: 'made up' },
    ]) {
      const ended = await goOn(bench, references, returned, value)
      assert.ok(ended.kind === 'challenged' || ended.kind === 'uncertain', kindOf(ended))
    }
    assert.equal(bench.effects('stored').length, 0)
  })
}

/** What the core does with an unsettled resume: again where that is allowed, else a look-up. */
async function settleResume(
  bench: Bench,
  of: { readonly challenge: Challenge; readonly value: SandboxValue },
  returned: Readonly<Record<string, string>>,
): Promise<LookUpOutcome> {
  const again = bench.channel.repeat.resume?.kind === 'lookUp' ? undefined : returned
  return goOn(bench, of.challenge.references, again, of.value)
}

function contractOfLostResumes(subject: Subject, shape: string, value: SandboxValue): void {
  for (const fault of answerFaults) {
    test(`${shape}: a resume whose answer is ${fault} is uncertain, and is settled by one effect`, async context => {
      const bench = createBench(subject)
      const challenge = await begin(bench, value)
      const returned = await bench.play(challenge, true)
      bench.fault(fault, '*')
      const first = await goOn(bench, challenge.references, returned, value)
      const bodiless = subject.bodylessResume === true && (fault === 'half_json' || fault === 'empty')
      const spared = ((fault === 'wrong_money' && bench.miscounted() === 0) || bodiless) && first.kind !== 'uncertain'
      if (!spared) assert.equal(first.kind, 'uncertain', kindOf(first))
      bench.stage.faults.clear()
      const next =
        returned === undefined
          ? await goOn(bench, challenge.references, undefined, value)
          : await settleResume(bench, { challenge, value }, returned)
      const last = next.kind === 'challenged' && spared === false ? await onward(bench, next, value) : next
      const undone = fault === 'lost_before' || fault === 'error_before' || fault === 'rate_limited'
      if (undone && last.kind === 'challenged' && bench.channel.repeat.resume?.kind === 'lookUp') return context.diagnostic('asks again')
      if (!spared) assertBound(last)
      assert.ok(bench.effects('stored').length <= 1)
    })
  }
}

/** A second stage, or the same challenge shown again because the first answer never arrived. */
const onward = (bench: Bench, challenge: Challenge, value: SandboxValue): Promise<LookUpOutcome> =>
  afterChallenge(bench, challenge, true, value)

function contractOfResending(subject: Subject): void {
  const value = subject.channel.sandboxValues.find(one => one.shape === 'otp' && one.outcome === 'challenged' && one.ends === undefined)
  test('a one-time password is sent again, at most as often as declared, and the last one is good', async context => {
    const { resend, repeat } = subject.channel
    if (resend === undefined || value === undefined) return context.skip('it sends no passwords')
    const bench = createBench(subject)
    let challenge = await begin(bench, value)
    const about = { customer: 'cus_contract', binding: 'bnd_1' }
    assert.ok(repeat.resend?.kind === 'repeatable')
    const again = await resend(bench.call('opn_9', value), { ...about, references: challenge.references, returned: {} })
    if (again.kind !== 'challenged') return assert.fail(kindOf(again))
    challenge = again
    assertBound(await afterChallenge(bench, challenge, true, value))
    assert.equal(bench.effects('stored').length, 1)
    assertJudged(bench)
  })
}

/** The part of the contract about what comes after binding: refreshing, and giving up what is there, what is gone, and what did not answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LookUpInput, LookUpOutcome, RevokeOutcome } from './channel.ts'
import { assertJudged, type Bench, bindFully, createBench, kindOf, type Subject } from './contract-bench.ts'
import { type AnswerFault, answerFaults } from './faults.ts'

export function contractOfKeeping(subject: Subject): void {
  if (subject.channel.revoke !== undefined) {
    contractOfRevoking(subject)
    contractOfLostRevocations(subject)
  }
  if (subject.channel.refresh !== undefined) contractOfRefreshing(subject)
  if (subject.channel.update !== undefined) contractOfUpdating(subject)
}

type Held = {
  readonly token: string
  readonly revoke: (operation: string) => Promise<RevokeOutcome>
  readonly ask: () => Promise<LookUpOutcome>
  /** By nothing but its token: what is left of one that was erased. */
  readonly askByToken: () => Promise<LookUpOutcome>
}

async function hold(bench: Bench): Promise<Held> {
  const bound = await bindFully(bench)
  const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references }
  const look = (names: Pick<LookUpInput, 'references' | 'token'>) => {
    if (bench.channel.lookUp === undefined) throw new TypeError('a channel that revokes later is asked')
    return bench.channel.lookUp(bench.call('opn_8'), { ...about, ...names, verb: 'revoke', source: bench.plain.source })
  }
  return {
    token: bound.token,
    ask: () => look({ references: bound.references }),
    askByToken: () => look({ references: {}, token: bound.token }),
    revoke(operation) {
      if (bench.channel.revoke === undefined) throw new TypeError('the channel cannot revoke')
      return bench.channel.revoke(bench.call(operation), { ...about, token: bound.token })
    },
  }
}

/** Until it is gone: some channels take a revocation on and carry it out later. */
async function untilGone(bench: Bench, held: Held, first: LookUpOutcome): Promise<LookUpOutcome> {
  let outcome = first
  for (let day = 0; outcome.kind === 'revoking' && day < 5; day += 1) {
    bench.clock.nowMs += 86_400_000
    outcome = await held.ask()
  }
  return outcome
}

/** Channels that show what they hold by its token and nothing else. */
const askedByToken: ReadonlySet<string> = new Set(['adyen', 'checkout', 'gocardless', 'paypal', 'pix', 'square', 'stripe'])

function contractOfRevoking(subject: Subject): void {
  test('what is revoked is gone at the channel, and revoking what is gone is done', async () => {
    const bench = createBench(subject)
    const held = await hold(bench)
    const first = await untilGone(bench, held, await held.revoke('opn_6'))
    assert.equal(first.kind, 'revoked', kindOf(first))
    assert.deepEqual(
      bench.effects('removed').map(one => one.token),
      [held.token],
    )
    assert.equal((await held.revoke('opn_7')).kind, 'revoked')
    assert.equal(bench.stage.simulator.books().held.filter(one => one.usable).length, 0)
    assertJudged(bench)
  })

  test('whether it is still there can be asked by its token alone', async context => {
    const bench = createBench(subject)
    if (bench.channel.lookUp === undefined) return context.skip('the channel answers a revocation at once')
    if (!askedByToken.has(subject.channel.name)) return context.skip('the channel shows nothing of a token by its name alone')
    const held = await hold(bench)
    const before = await held.askByToken()
    assert.equal(before.kind, 'none', kindOf(before))
    await untilGone(bench, held, await held.revoke('opn_6'))
    const after = await held.askByToken()
    assert.equal(after.kind, 'revoked', kindOf(after))
  })

  test('what the channel took back on its own is gone when we revoke it', async context => {
    const bench = createBench(subject)
    const name = Object.entries(bench.stage.simulator.acts).find(([, becomes]) => becomes === 'gone')?.[0]
    if (name === undefined) return context.skip('the channel takes nothing back')
    const held = await hold(bench)
    await bench.stage.simulator.act(name, held.token, {
      nowMs: bench.clock.nowMs,
      random: n => Buffer.alloc(n, 7),
      address: 'http://127.0.0.1:9',
    })
    const outcome = await held.revoke('opn_6')
    assert.equal(outcome.kind, 'revoked', kindOf(outcome))
    assertJudged(bench)
  })
}

/** Faults that leave status and effect alone. */
const spoilsBodies: readonly AnswerFault[] = ['half_json', 'empty', 'other_object', 'wrong_money']

function contractOfLostRevocations(subject: Subject): void {
  for (const fault of answerFaults) {
    test(`a revocation whose answer is ${fault} is uncertain, and is done when asked again`, async () => {
      const bench = createBench(subject)
      const held = await hold(bench)
      bench.fault(fault, '*')
      const first = await held.revoke('opn_6')
      const unspoilt = (subject.bodylessRevocation === true && spoilsBodies.includes(fault)) || fault === 'wrong_money'
      if (!unspoilt || first.kind === 'uncertain') assert.equal(first.kind, 'uncertain', kindOf(first))
      bench.stage.faults.clear()
      const last = await untilGone(bench, held, await held.revoke('opn_6'))
      assert.equal(last.kind, 'revoked', kindOf(last))
      assert.equal(bench.effects('removed').length, 1)
    })
  }
}

function contractOfRefreshing(subject: Subject): void {
  const refreshed = async (bench: Bench) => {
    const bound = await bindFully(bench)
    const about = { customer: 'cus_contract', binding: 'bnd_1', references: bound.references, token: bound.token }
    return (operation: string) => {
      if (bench.channel.refresh === undefined) throw new TypeError('the channel cannot refresh')
      return bench.channel.refresh(bench.call(operation), about)
    }
  }

  test('a refresh tells what is new, or that it will be told', async () => {
    const bench = createBench(subject)
    const outcome = await (await refreshed(bench))('opn_6')
    assert.ok(outcome.kind === 'updated' || outcome.kind === 'verifying', kindOf(outcome))
    assertJudged(bench)
  })

  for (const fault of answerFaults) {
    test(`a refresh whose answer is ${fault} is uncertain, and takes nothing away`, async () => {
      const bench = createBench(subject)
      const refresh = await refreshed(bench)
      bench.fault(fault, '*')
      const first = await refresh('opn_6')
      const spared = fault === 'wrong_money' || (fault === 'other_object' && subject.namelessRefresh === true)
      if (!spared) assert.equal(first.kind, 'uncertain', kindOf(first))
      bench.stage.faults.clear()
      const again = await refresh('opn_6')
      assert.ok(['updated', 'verifying', 'uncertain'].includes(again.kind), kindOf(again))
      assert.equal(bench.effects('removed').length, 0)
    })
  }
}

function contractOfUpdating(subject: Subject): void {
  const held = async (bench: Bench) => {
    const { token, references, shown } = await bindFully(bench)
    const { last4 = '', expiryMonth = 12, expiryYear = 2030 } = shown ?? {}
    const card = { last4, expiryMonth: (expiryMonth % 12) + 1, expiryYear: expiryYear + 3 }
    const about = { customer: 'cus_contract', binding: 'bnd_1', references, token, card }
    const update = (operation: string, more: Partial<typeof about> = {}) => {
      if (bench.channel.update === undefined) throw new TypeError('the channel cannot update')
      return bench.channel.update(bench.call(operation), { ...about, ...more })
    }
    return { token, references, card, update }
  }
  const shows = (outcome: LookUpOutcome, card: { readonly expiryMonth: number; readonly expiryYear: number }): boolean =>
    outcome.kind === 'updated' && outcome.shown?.expiryMonth === card.expiryMonth && outcome.shown.expiryYear === card.expiryYear

  test('a new end of the card is set behind the same token, and set again it is the same', async () => {
    const bench = createBench(subject)
    const { token, card, update } = await held(bench)
    for (const operation of ['opn_6', 'opn_7']) assert.ok(shows(await update(operation), card))
    assert.deepEqual([...new Set(bench.effects('changed').map(one => one.token))], [token])
    assert.equal(bench.effects('stored').length, 1)
    assert.equal(bench.effects('removed').length, 0)
    assertJudged(bench)
  })

  test('what is gone is not updated, and what no card has is refused', async () => {
    const bench = createBench(subject)
    const { token, card, references, update } = await held(bench)
    const past = await update('opn_5', { card: { ...card, expiryYear: 2001 } })
    assert.ok(past.kind === 'refused' || past.kind === 'uncertain', kindOf(past))
    assert.equal(bench.effects('changed').length, 0)
    const about = { customer: 'cus_contract', binding: 'bnd_1', references, token }
    if (bench.channel.revoke === undefined) return
    await bench.channel.revoke(bench.call('opn_6'), about)
    const outcome = await update('opn_7')
    assert.equal(outcome.kind, 'revoked', kindOf(outcome))
    assert.equal(bench.effects('changed').length, 0)
  })

  for (const fault of answerFaults) {
    test(`an update whose answer is ${fault} is uncertain, takes nothing away, and is done when asked again`, async () => {
      const bench = createBench(subject)
      const { card, update } = await held(bench)
      bench.fault(fault, '*')
      const first = await update('opn_6')
      if (fault !== 'wrong_money' && first.kind !== 'uncertain') assert.ok(shows(first, card), kindOf(first))
      if (fault !== 'wrong_money' && fault !== 'other_object') assert.equal(first.kind, 'uncertain', kindOf(first))
      bench.stage.faults.clear()
      assert.ok(shows(await update('opn_6'), card))
      assert.equal(bench.effects('removed').length, 0)
    })
  }
}

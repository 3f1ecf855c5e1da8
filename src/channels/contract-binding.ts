/** The part of the contract about plain binds and refusals: one effect under our reference, or none and a reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SandboxValue } from './channel.ts'
import { afterChallenge, assertJudged, bindFully, createBench, kindOf, type Subject, valuesByShape } from './contract-bench.ts'
import { isRefusal } from './contract-declaration.ts'

export function contractOfBinding(subject: Subject): void {
  for (const [shape, value] of valuesByShape(subject)) {
    test(`bound by ${shape}: one effect under our reference, and neither side leaves the specification (${value.title})`, async () => {
      const bench = createBench(subject)
      const outcome = await bindFully(bench, value)
      const stored = bench.effects('stored')
      assert.deepEqual(
        stored.map(one => one.token),
        [outcome.token],
      )
      assert.match(stored[0]?.reference ?? '', /^(opn_[1-6]|bnd_1)/)
      assertJudged(bench)
    })
  }

  for (const value of subject.channel.sandboxValues) {
    const late = value.ends
    if (!isRefusal(value.outcome) && late === undefined) continue
    test(`a refusal is final and says why: ${late ?? value.outcome} (${value.title})`, async () => {
      const bench = createBench(subject)
      const first = await bench.bind(bench.call('opn_1', value), bench.input('bnd_1', value))
      const outcome = late !== undefined && first.kind === 'challenged' ? await afterChallenge(bench, first, true, value) : first
      if (outcome.kind !== 'refused') return assert.fail(kindOf(outcome))
      assert.equal(outcome.category, late ?? value.outcome)
      assert.ok(outcome.code !== '', 'the raw code stands beside it')
      assert.ok(!(outcome.by === 'issuer' && outcome.elsewhere), 'what an issuer refused is never presented elsewhere')
      assert.equal(bench.effects('stored').length, 0)
      assertJudged(bench)
    })
  }

  test('a refusal with a code nobody knows is a refusal of unknown cause, not presented elsewhere', async context => {
    const { unknownRefusal } = subject
    if (unknownRefusal === undefined) return context.skip('it does not refuse there')
    const bench = createBench(subject)
    const call = bench.call('opn_1')
    const outcome = await bench.bind(
      { ...call, send: request => (isAt(subject, request.url) ? Promise.resolve(unknownRefusal) : call.send(request)) },
      bench.input('bnd_1'),
    )
    assert.deepEqual(outcome.kind === 'refused' && [outcome.category, outcome.elsewhere], ['unknown', false], kindOf(outcome))
  })

  for (const value of valuesByShape(subject).values()) {
    if (secretsOf(value).length === 0) continue
    test(`what the vault keeps is asked for by placeholders, and kept by nobody else (${value.title})`, async () => {
      const bench = createBench(subject)
      const call = bench.call('opn_1', value)
      const sent: string[] = []
      const send: typeof call.send = request => {
        sent.push(JSON.stringify(request))
        return call.send(request)
      }
      const outcome = await bench.bind({ ...call, send }, bench.input('bnd_1', value))
      const kept = JSON.stringify([outcome, bench.stage.simulator.books(), bench.deliveries()])
      for (const secret of secretsOf(value)) for (const text of [...sent, kept]) assert.ok(!text.includes(secret), 'a secret was seen')
      assert.ok(sent.some(text => /\{\{(card|payer)\./.test(text)))
    })
  }
}

/** Numbers of cards and accounts, phones and tax ids: long enough not to stand anywhere by chance. */
export const secretsOf = (value: SandboxValue): readonly string[] =>
  [value.give.number, value.give.iban, value.give.accountNumber, value.give.phone, value.give.taxId].filter(
    one => one !== undefined && one.length >= 9,
  ) as string[]

export function isAt(subject: Subject, url: string): boolean {
  const { pathname } = new URL(url)
  return subject.storePath.endsWith('*') ? pathname.startsWith(subject.storePath.slice(0, -1)) : pathname === subject.storePath
}

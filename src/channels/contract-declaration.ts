/** The part of the contract about what a channel says of itself: true, whole, and proven by its own sandbox values. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCurrency } from '../core/currency.ts'
import type { Verb } from './channel.ts'
import { credentialsOf, type Subject } from './contract-bench.ts'
import { refusalCategories } from './refusal.ts'
import { kindOfSource } from './source.ts'

const verbs = ['bind', 'resume', 'resend', 'refresh', 'update', 'revoke'] as const satisfies readonly Verb[]

export function contractOfDeclaration(subject: Subject): void {
  const { channel } = subject

  test('it says what it can do, and says how each operation may be repeated', () => {
    assert.match(channel.name, /^[a-z][a-z0-9_]{1,31}$/)
    assert.ok(channel.title !== '' && channel.proof.source !== '')
    for (const verb of verbs) assert.equal(channel.repeat[verb] !== undefined, channel[verb] !== undefined, verb)
    for (const repeat of Object.values(channel.repeat)) {
      if (repeat.kind === 'repeatable') assert.ok(repeat.times >= 1 && repeat.times <= 20, 'a repetition has a cap')
      if (repeat.kind === 'keyed') assert.ok(repeat.windowMs > 0 && repeat.keyLengthMax >= 40)
    }
    assert.equal(channel.webhookScheme !== undefined, channel.webhook !== undefined, 'a webhook says how it is proven')
    assert.ok(channel.currencies.size > 0)
    for (const [code, places] of channel.currencies) assert.ok(isCurrency(code) && places >= 0 && places <= 4, code)
  })

  test('every way in has a sandbox value that goes it, and every value goes a way', () => {
    assert.ok(channel.ways.length > 0)
    const ways = channel.ways.map(one => `${one.kind} ${one.shape}`)
    const values = channel.sandboxValues.map(one => ({
      way: `${kindOfSource[one.source.type]} ${one.shape}`,
      good: !isRefusal(one.outcome),
    }))
    for (const way of ways)
      assert.ok(
        values.some(one => one.way === way && one.good),
        `no sandbox value binds by ${way}`,
      )
    for (const { way } of values) assert.ok(ways.includes(way), `a sandbox value goes ${way}, which is not declared`)
    const known = new Set(['title', 'shape', 'source', 'give', 'terms', 'outcome', 'ends', 'from'])
    for (const value of channel.sandboxValues)
      assert.deepEqual(
        Object.keys(value).filter(name => !known.has(name)),
        [],
        `${value.title} says what the table does not know`,
      )
    const titles = channel.sandboxValues.map(one => one.title)
    assert.equal(new Set(titles).size, titles.length, 'two values have one title')
  })

  test(`every official code has a meaning: ${subject.officialCodes.length} listed, 0 unmapped`, () => {
    assert.ok(subject.officialCodes.length > 0)
    assert.deepEqual(
      subject.officialCodes.filter(code => !channel.refusals.has(code)),
      [],
    )
  })

  test('the account of its sandbox has what it needs, and no two deployments share a secret', () => {
    const [one, other] = credentialsOf(subject)
    for (const name of channel.account.secrets) assert.ok((one.secrets[name] ?? '') !== '', name)
    for (const name of channel.account.settings) assert.ok((one.settings[name] ?? '') !== '', name)
    if (channel.webhook !== undefined) assert.notEqual(one.verifying, other.verifying)
  })
}

export const isRefusal = (outcome: string): boolean => refusalCategories.some(one => one === outcome)

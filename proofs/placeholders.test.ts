/**
 * Nobody but an adapter opens a placeholder: whatever a caller or a browser writes, the vault fills exactly what it fills without it, in
 * every request of every channel.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BindInput, ChannelRequest, SandboxValue } from '../src/channels/channel.ts'
import { createBench, type Subject } from '../src/channels/contract-bench.ts'
import { channels } from '../src/channels/index.ts'
import { payerFields } from '../src/channels/source.ts'
import { mandateTerms } from '../src/instruments/schemas.ts'
import { templateOf } from '../src/vault/fill.ts'
import { loadSubject } from './mutate-wire.ts'

const names = [
  ...['number', 'expiryMonth', 'expiryYear', 'securityCode', 'holder', 'cryptogram', 'pin'].map(one => `card.${one}`),
  ...payerFields.map(one => `payer.${one}`),
]
const spellings = [
  ...names.map(name => `{{${name}}}`),
  ...['card.number', 'card.holder', 'payer.accountNumber', 'payer.email'].flatMap(name => [`%7B%7B${name}%7D%7D`, `{{{${name}}}}`]),
]

const terms = {
  currency: 'EUR',
  rule: 'max',
  amount: '1000',
  frequency: 'monthly',
  startsOn: '2027-01-01',
  contract: 'A contract',
  description: 'A line',
} as const

/** What the vault would fill, request by request. */
async function filled(subject: Subject, value: SandboxValue, hostile: (input: BindInput) => BindInput): Promise<readonly string[]> {
  const bench = createBench(subject)
  const call = bench.call('opn_1', value)
  const sent: ChannelRequest[] = []
  const send: typeof call.send = request => {
    sent.push(request)
    return call.send(request)
  }
  const input = bench.input('bnd_1', value)
  await bench.bind({ ...call, send }, hostile({ ...input, terms: input.terms ?? terms }))
  return sent.map(one => `${one.method} ${new URL(one.url).pathname.replace(/[\w-]{12,}/g, '')} ${one.placeholders ? fieldsOf(one) : ''}`)
}
const fieldsOf = (request: ChannelRequest): string =>
  templateOf(request)
    .pieces.flatMap(one => (typeof one === 'string' ? [] : [one.field]))
    .join(' ')

const hostiles: readonly (readonly [string, (text: string) => (input: BindInput) => BindInput])[] = [
  ['description', text => input => ({ ...input, terms: { ...(input.terms ?? terms), description: text } })],
  ['contract', text => input => ({ ...input, terms: { ...(input.terms ?? terms), contract: text } })],
  [
    'both together',
    text => input => ({ ...input, terms: { ...(input.terms ?? terms), contract: text.slice(0, 3), description: text.slice(1) } }),
  ],
  ['user agent', text => input => ({ ...input, client: { ...input.client, userAgent: text } })],
]

for (const [name] of channels) {
  describe(`${name}: what a caller writes is never filled`, async () => {
    const subject = await loadSubject(name)
    const byShape = new Map(subject.channel.sandboxValues.toReversed().map(one => [one.shape, one]))
    for (const value of byShape.values()) {
      test(value.title, async () => {
        const expected = await filled(subject, value, input => input)
        for (const [where, hostile] of hostiles)
          for (const text of spellings) assert.deepEqual(await filled(subject, value, hostile(text)), expected, `${where}: ${text}`)
      })
    }
  })
}

test('a fields’ blob of a channel’s own goes past the vault', async () => {
  for (const [name] of channels) {
    const subject = await loadSubject(name)
    for (const value of subject.channel.sandboxValues) {
      if (value.source.type !== 'encrypted_card') continue
      const fields = Object.fromEntries(Object.keys(value.source.fields).map(one => [one, '{{card.number}}']))
      const told = await filled(subject, value, input => ({ ...input, source: { type: 'encrypted_card', fields } }))
      for (const one of told) assert.doesNotMatch(one, /card\./)
    }
  }
})

test('the API refuses such texts by their field', () => {
  const body = { currency: 'EUR', rule: 'any', frequency: 'monthly', starts_on: '2027-01-01', contract: 'A', description: 'B' }
  assert.equal(mandateTerms.safeParse(body).success, true)
  for (const name of ['contract', 'description']) {
    const read = mandateTerms.safeParse({ ...body, [name]: '{{card.number}}' })
    assert.deepEqual(
      read.error?.issues.map(one => [one.path, one.message]),
      [[[name], 'must not hold {{']],
    )
  }
})

/** What the table of sandbox values tells people to type in can be captured, but for numbers that are wrong on purpose. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel, SandboxValue } from '../channels/channel.ts'
import * as channels from '../channels/list.ts'
import { Problem } from '../core/problem.ts'
import { readCapture } from './capture.ts'

const now = Date.UTC(2026, 10, 24)

/** As it would be handed in; undefined where nothing is. */
function bodyOf({ source, give }: SandboxValue): unknown {
  if (Object.keys(give).length === 0) return undefined
  const { number, expiryMonth, expiryYear, securityCode, holder, ...payer } = give
  if (source.type === 'card') {
    const { card } = source
    const expiry = { expiry_month: Number(expiryMonth ?? card.expiryMonth), expiry_year: Number(expiryYear ?? card.expiryYear) }
    return { number, ...expiry, security_code: securityCode, holder }
  }
  if (source.type === 'device_token' || source.type === 'encrypted_card') return undefined
  const scheme = source.type === 'bank_account' ? source.scheme : undefined
  return { payer: { kind: source.type, scheme, country: source.payer.country, ...payer } }
}

/** The channel would tell the same; the vault tells it first. */
const wrongOnPurpose = (value: SandboxValue): boolean => value.outcome === 'invalid_account' || /wrong/i.test(value.title)

for (const channel of Object.values<Channel>(channels)) {
  test(`${channel.name}: what the table says to type in can be captured`, async () => {
    for (const value of channel.sandboxValues) {
      const body = bodyOf(value)
      if (body === undefined) continue
      try {
        await readCapture(Buffer.from(JSON.stringify(body)), now, undefined)
      } catch (error) {
        assert.ok(error instanceof Problem && wrongOnPurpose(value), `${value.title}: ${String(error)}`)
      }
    }
  })
}

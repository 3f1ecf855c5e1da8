import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockStepMs, leaseMs, nextStep, type OperationStatus } from './operation.ts'

const hour = 3_600_000
const began = Date.UTC(2026, 0, 1)
const at = (now: number, customerNow = now) => ({ now, customerNow })
const asked = (more: { readonly status?: OperationStatus; readonly cause?: string; readonly sinceMs?: number } = {}) => ({
  verb: 'bind' as const,
  status: more.status ?? ('open' as const),
  tries: 1,
  created_at: began,
  cause: more.cause ?? 'no answer',
  input: more.sinceMs === undefined ? {} : { sinceMs: more.sinceMs },
})
const keyed = (windowMs: number) => ({ repeat: { kind: 'keyed', windowMs, keyLengthMax: 40 } as const, lookUp: true })

test('a clock that is set back by an hour does not open the window of a key again', () => {
  for (const windowMs of [3 * hour, 24 * hour])
    for (let age = 0; age <= windowMs + 2 * hour; age += hour / 6) {
      const seen = age - clockStepMs
      const { do: step } = nextStep(asked(), keyed(windowMs), at(began + seen))
      // Sent at the end of its lease at the latest, it arrives while the channel still knows the key.
      if (step === 'send') assert.ok(age + leaseMs <= windowMs, `${age} ms after a window of ${windowMs} began`)
    }
})

test('what waits for the customer waits by the customer’s clock, and what the channel is asked by the real one', () => {
  const waiting = asked({ status: 'waiting', cause: 'challenge', sinceMs: Date.UTC(2035, 0, 1) })
  const [soon, late] = [Date.UTC(2035, 0, 1, 23), Date.UTC(2035, 0, 2)]
  const year = 365 * 24 * hour
  assert.equal(nextStep(waiting, keyed(24 * hour), at(began + year, soon)).do, 'lookUp')
  assert.equal(nextStep(waiting, keyed(24 * hour), at(began, late)).do, 'abandon')
  assert.equal(nextStep(asked(), keyed(24 * hour), at(began + hour, late)).do, 'send')
})

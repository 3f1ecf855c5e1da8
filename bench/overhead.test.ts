import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchOverhead } from './overhead.ts'

test('the overhead of a bind is told, and is what is left when the channel’s time is taken away', { timeout: 120_000 }, async () => {
  const line = await benchOverhead({
    perSecond: 20,
    seconds: 2,
    rounds: 1,
    upstreamMs: 15,
    warmBinds: 20,
    channel: 'stripe',
    say: () => undefined,
  })
  assert.equal(line.binds, 40)
  // Three requests of fifteen milliseconds each went to the upstream, and none of that is ours.
  assert.ok(line.upstream_p50_ms >= 45, `${line.upstream_p50_ms}`)
  assert.ok(line.p50_ms > 0 && line.p99_ms >= line.p50_ms)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Channel } from '../channels/channel.ts'
import { scripted, trial } from './trial.seam.ts'

const rejecting = (name: string, reason: 'forged' | 'stale' | 'malformed', more: Partial<Channel> = {}) =>
  scripted(name, { webhook: () => ({ kind: 'rejected', reason, detail: 'said the test' }), ...more })

test('a webhook that is not the channel’s is answered 401, one that is no webhook 400', async () => {
  const on = await trial([rejecting('forged', 'forged'), rejecting('stale', 'stale'), rejecting('odd', 'malformed')])
  const statusOf = async (name: string) => (await on.call('POST', `/v1/channels/${name}/test/webhook`, {})).status
  assert.deepEqual([await statusOf('forged'), await statusOf('stale'), await statusOf('odd')], [401, 401, 400])
})

test('a channel that wants a forgery answered by a status of its own has it', async () => {
  const webhookScheme = { algorithm: 'hmac-sha256', over: 'the body', header: 'signature', rejectStatus: 498 } as const
  const on = await trial([rejecting('forged', 'forged', { webhookScheme }), rejecting('odd', 'malformed', { webhookScheme }), 'gocardless'])
  assert.equal((await on.call('POST', '/v1/channels/forged/test/webhook', {})).status, 498)
  assert.equal((await on.call('POST', '/v1/channels/odd/test/webhook', {})).status, 400)
  const body = { events: [] }
  assert.equal((await on.call('POST', '/v1/channels/gocardless/test/webhook', body, { 'webhook-signature': '00'.repeat(32) })).status, 498)
})

test('a channel that nobody knows, or that has no account of the mode, has no door', async () => {
  const on = await trial([scripted('here', {})])
  for (const path of ['/v1/channels/nobody/test/webhook', '/v1/channels/here/live/webhook'])
    assert.equal((await on.call('POST', path, [])).status, 404)
})

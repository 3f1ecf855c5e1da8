/** Two doors without a key: where channels bring their news, and where the customer's browser comes back after a challenge. */
import { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { hear } from './news.ts'
import { resumeReturned } from './resume.ts'
import { channelName, returnedParameters } from './schemas.ts'

const taken = { description: 'What it told is durable. Worded as the channel wants it.', contentType: 'text/plain' }

const fromChannel = { channel: channelName, mode: z.enum(['test', 'live']) }
const door = {
  method: 'POST',
  description:
    'Signed by the channel; the raw bytes are verified. Answered only when what they tell is durable, so the channel delivers again otherwise.',
  tag: 'Doors',
  auth: 'none',
  query: nothing,
  body: z.unknown(),
  rawBody: true,
  answers: { 200: taken, 202: taken },
} as const

export const doorEndpoints: readonly Endpoint[] = [
  endpoint({
    ...door,
    path: '/v1/channels/{channel}/{mode}/webhook',
    name: 'receiveChannelWebhook',
    summary: 'Where a channel delivers its webhooks',
    params: z.strictObject(fromChannel),
    handle: async (context, { params, raw, headers }) => receive(context, params, raw, headers),
  }),
  // API Pix appends the kind of news to the address it was given (`/rec`, `/cobr`).
  endpoint({
    ...door,
    path: '/v1/channels/{channel}/{mode}/webhook/{kind}',
    name: 'receiveChannelWebhookOfKind',
    summary: 'The same, for channels that append the kind of their news to the address',
    params: z.strictObject({ ...fromChannel, kind: z.string().regex(/^[a-z]{1,16}$/, 'must be 1 to 16 small letters') }),
    handle: async (context, { params, raw, headers }) => receive(context, params, raw, headers),
  }),
  endpoint({
    method: 'GET',
    path: '/return/{token}',
    name: 'returnFromChallenge',
    summary: 'Where the browser comes back after a challenge',
    tag: 'Doors',
    auth: 'none',
    params: z.strictObject({ token: z.string().max(80) }),
    query: returnedParameters,
    body: nothing,
    answers: { 303: { description: "On to the caller's own return_url, with `instrument` and `status`." } },
    handle: async (context, { params, query }) => comeBack(context, params.token, query),
  }),
]

type From = { readonly channel: z.output<typeof channelName>; readonly mode: 'test' | 'live' }

async function receive(context: Context, from: From, raw: Buffer, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { world } = context
  const channel = world.channels.get(from.channel)
  const account = world.account(from.channel, from.mode)
  if (channel?.webhook === undefined || account === undefined) throw new Problem('not_found', 'no such account')
  const { webhookSecrets: secrets } = account
  const reading = await channel.webhook({
    headers,
    body: raw,
    nowMs: world.now(),
    secrets,
    account,
    send: world.send,
    remembered: world.remembered,
  })
  if (reading.kind === 'rejected') {
    world.log.warn('a webhook was rejected', {
      channel: from.channel,
      mode: from.mode,
      reason: reading.reason,
      detail: reading.detail,
      request: context.requestId,
    })
    const status = reading.reason === 'forged' ? channel.webhookScheme?.rejectStatus : undefined
    if (status !== undefined) return { status, body: 'no signature fits', headers: { 'content-type': 'text/plain' } }
    throw new Problem(
      reading.reason === 'malformed' ? 'malformed_body' : 'unauthenticated',
      `the webhook is ${reading.reason}: ${reading.detail}`,
    )
  }
  for (const told of reading.told) await hear(world, from, told)
  return { status: reading.answer.status, body: reading.answer.body, headers: { 'content-type': reading.answer.contentType } }
}

async function comeBack(context: Context, token: string, returned: Readonly<Record<string, string>>): Promise<Answer> {
  const { instrument, binding } = await resumeReturned(context.world, token, returned)
  const onward = URL.parse(binding.return_url ?? '')
  if (onward === null) throw new Problem('not_found', 'there is nowhere to go on to')
  onward.searchParams.set('instrument', instrument.id)
  onward.searchParams.set('status', instrument.status)
  return { status: 303, body: undefined, headers: { location: onward.href } }
}

/** Network tokens over HTTP: provisioning, giving up, and the door through which the network tells what became of one. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { readJson } from '../channels/json.ts'
import { Problem } from '../core/problem.ts'
import type { Secret } from '../core/secret.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { readInstrument } from '../instruments/api.ts'
import { newsOf } from '../instruments/networkToken.ts'
import { instrumentParams } from '../instruments/schemas.ts'
import { instrumentShape } from '../instruments/shapes.ts'
import { bindings } from '../instruments/tables.ts'
import { tellInstrument } from '../instruments/tell.ts'
import { viewInstrument } from '../instruments/view.ts'
import type { Mode } from '../world/world.ts'
import { knowToken, provisionToken, removeToken } from './provision.ts'
import { tokenShape } from './requestor.ts'
import { networkTokens, tokenRequests } from './tables.ts'

const tag = 'Network tokens'
const shown = { description: 'The instrument as it is now, its `network_token` included.', schema: instrumentShape }
const signatureHeader = 'network-signature'
/** As old as a delivery may be, in either direction. */
const toleranceSeconds = 300
/** The network's body of one piece of news. */
const newsShape = z.looseObject({ id: z.string().min(1).max(100), at: z.int(), token: tokenShape })

export const networkEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/network_token',
    name: 'provisionNetworkToken',
    summary: "Ask the card's network for a token",
    description:
      'The number goes from the vault to the network. Where there is no answer yet, the token is `requested` and the answer is asked for again.',
    tag,
    auth: 'secret',
    action: 'network_tokens.write',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async (context, { params }) => {
      await provisionToken(context.world, await readInstrument(context, params.id), context.requestId)
      return show(context, params.id)
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/instruments/{id}/network_token',
    name: 'deleteNetworkToken',
    summary: "Give up the network token of an instrument's card",
    tag,
    auth: 'secret',
    action: 'network_tokens.write',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async (context, { params }) => {
      await removeToken(context.world, await readInstrument(context, params.id), context.requestId)
      return show(context, params.id)
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/network/{mode}/webhook',
    name: 'hearNetwork',
    summary: 'What a card network tells about its tokens',
    description: '`network-signature: t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>" in hex>`.',
    tag,
    auth: 'none',
    rawBody: true,
    params: z.strictObject({ mode: z.enum(['test', 'live']) }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Heard.' } },
    handle: async (context, { params, raw, headers }) => {
      const { network, now } = context.world
      if (network === undefined || params.mode !== 'test') throw new Problem('not_found', 'no card network is set up for this mode')
      if (!isSigned(headers[signatureHeader] ?? '', raw, network.webhookSecrets, now()))
        throw new Problem('unauthenticated', 'no signature fits, or it is too old')
      const read = newsShape.safeParse(readJson(raw.toString('utf8')))
      if (!read.success) throw new Problem('invalid_request', 'signed, and not what the network sends')
      await hear(context, params.mode, network.name, read.data)
      return { status: 200, body: {} }
    },
  }),
]

function isSigned(header: string, body: Buffer, secrets: readonly Secret[], nowMs: number): boolean {
  const [, at = '', given = ''] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header) ?? []
  if (at === '' || Math.abs(nowMs / 1_000 - Number(at)) > toleranceSeconds) return false
  return secrets.some(secret => {
    const wanted = createHmac('sha256', secret.reveal()).update(`${at}.`).update(body).digest()
    return timingSafeEqual(wanted, Buffer.from(given, 'hex'))
  })
}

/** By the token, or by our request that it echoes where the news is faster than the answer. Of an unknown one nothing is kept. */
async function hear({ world }: Context, mode: Mode, name: string, news: z.output<typeof newsShape>): Promise<void> {
  const { token } = news
  const known = await world.store.get(networkTokens, { reference: token.reference, mode })
  const asked = known === undefined ? await world.store.get(tokenRequests, { id: token.request }) : undefined
  const at = known ?? asked
  if (at === undefined) {
    world.log.warn('news of a network token that is nobody’s', { token: token.reference, event: news.id })
    return
  }
  if (known === undefined) await knowToken(world, { ...at, mode }, token)
  const fact = { source: `network:${name}`, event: news.id, news: newsOf(token), sequence: token.sequence, at: news.at }
  await tellInstrument(world, { tenant: at.tenant, instrument: at.instrument, facts: [fact] })
}

async function show(context: Context, id: string) {
  const row = await readInstrument(context, id)
  const rows = await context.world.store.find(bindings, { tenant: row.tenant, instrument: row.id })
  return { status: 200, body: viewInstrument(row, rows) }
}

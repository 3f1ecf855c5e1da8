/** The token requestor's side of the card network: requests out, answers in. The card's number is filled in by the vault. */
import { z } from 'zod'
import { type ChannelAnswer, type ChannelRequest, NoAnswer } from '../channels/channel.ts'
import { readJson } from '../channels/json.ts'
import { Problem } from '../core/problem.ts'
import type { NetworkTokenView, TokenNetwork, TokenOutcome } from '../instruments/networkToken.ts'
import { Unavailable } from '../world/store.ts'
import type { NetworkAccount, World } from '../world/world.ts'
import type { TokenRequestRow } from './tables.ts'

export const tokenShape = z
  .looseObject({
    id: z.string().min(1).max(100),
    reference: z.string(),
    status: z.enum(['active', 'suspended', 'deleted']),
    last4: z.string().regex(/^\d{4}$/),
    expiry_month: z.int().min(1).max(12),
    expiry_year: z.int().min(2000).max(2099),
    par: z.string().min(1).max(100),
    sequence: z.int().min(0),
  })
  .transform((token): NetworkTokenView & { readonly request: string } => ({
    reference: token.id,
    request: token.reference,
    status: token.status,
    last4: token.last4,
    expiry: { year: token.expiry_year, month: token.expiry_month },
    par: token.par,
    sequence: token.sequence,
  }))
const errorShape = z.looseObject({ code: z.string().min(1).max(100) })

export function createRequestor(world: World, network: NetworkAccount, row: TokenRequestRow): TokenNetwork {
  const post = (path: string, body: string | undefined): ChannelRequest => ({
    method: 'POST',
    url: network.address + path,
    headers: {
      authorization: `Bearer ${network.secretKey.reveal()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
  return {
    async provision(request) {
      const fields = { number: '{{card.number}}', expiry_month: '{{card.expiryMonth}}', expiry_year: '{{card.expiryYear}}' }
      const body = JSON.stringify({ reference: request, ...fields })
      const outcome = await exchange(() =>
        world.vault.forward({
          tenant: row.tenant,
          mode: row.mode,
          instrument: row.instrument,
          instrumentVersion: row.card_version,
          operation: row.id,
          timeoutMs: world.settings.channelTimeoutMs,
          request: { ...post('/tokens', body), placeholders: true },
        }),
      )
      // An answer about somebody else's request proves nothing.
      return outcome.kind === 'told' && outcome.token.request !== request ? elsewhere : outcome
    },
    async remove(reference) {
      const outcome = await exchange(() => world.send(post(`/tokens/${encodeURIComponent(reference)}/delete`, undefined)))
      return outcome.kind === 'told' && (outcome.token.reference !== reference || outcome.token.status !== 'deleted') ? elsewhere : outcome
    },
  }
}

const elsewhere: TokenOutcome = { kind: 'uncertain', cause: 'the answer is about something else' }
type Asked =
  | Exclude<TokenOutcome, { kind: 'told' }>
  | { readonly kind: 'told'; readonly token: NetworkTokenView & { readonly request: string } }

async function exchange(send: () => Promise<ChannelAnswer>): Promise<Asked> {
  try {
    return read(await send())
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof Unavailable) return { kind: 'uncertain', cause: `no answer: ${error.message}` }
    if (error instanceof Problem && error.code === 'gone') return { kind: 'refused', reason: 'nothing_sealed' }
    throw error
  }
}

function read(answer: ChannelAnswer): Asked {
  const body = readJson(answer.body)
  if (answer.status === 200 || answer.status === 201) {
    const token = tokenShape.safeParse(body)
    return token.success ? { kind: 'told', token: token.data } : { kind: 'uncertain', cause: 'the answer is no token' }
  }
  const error = errorShape.safeParse(body)
  if (answer.status === 422 && error.success) return { kind: 'refused', reason: error.data.code }
  return { kind: 'uncertain', cause: `the network answered ${answer.status}` }
}

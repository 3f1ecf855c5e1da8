/**
 * A card network for the sandbox, beside the channels: its account updater (`updater-simulator.ts`) and its tokens, by a requestor's interface of
 * our own design (docs/updater.md). Deterministic like every simulator; it keeps last four and its own keyed hash of a number.
 *
 *     POST /inquiries/{run}                       a sealed file of inquiries → the sealed file of results
 *     POST /tokens                                { reference, number, expiry_month, expiry_year } → a token; the same reference again: the same
 *     GET  /tokens/{id}                           how it stands
 *     POST /tokens/{id}/suspend|resume|delete     by the requestor
 */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { FileKeys } from '../core/sealed-file.ts'
import { readJson } from './json.ts'
import {
  cardHash,
  drawName,
  type Effect,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorEvent,
  type SimulatorRequest,
} from './simulator.ts'
import { createUpdaterSimulator, updaterCards } from './updater-simulator.ts'

export const networkSignatureHeader = 'network-signature'
/** The signature of one delivery: HMAC-SHA-256 over `<seconds>.<body>`, in hex. */
export const networkSignature = (secret: string, seconds: number, body: string): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`

type TokenStatus = 'active' | 'suspended' | 'deleted'
type Token = {
  readonly id: string
  readonly reference: string
  readonly status: TokenStatus
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
  readonly par: string
  /** Counts what happened to it: news is compared by this, never by clocks. */
  readonly sequence: number
}
type State = { readonly tokens: Map<string, Token>; readonly effects: Effect[]; readonly events: SimulatorEvent[] }

/** A card whose issuer gives no tokens: the one that takes no part in updating either. */
const notEligible = updaterCards.N
const moves = { suspend: 'suspended', resume: 'active', delete: 'deleted' } as const
type Move = keyof typeof moves
const isMove = (name: string): name is Move => name in moves

export function createNetworkSimulator(of: {
  readonly keys: FileKeys
  readonly secretKey: string
  readonly random: (count: number) => Buffer
}): Simulator {
  const state: State = { tokens: new Map(), effects: [], events: [] }
  const updater = createUpdaterSimulator(of.keys, of.random)
  const bearer = `Bearer ${of.secretKey}`
  return {
    channel: 'network',
    handle(request, context) {
      if (request.headers.authorization !== bearer) return refusal(401, 'unauthorized')
      const [, resource = '', id = '', what = ''] = request.path.split('/')
      if (request.method === 'POST' && resource === 'inquiries') {
        const file = updater.answer(request.body, id, context.nowMs)
        return file === undefined ? refusal(422, 'file_unreadable') : { status: 200, headers: { 'content-type': 'text/plain' }, body: file }
      }
      if (resource !== 'tokens') return refusal(404, 'not_found')
      if (request.method === 'POST' && id === '') return provision(state, request, context)
      const token = state.tokens.get(id)
      if (token === undefined) return refusal(404, 'not_found')
      if (request.method === 'GET') return shown(200, token)
      if (request.method !== 'POST' || !isMove(what)) return refusal(404, 'not_found')
      // What is deleted stays so; asked again, it is what it is.
      return shown(200, token.status === 'deleted' ? token : moved(state, token, what, context))
    },
    takeEvents: () => state.events.splice(0),
    sign(event, { nowMs, secrets }) {
      const signature = networkSignature(secrets[0] ?? '', Math.floor(nowMs / 1_000), event.body)
      return { headers: { 'content-type': 'application/json', [networkSignatureHeader]: signature }, body: event.body }
    },
    reject: () => refusal(422, 'invalid'),
    trouble: kind => refusal(kind === 'error' ? 500 : 429, kind),
    disguise: answer => ({ ...answer, body: answer.body.replace(/"(ntk|opn)_[^"]+"/g, '"$1_SomebodyElse"') }),
    books: () => ({
      effects: [...state.effects],
      held: [...state.tokens.values()].map(one => ({
        token: one.id,
        reference: one.reference,
        customer: '',
        label: one.last4,
        usable: one.status === 'active',
      })),
    }),
    acts: { suspend: 'suspended', resume: 'resumed', delete: 'gone', renew: 'updated' },
    act(name, id, context) {
      const token = state.tokens.get(id)
      if (token === undefined || (name !== 'renew' && !isMove(name))) throw new TypeError(`network simulator: cannot ${name} ${id}`)
      if (name !== 'renew') moved(state, token, name, context)
      else changed(state, { ...token, expiryYear: token.expiryYear + 3 }, 'renewed', context)
    },
  }
}

const inputShape = z.strictObject({
  reference: z.string().min(1),
  number: z.string().regex(/^\d{12,19}$/),
  expiry_month: z.coerce.number().int().min(1).max(12),
  expiry_year: z.coerce.number().int().min(2000).max(2099),
})

function provision(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const input = inputShape.safeParse(readJson(request.body))
  if (!input.success) return refusal(422, 'invalid')
  const { reference, number, expiry_month: month, expiry_year: year } = input.data
  const known = [...state.tokens.values()].find(one => one.reference === reference)
  if (known !== undefined) return shown(200, known)
  if (number === notEligible) return refusal(422, 'not_eligible')
  if (Date.UTC(year, month) <= context.nowMs) return refusal(422, 'card_expired')
  const token: Token = {
    id: `ntk_${drawName(context, 24)}`,
    reference,
    status: 'active',
    // A token is another number than the card's, with an end of its own.
    last4: String(context.random(2).readUInt16BE(0) % 10_000).padStart(4, '0'),
    expiryMonth: month,
    expiryYear: year + 1,
    par: `V0010013${cardHash('network simulator', number).slice(0, 21).toUpperCase()}`,
    sequence: 1,
  }
  state.tokens.set(token.id, token)
  state.effects.push({ effect: 'tokenized', reference, key: '', token: token.id, atMs: context.nowMs })
  return shown(201, token)
}

const moved = (state: State, token: Token, move: Move, context: SimulatorContext): Token =>
  changed(state, { ...token, status: moves[move] }, moves[move], context)

function changed(state: State, to: Token, what: string, context: SimulatorContext): Token {
  const after = { ...to, sequence: to.sequence + 1 }
  state.tokens.set(after.id, after)
  const effect = after.status === 'deleted' ? 'removed' : 'changed'
  state.effects.push({ effect, reference: after.reference, key: '', token: after.id, atMs: context.nowMs })
  const id = `nev_${drawName(context, 24)}`
  state.events.push({
    id,
    type: `token.${what}`,
    body: JSON.stringify({ id, type: `token.${what}`, at: context.nowMs, token: view(after) }),
  })
  return after
}

const view = (token: Token) => ({
  id: token.id,
  reference: token.reference,
  status: token.status,
  last4: token.last4,
  expiry_month: token.expiryMonth,
  expiry_year: token.expiryYear,
  par: token.par,
  sequence: token.sequence,
})
const json = { 'content-type': 'application/json' }
const shown = (status: number, token: Token): SimulatorAnswer => ({ status, headers: json, body: JSON.stringify(view(token)) })
const refusal = (status: number, code: string): SimulatorAnswer => ({ status, headers: json, body: JSON.stringify({ code }) })

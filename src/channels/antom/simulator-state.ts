/** What Antom's simulator holds: agreements asked for, the codes and tokens they came to, and the notifications it owes. */
import { createHash } from 'node:crypto'
import { type Books, drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import { lasting } from './magic.ts'
import type { Wallet } from './wallets.ts'

/** An agreement: asked for by consult, given by the customer, ended by whoever likes. */
export type Agreement = {
  /** Of its page. */
  readonly name: string
  readonly authState: string
  readonly wallet: Wallet
  readonly redirectUrl: string
  /** The wallet's user, who is somebody new for every agreement. */
  readonly userId: string
  readonly authCode: string | undefined
  readonly codeEndsMs: number
  /** The newest last; a refreshed agreement still goes by its earlier ones. */
  readonly tokens: readonly Token[]
  readonly canceled: boolean
}
export type Token = {
  readonly accessToken: string
  readonly endsMs: number
  readonly refreshToken: string | undefined
  readonly refreshEndsMs: number
  /** What it was made from: an authorisation code or a refresh token. */
  readonly madeFrom: string
}

export type State = {
  readonly agreements: Map<string, Agreement>
  readonly effects: Effect[]
  readonly events: SimulatorEvent[]
}
export const newState = (): State => ({ agreements: new Map(), effects: [], events: [] })

const dayMs = 86_400_000
/** A day at most (docs.antom.com/ac/common/obtain_uid). Lives of tokens differ by wallet and are nowhere listed; these are ours. */
const codeLifeMs = dayMs
const tokenLifeMs = 90 * dayMs
const lastingLifeMs = 3_650 * dayMs

/** The merchant's operation stands first in its `authState`. */
const referenceOf = (agreement: Agreement): string => agreement.authState.split('.')[0] ?? ''
const tokenOf = (agreement: Agreement): string => agreement.tokens.at(-1)?.accessToken ?? ''

export function note(state: State, effect: Effect['effect'], agreement: Agreement, context: Pick<SimulatorContext, 'nowMs'>): void {
  state.effects.push({ effect, reference: referenceOf(agreement), key: '', token: tokenOf(agreement), atMs: context.nowMs })
}

export const find = (state: State, is: (one: Agreement) => boolean): Agreement | undefined => [...state.agreements.values()].find(is)
export const byToken = (state: State, token: string): Agreement | undefined =>
  find(state, one => one.tokens.some(({ accessToken }) => accessToken === token))
/** By the merchant's operation, its state, the page's name or a token: whatever a person has at hand. */
export const byAnything = (state: State, name: string): Agreement | undefined =>
  find(state, one => [one.name, one.authState, referenceOf(one)].includes(name)) ?? byToken(state, name)

export function keep(state: State, agreement: Agreement): Agreement {
  state.agreements.set(agreement.authState, agreement)
  return agreement
}

/** The customer agrees in the wallet; a second time changes nothing. */
export function approve(state: State, agreement: Agreement, context: SimulatorContext): Agreement {
  if (agreement.authCode !== undefined) return agreement
  const authCode = `2810${drawName(context, 28)}`
  const agreed = keep(state, { ...agreement, authCode, codeEndsMs: context.nowMs + codeLifeMs })
  tell(state, 'AUTHCODE_CREATED', { authState: agreement.authState, authCode })
  return agreed
}

/** Tokens and their lives, as the wallet gives them. */
export function issue(state: State, agreement: Agreement, madeFrom: string, context: SimulatorContext): Agreement {
  const first = agreement.tokens.length === 0
  const long = lasting.has(agreement.wallet.brand)
  const token: Token = {
    accessToken: `28100103${drawName(context, 40)}`,
    endsMs: context.nowMs + (long ? lastingLifeMs : tokenLifeMs),
    refreshToken: long ? undefined : `28100104${drawName(context, 40)}`,
    refreshEndsMs: context.nowMs + 2 * tokenLifeMs,
    madeFrom,
  }
  const bound = keep(state, { ...agreement, tokens: [...agreement.tokens, token] })
  note(state, first ? 'stored' : 'changed', bound, context)
  if (first) {
    const { authState, userId } = bound
    tell(state, 'TOKEN_CREATED', { authState, accessToken: token.accessToken, userId, userLoginId: loginOf(userId) })
  }
  return bound
}

/** By the merchant or by the customer. Twice is once. `quietly`: some wallets never tell. */
export function cancel(
  state: State,
  agreement: Agreement,
  of: { readonly quietly: boolean; readonly reason?: string },
  nowMs: number,
): void {
  if (agreement.canceled) return
  keep(state, { ...agreement, canceled: true })
  note(state, 'removed', agreement, { nowMs })
  const reason = of.reason === undefined ? {} : { reason: of.reason }
  if (!of.quietly) tell(state, 'TOKEN_CANCELED', { accessToken: tokenOf(agreement), ...reason })
}

/** Masked, as wallets give it: no number stands behind it. */
export const loginOf = (userId: string): string => `+63*******${userId.slice(-2)}`

function tell(state: State, type: string, content: Readonly<Record<string, string>>): void {
  const body = JSON.stringify({
    authorizationNotifyType: type,
    ...content,
    result: { resultCode: 'SUCCESS', resultStatus: 'S', resultMessage: 'success' },
  })
  const id = `${type}:${createHash('sha256').update(body).digest('hex').slice(0, 24)}`
  state.events.push({ id, type, body })
}

export const booksOf = (state: State): Books => ({
  effects: [...state.effects],
  held: [...state.agreements.values()]
    .filter(one => one.tokens.length > 0)
    .map(one => ({
      token: tokenOf(one),
      reference: referenceOf(one),
      customer: one.userId,
      label: loginOf(one.userId),
      usable: !one.canceled,
    })),
})

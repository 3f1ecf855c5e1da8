/**
 * Antom's authorisation APIs as a state machine. It checks our signature with our public key and signs every answer with its own key, as
 * Antom does; answers come with status 200 whatever they say.
 */
import { z } from 'zod'
import {
  drawName,
  type Simulator,
  type SimulatorAnswer,
  type SimulatorContext,
  type SimulatorDelivery,
  type SimulatorEvent,
  type SimulatorRequest,
} from '../simulator.ts'
import { badWallets, singleUse } from './magic.ts'
import { isSigned, signatureHeader } from './sign.ts'
import { contradict } from './simulator-odd.ts'
import { isPage, page, pageUrl } from './simulator-page.ts'
import {
  type Agreement,
  approve,
  booksOf,
  byAnything,
  byToken,
  cancel,
  find,
  issue,
  keep,
  loginOf,
  newState,
  note,
  type State,
  type Token,
} from './simulator-state.ts'
import { walletByCode } from './wallets.ts'
import { type Api, pathOf } from './wire.ts'

export type AntomKeys = {
  readonly clientId: string
  readonly webhookPath: string
  /** The merchant's public key, and Antom's private one. */
  readonly merchantKey: string
  readonly antomKey: string
}
type Content = Readonly<Record<string, unknown>>

const text = z.string().min(1)
const consult = z.looseObject({
  customerBelongsTo: text.max(64),
  authRedirectUrl: z.url().max(1024),
  scopes: z
    .array(z.enum(['BASE_USER_INFO', 'AGREEMENT_PAY', 'USER_INFO', 'USER_LOGIN_ID', 'HASH_LOGIN_ID']))
    .min(1)
    .max(4),
  authState: text.max(256),
  terminalType: z.enum(['WEB', 'WAP', 'APP', 'MINI_APP']),
  osType: z.enum(['IOS', 'ANDROID']).optional(),
})
const applyToken = z.discriminatedUnion('grantType', [
  z.looseObject({ grantType: z.literal('AUTHORIZATION_CODE'), customerBelongsTo: text.max(64), authCode: text.max(128) }),
  z.looseObject({ grantType: z.literal('REFRESH_TOKEN'), customerBelongsTo: text.max(64), refreshToken: text.max(128) }),
])
const revoke = z.looseObject({ accessToken: text.max(128) })

const messages: Readonly<Record<string, string>> = {
  SUCCESS: 'success.',
  UNKNOWN_EXCEPTION: 'An API call has failed, caused by unknown reasons.',
}
const resultOf = (resultCode: string, resultStatus: 'S' | 'F' | 'U') => ({
  result: { resultCode, resultMessage: messages[resultCode] ?? resultCode.toLowerCase().replaceAll('_', ' '), resultStatus },
})
const success = (more: Content = {}): Content => ({ ...resultOf('SUCCESS', 'S'), ...more })
const failure = (code: string): Content => resultOf(code, 'F')

export function createAntomSimulator(keys: AntomKeys): Simulator {
  const state = newState()
  const give = (content: Content, request: SimulatorRequest | undefined, context: SimulatorContext, status = 200): SimulatorAnswer => {
    const body = JSON.stringify(content)
    const time = String(context.nowMs)
    const signed = { path: request?.path ?? '', clientId: keys.clientId, time, body }
    const signature = signatureHeader(signed, keys.antomKey) ?? ''
    return {
      status,
      headers: { 'content-type': 'application/json; charset=UTF-8', 'client-id': keys.clientId, 'response-time': time, signature },
      body,
    }
  }
  return {
    channel: 'antom',
    handle: (request, context) =>
      isPage(request) ? page(state, request, context) : give(answerOf(state, keys, request, context), request, context),
    takeEvents: () => state.events.splice(0),
    sign: (event, at) => delivery(keys, event, at),
    reject: (_, request, context) => give(failure('PARAM_ILLEGAL'), request, context),
    trouble: (kind, context, request) =>
      kind === 'error'
        ? give(resultOf('UNKNOWN_EXCEPTION', 'U'), request, context, 500)
        : give(resultOf('REQUEST_TRAFFIC_EXCEED_LIMIT', 'U'), request, context),
    disguise,
    contradict,
    books: () => booksOf(state),
    acts: { cancel: 'gone', cancel_quietly: 'gone' },
    act: (name, token, context) => act(state, name, token, context),
  }
}

/** Antom signs with one key; the first of those given is it. */
function delivery(
  keys: AntomKeys,
  event: SimulatorEvent,
  at: { readonly nowMs: number; readonly secrets: readonly string[] },
): SimulatorDelivery {
  const time = String(at.nowMs)
  const signed = { path: keys.webhookPath, clientId: keys.clientId, time, body: event.body }
  const signature = signatureHeader(signed, at.secrets[0] ?? '') ?? 'algorithm=RSA256,keyVersion=1,signature=none'
  return {
    headers: { 'content-type': 'application/json; charset=UTF-8', 'client-id': keys.clientId, 'request-time': time, signature },
    body: event.body,
  }
}

function answerOf(state: State, keys: AntomKeys, request: SimulatorRequest, context: SimulatorContext): Content {
  const { clientId } = keys
  const { signature, 'client-id': named, 'request-time': time = '', 'content-type': type = '' } = request.headers
  if (named !== clientId) return failure('UNKNOWN_CLIENT')
  const apis: readonly Api[] = ['consult', 'applyToken', 'revoke']
  const api = apis.find(one => pathOf(one, clientId) === request.path)
  if (api === undefined || request.method !== 'POST') return failure('NO_INTERFACE_DEF')
  if (!isSigned({ path: request.path, clientId, time, body: request.body }, signature, keys.merchantKey))
    return failure('INVALID_SIGNATURE')
  // "Check whether the request fields, header fields among them, are correct" is what this code asks for.
  if (!/^\d{13}$/.test(time) || !/^application\/json; *charset=utf-8$/i.test(type)) return failure('PARAM_ILLEGAL')
  const content = json(request.body)
  switch (api) {
    case 'consult':
      return consulted(state, content, context)
    case 'applyToken':
      return applied(state, content, context)
    case 'revoke':
      return revoked(state, content, context)
  }
}

function json(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The same `authState` is the same agreement: a link again, nothing new. */
function consulted(state: State, content: unknown, context: SimulatorContext): Content {
  const parsed = consult.safeParse(content)
  if (!parsed.success || (parsed.data.terminalType !== 'WEB' && parsed.data.osType === undefined)) return failure('PARAM_ILLEGAL')
  const { customerBelongsTo, authState, authRedirectUrl, terminalType } = parsed.data
  const wallet = walletByCode(customerBelongsTo)
  if (wallet === undefined) return failure('NO_PAY_OPTIONS')
  const bad = badWallets[wallet.brand]
  if (bad?.at === 'consult') return failure(bad.code)
  const agreement = state.agreements.get(authState) ?? {
    name: drawName(context, 20),
    authState,
    wallet,
    redirectUrl: authRedirectUrl,
    userId: `2188${drawName(context, 12)}`,
    authCode: undefined,
    codeEndsMs: 0,
    tokens: [],
    canceled: false,
  }
  if (!state.agreements.has(authState)) note(state, 'challenged', keep(state, agreement), context)
  return success(linksOf(agreement, terminalType, context))
}

/** docs.antom.com/ac/auto_debit/redirection_details: a page always, the app's link for APP; a code to scan on a desk's screen. */
function linksOf({ name }: Agreement, terminalType: string, context: SimulatorContext): Content {
  const normalUrl = pageUrl('wallet', name, context)
  if (terminalType === 'APP') return { normalUrl, applinkUrl: `${normalUrl}?app`, appIdentifier: 'com.example.wallet' }
  if (terminalType !== 'WEB') return { normalUrl }
  const codeValue = pageUrl('scan', name, context)
  return { normalUrl, authCodeForm: { codeDetails: [{ codeValueType: 'QRCODE', displayType: 'TEXT', codeValue }] } }
}

function applied(state: State, content: unknown, context: SimulatorContext): Content {
  const parsed = applyToken.safeParse(content)
  if (!parsed.success) return failure('PARAM_ILLEGAL')
  const { data } = parsed
  return data.grantType === 'AUTHORIZATION_CODE' ? exchanged(state, data, context) : refreshed(state, data, context)
}

type Exchange = { readonly customerBelongsTo: string; readonly authCode: string }
function exchanged(state: State, { customerBelongsTo, authCode }: Exchange, context: SimulatorContext): Content {
  const agreement = find(state, one => one.authCode === authCode && one.wallet.code === customerBelongsTo)
  if (agreement === undefined) return failure('INVALID_AUTHCODE')
  const { wallet, tokens } = agreement
  const given = tokens.find(one => one.madeFrom === authCode)
  if (given !== undefined) return singleUse.has(wallet.brand) ? failure('USED_AUTHCODE') : success(tokenContent(agreement, given))
  const bad = badWallets[wallet.brand]
  if (bad?.at === 'applyToken') {
    note(state, 'refused', agreement, context)
    return failure(bad.code)
  }
  if (context.nowMs >= agreement.codeEndsMs) return failure('EXPIRED_AUTHCODE')
  const bound = issue(state, agreement, authCode, context)
  const token = bound.tokens.at(-1)
  return token === undefined ? failure('PROCESS_FAIL') : success(tokenContent(bound, token))
}

type Renewal = { readonly customerBelongsTo: string; readonly refreshToken: string }
function refreshed(state: State, { customerBelongsTo, refreshToken }: Renewal, context: SimulatorContext): Content {
  const agreement = find(
    state,
    one => one.wallet.code === customerBelongsTo && one.tokens.some(token => token.refreshToken === refreshToken),
  )
  const from = agreement?.tokens.find(token => token.refreshToken === refreshToken)
  if (agreement === undefined || from === undefined || agreement.canceled) return failure('INVALID_REFRESH_TOKEN')
  const given = agreement.tokens.find(one => one.madeFrom === refreshToken)
  if (given !== undefined)
    return singleUse.has(agreement.wallet.brand) ? failure('USED_REFRESH_TOKEN') : success(tokenContent(agreement, given))
  if (context.nowMs >= from.refreshEndsMs) return failure('EXPIRED_REFRESH_TOKEN')
  const renewed = issue(state, agreement, refreshToken, context)
  const token = renewed.tokens.at(-1)
  return token === undefined ? failure('PROCESS_FAIL') : success(tokenContent(renewed, token))
}

/** ISO 8601 to the second, with an offset, as in Antom's examples. */
const dateOf = (ms: number): string => `${new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`

const tokenContent = ({ userId, wallet }: Agreement, token: Token): Content => ({
  accessToken: token.accessToken,
  accessTokenExpiryTime: dateOf(token.endsMs),
  ...(token.refreshToken === undefined ? {} : { refreshToken: token.refreshToken, refreshTokenExpiryTime: dateOf(token.refreshEndsMs) }),
  userLoginId: loginOf(userId),
  pspCustomerInfo: { pspName: wallet.code, pspCustomerId: userId },
})

function revoked(state: State, content: unknown, context: SimulatorContext): Content {
  const parsed = revoke.safeParse(content)
  if (!parsed.success) return failure('PARAM_ILLEGAL')
  const agreement = byToken(state, parsed.data.accessToken)
  if (agreement === undefined || agreement.canceled) return failure('INVALID_ACCESS_TOKEN')
  cancel(state, agreement, { quietly: false }, context.nowMs)
  return success()
}

/** Nothing in Antom's answers says what was asked: only the signature ties one to the request. So a mixed-up answer is one that is not signed. */
function disguise(answer: SimulatorAnswer): SimulatorAnswer {
  const body = answer.body.replace(
    /"(accessToken|normalUrl|resultMessage)":"([^"]*)"/g,
    (_, name: string, value: string) => `"${name}":"${value}x"`,
  )
  return { ...answer, body }
}

function act(state: State, name: string, token: string, context: SimulatorContext): void {
  const agreement = byAnything(state, token)
  if (agreement === undefined) throw new TypeError(`antom simulator: no agreement ${token}`)
  if (name === 'approve') approve(state, agreement, context)
  else if (name === 'cancel') cancel(state, agreement, { quietly: false, reason: 'cancelled in the wallet' }, context.nowMs)
  // TrueMoney for one lets its customers cancel and tells nobody (docs.antom.com/ac/easypay/revoke).
  else if (name === 'cancel_quietly') cancel(state, agreement, { quietly: true }, context.nowMs)
  else if (name !== 'decline') throw new TypeError(`antom simulator: cannot ${name}`)
}

/**
 * Antom (Alipay+): some twenty-five wallets of Asia by one agreement. The customer agrees in the wallet, which gives an authorisation code;
 * we exchange it for an access token by which later payments are made ("Auto Debit", now "Tokenized Payment").
 */
import type { z } from 'zod'
import {
  type BindInput,
  type BindOutcome,
  type Call,
  type Channel,
  NoAnswer,
  type RefreshInput,
  type RefreshOutcome,
  type Repeat,
  type ResumeInput,
  type RevokeInput,
  type RevokeOutcome,
} from '../channel.ts'
import { sandboxValues } from './magic.ts'
import { goneCodes, refusals, usedCodes } from './refusals.ts'
import { walletOf, wallets } from './wallets.ts'
import { readWebhook, webhookScheme } from './webhook.ts'
import {
  type Answered,
  type Api,
  actionsOf,
  answers,
  authStateOf,
  consultContent,
  exchangeContent,
  identityOf,
  lifeOf,
  readAnswer,
  readAuthState,
  refreshContent,
  refused,
  requestOf,
  shownOf,
  type Unanswered,
  uncertain,
} from './wire.ts'

/**
 * None of these requests has a key. Each may be sent again: "If resultStatus is U … retry the process by calling this API again"
 * (docs.antom.com/ac/ams/authconsult, …/authrevocation). consult only makes a link; an authorisation code that is exchanged again gives the
 * same token (docs.antom.com/ac/openapi/errorhandling, for AlipayHK) or is answered as used, which we take for neither yes nor no; what is
 * revoked twice is gone.
 */
const again: Repeat = { kind: 'repeatable', times: 5 }

/** Of the wallets' countries. Agreements have no currency; payments under them do, in the smallest unit of ISO 4217. */
const currencies = new Map(
  Object.entries({
    BDT: 2,
    CNY: 2,
    HKD: 2,
    IDR: 2,
    JPY: 0,
    KRW: 0,
    MNT: 2,
    MOP: 2,
    MYR: 2,
    PHP: 2,
    PKR: 2,
    SGD: 2,
    THB: 2,
    TWD: 2,
    VND: 0,
  }),
)

export const antom: Channel = {
  name: 'antom',
  title: 'Antom',
  proof: {
    rank: 'sdk',
    source:
      'alipay/global-open-sdk-java 2.2.8 (models, paths; a signature made by its SignatureTool) and docs.antom.com; no specification is published, the SDK is Java and was not driven',
  },
  repeat: { bind: again, resume: again, refresh: again, revoke: again },
  // Where a wallet has no code to scan (docs.antom.com/ac/scantopay/overview), Antom answers with its links, and those are shown.
  ways: wallets.flatMap(({ brand, country }) =>
    (['redirect', 'app_link', 'qr'] as const).map(shape => ({ kind: 'wallet' as const, shape, scheme: brand, countries: [country] })),
  ),
  currencies,
  refusals,
  webhookScheme,
  sandboxValues,
  // Antom publishes no number. A courtesy.
  requestsPerSecondMax: 20,
  account: { secrets: ['privateKey'], settings: ['clientId', 'webhookPath'] },
  bind,
  resume,
  refresh,
  revoke,
  webhook: readWebhook,
}

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const { source } = input
  const wallet = source.type === 'wallet' ? walletOf(source.brand) : undefined
  if (source.type !== 'wallet' || wallet === undefined) return notTaken('no_such_wallet')
  const by = source.by ?? 'redirect'
  const references = { auth_state: authStateOf(call.operation, input.binding, wallet) }
  const answer = await ask(call, { api: 'consult', content: consultContent(call, input, wallet, by) }, answers.consult)
  if (answer.kind === 'not_answered') return uncertain(answer.cause, references)
  const { content } = answer
  if (content.result.resultStatus === 'U') return uncertain(`unknown_${content.result.resultCode}`, references)
  if (content.result.resultStatus === 'F') return refused(content.result, references)
  const [action, ...alternatives] = actionsOf(content, by)
  if (action === undefined) return uncertain('no_way_to_the_wallet', references)
  return { kind: 'challenged', action, ...(alternatives.length === 0 ? {} : { alternatives }), references }
}

const notTaken = (code: string): BindOutcome => ({
  kind: 'refused',
  by: 'channel',
  category: 'not_supported',
  code,
  elsewhere: true,
  references: {},
})

/** A browser that comes without a code, or with a state that is not ours, proves nothing: the customer may still agree in the app. */
async function resume(call: Call, input: ResumeInput): Promise<BindOutcome> {
  const { references, returned } = input
  const { authCode, authState } = returned
  if (authCode === undefined || authCode === '') return uncertain('returned_without_code', references)
  if (authState === undefined || authState !== references.auth_state) return uncertain('another_state', references)
  const state = readAuthState(authState)
  if (state === undefined || state.binding !== input.binding) return uncertain('another_state', references)
  const answer = await ask(call, { api: 'applyToken', content: exchangeContent(state.wallet, authCode) }, answers.applyToken)
  if (answer.kind === 'not_answered') return uncertain(answer.cause, references)
  const { result, accessToken, refreshToken, userLoginId, pspCustomerInfo } = answer.content
  if (result.resultStatus === 'U') return uncertain(`unknown_${result.resultCode}`, references)
  if (usedCodes.has(result.resultCode)) return uncertain('code_already_used', references)
  // Replaced by a refresh whose answer we never got, or gone with its agreement: which of them, a person has to ask.
  if (result.resultCode === 'INVALID_REFRESH_TOKEN') return uncertain('refresh_token_not_known', references)
  if (result.resultStatus === 'F') return refused(result, references)
  if (accessToken === undefined) return uncertain('success_without_token', references)
  return {
    kind: 'bound',
    token: accessToken,
    references: { ...references, ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }) },
    shown: shownOf(state.wallet, userLoginId),
    ...identityOf(state.wallet, pspCustomerInfo?.pspCustomerId),
    ...lifeOf(answer),
  }
}

async function refresh(call: Call, input: RefreshInput): Promise<RefreshOutcome> {
  const { references } = input
  const { refresh_token: refreshToken } = references
  const state = readAuthState(references.auth_state)
  // "If this field is not returned, the access token has a quite long valid period": there is nothing to renew it by.
  if (refreshToken === undefined || state === undefined) return uncertain('no_refresh_token', references)
  const answer = await ask(call, { api: 'applyToken', content: refreshContent(state.wallet, refreshToken) }, answers.applyToken)
  if (answer.kind === 'not_answered') return uncertain(answer.cause, references)
  const { result, accessToken, refreshToken: next } = answer.content
  if (result.resultStatus === 'U') return uncertain(`unknown_${result.resultCode}`, references)
  if (usedCodes.has(result.resultCode)) return uncertain('refresh_token_already_used', references)
  if (result.resultStatus === 'F') return refused(result, references)
  if (accessToken === undefined) return uncertain('success_without_token', references)
  return {
    kind: 'updated',
    token: accessToken,
    ...(next === undefined ? {} : { references: { refresh_token: next } }),
    ...lifeOf(answer),
  }
}

async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const answer = await ask(call, { api: 'revoke', content: { accessToken: input.token } }, answers.revoke)
  if (answer.kind === 'not_answered') return uncertain(answer.cause, input.references)
  const { result } = answer.content
  if (result.resultStatus === 'S') return { kind: 'revoked' }
  if (result.resultStatus === 'U') return uncertain(`unknown_${result.resultCode}`, input.references)
  return goneCodes.has(result.resultCode) ? { kind: 'revoked' } : refused(result, input.references)
}

type Asked = { readonly api: Api; readonly content: Readonly<Record<string, unknown>> }

async function ask<T>(call: Call, { api, content }: Asked, shape: z.ZodType<T>): Promise<Answered<T> | Unanswered> {
  const request = requestOf(call, api, content)
  if (request === undefined) return { kind: 'not_answered', cause: 'our_private_key_is_none' }
  try {
    return readAnswer(call, api, shape, await call.send(request))
  } catch (error) {
    if (error instanceof NoAnswer) return { kind: 'not_answered', cause: 'no_answer' }
    throw error
  }
}

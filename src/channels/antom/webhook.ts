/**
 * `notifyAuthorization` (docs.antom.com/ac/ams/notifyauth; `AlipayAuthNotify` in the SDK), to the address registered in Antom's dashboard.
 * It carries no id and no time of its own: an event is known by what it says, and a repetition says the same. Antom only tells of success.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { News, Told, WebhookReading, WebhookRequest, WebhookScheme } from '../channel.ts'
import { readJson } from '../json.ts'
import { isSigned } from './sign.ts'
import { type AuthState, identityOf, readAuthState, shownOf } from './wire.ts'

/**
 * `request-time` is signed, but how old an honest repetition may be is nowhere said, so nothing is rejected for its age; a replay is caught
 * by the event's id.
 */
export const webhookScheme: WebhookScheme = {
  algorithm: 'rsa-sha256',
  over: 'POST <path>\\n<client-id>.<request-time>.<body>',
  header: 'signature',
}

const notice = z.looseObject({
  authorizationNotifyType: z.string().min(1),
  authState: z.string().optional(),
  authCode: z.string().optional(),
  accessToken: z.string().min(1).max(128).optional(),
  reason: z.string().optional(),
  userLoginId: z.string().optional(),
  userId: z.string().optional(),
})
type Notice = z.infer<typeof notice>

/** "Return this in the response to acknowledge" (the SDK's `PayNotifyListener`); without it Antom sends again. It need not be signed. */
export const acknowledgement = JSON.stringify({ result: { resultCode: 'SUCCESS', resultStatus: 'S', resultMessage: 'success' } })
const answer = { status: 200, contentType: 'application/json', body: acknowledgement } as const

export function readWebhook(request: WebhookRequest): WebhookReading {
  const { clientId = '', webhookPath = '' } = request.account.settings
  const { signature, 'client-id': named, 'request-time': time = '' } = request.headers
  const body = request.body.toString('utf8')
  const signed = { path: webhookPath, clientId, time, body }
  if (named !== clientId || !request.secrets.some(one => isSigned(signed, signature, one.reveal())))
    return {
      kind: 'rejected',
      reason: 'forged',
      detail: `no signature of Antom fits: another key, another path than ${webhookPath}, or a body that was re-serialised on its way`,
    }
  const parsed = notice.safeParse(readJson(body))
  if (!parsed.success) return { kind: 'rejected', reason: 'malformed', detail: 'signed, but no authorization notification' }
  return { kind: 'told', told: [toldOf(parsed.data)], answer }
}

function toldOf(of: Notice): Told {
  // Antom's own examples carry blanks at the end of names and values.
  const type = of.authorizationNotifyType.trim()
  const state = readAuthState(of.authState?.trim())
  const names = [of.authState?.trim(), of.accessToken].flatMap(one => (one === undefined || one === '' ? [] : [one]))
  const about = createHash('sha256')
    .update(JSON.stringify([of.authState, of.authCode, of.accessToken]))
    .digest('hex')
    .slice(0, 32)
  return {
    event: `${type}:${about}`,
    type,
    // What ends an agreement answers no operation of ours: it is news of a later day, found by the names.
    ...(state === undefined || type === 'TOKEN_CANCELED' ? {} : { operation: state.operation }),
    ...(state === undefined ? {} : { binding: state.binding }),
    names,
    ...meaningOf(type, of, state),
  }
}

function meaningOf(type: string, of: Notice, state: AuthState | undefined): Pick<Told, 'news' | 'returned'> {
  if (type === 'AUTHCODE_CREATED' && of.authCode !== undefined && of.authState !== undefined)
    return { returned: { authCode: of.authCode.trim(), authState: of.authState.trim() } }
  const news = newsOf(type, of, state)
  return news === undefined ? {} : { news }
}

/** A token that is told names no refresh token: that is in the answer to applyToken alone. */
function newsOf(type: string, of: Notice, state: AuthState | undefined): News | undefined {
  if (type === 'TOKEN_CANCELED') return { kind: 'revoked', ...(of.reason === undefined ? {} : { reason: of.reason }) }
  if (type !== 'TOKEN_CREATED' || of.accessToken === undefined || state === undefined) return undefined
  return {
    kind: 'bound',
    token: of.accessToken,
    references: { auth_state: of.authState?.trim() ?? '' },
    shown: shownOf(state.wallet, of.userLoginId),
    ...identityOf(state.wallet, of.userId),
  }
}

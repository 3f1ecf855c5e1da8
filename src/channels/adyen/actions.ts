/** What Adyen wants the shopper to do, as data that any page can show (Checkout v71: redirect, threeDS2, qrCode, await). */
import type { Action } from '../channel.ts'
import type { NextAction } from './wire.ts'

/** The step, and other ways to the same end. Undefined: a step that cannot be shown (a voucher, an app's own library). */
export function actionsOf(action: NextAction | undefined): readonly [Action, ...Action[]] | undefined {
  switch (action?.type) {
    case 'redirect':
      return redirect(action)
    case 'threeDS2':
      return threeDs(action)
    case 'qrCode':
      return qr(action)
    case 'await':
      return waiting(action)
    default:
      return undefined
  }
}

const isPage = (url: string | undefined): url is string => url !== undefined && /^https?:\/\//.test(url)
const stepsOfOthers = ['bankTransfer', 'delegatedAuthentication', 'nativeRedirect', 'sdk', 'voucher', 'wechatpaySDK']
/** The specification's other actions: what only Adyen's own library or a counter can do with them is nothing that we can show. */
export const isStepOfOthers = (type: string | undefined): boolean => type !== undefined && stepsOfOthers.includes(type)

/** `upi://…`: opened by an app. A script is no address. */
const isAppLink = (url: string | undefined): url is string =>
  url !== undefined && /^(?!javascript|data|file|vbscript|blob)[a-z][a-z0-9+.-]*:\/\//i.test(url) && !isPage(url) && URL.canParse(url)

function redirect(action: NextAction): readonly [Action] | undefined {
  const method = (action.method ?? 'GET').toUpperCase()
  if (!isPage(action.url) || (method !== 'GET' && method !== 'POST')) return undefined
  const data = Object.entries(action.data ?? {}).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []))
  return [{ type: 'redirect', url: action.url, method, ...(data.length === 0 ? {} : { data: Object.fromEntries(data) }) }]
}

/**
 * Adyen's component takes the action whole (`handleAction`), so the token is all of it, as base64 of its JSON. `url` is for pages that do
 * without the component: the issuer's method URL or its frame, which stand in Adyen's own token (base64 of JSON).
 */
function threeDs(action: NextAction): readonly [Action] | undefined {
  const stage = action.subtype === 'challenge' ? 'challenge' : action.subtype === 'fingerprint' ? 'fingerprint' : undefined
  if (stage === undefined || (action.token ?? '') === '') return undefined
  const url = (stage === 'challenge' ? /"acsURL":"([^"]+)"/ : /"threeDSMethodURL":"([^"]+)"/i).exec(decoded(action.token ?? ''))?.[1]
  const token = Buffer.from(JSON.stringify(action)).toString('base64')
  return [{ type: 'three_ds', stage, token, ...(isPage(url) && URL.canParse(url) ? { url } : {}) }]
}
const decoded = (token: string): string => Buffer.from(token, 'base64').toString('utf8').replaceAll('\\/', '/')

const limit = (action: NextAction): { expiresAtMs?: number } => {
  const atMs = action.expiresAt === undefined ? Number.NaN : Date.parse(action.expiresAt)
  return Number.isNaN(atMs) ? {} : { expiresAtMs: atMs }
}

function qr(action: NextAction): readonly [Action, ...Action[]] | undefined {
  const payload = action.qrCodeData ?? ''
  if (payload === '') return undefined
  const link: readonly Action[] = isAppLink(action.url) ? [{ type: 'app_link', url: action.url, ...limit(action) }] : []
  return [{ type: 'qr', payload, ...limit(action) }, ...link]
}

/** UPI Intent and others give a link with it; without one the shopper is asked by the app itself. */
function waiting(action: NextAction): readonly [Action, ...Action[]] {
  const where = typeof action.paymentMethodType === 'string' ? action.paymentMethodType : 'app'
  const rest: Action = { type: 'await', where, ...limit(action) }
  return isAppLink(action.url) ? [{ type: 'app_link', url: action.url, ...limit(action) }, rest] : [rest]
}

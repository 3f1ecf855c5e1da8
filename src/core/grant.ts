/**
 * A capture grant: what the API signs so that somebody may hand a card straight to the vault's capture door. Good for a number of captures
 * of one tenant and mode, for at most 15 minutes. `cgr_<payload>.<HMAC-SHA-256>`, both base64url; the payload is compact JSON.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

export type Grant = {
  readonly tenant: string
  readonly mode: 'test' | 'live'
  /** 1 to 1,000. */
  readonly captures: number
  /** Unix milliseconds; at most 15 minutes ahead. */
  readonly expiresAt: number
  /** Names the grant where its captures are counted: at least 16 characters. */
  readonly nonce: string
  /** Web origins whose pages may use it; none: no browser may. */
  readonly origins: readonly string[]
}

export const grantLifeMsMax = 15 * 60_000
export const grantCapturesMax = 1000
/** Two machines' clocks may differ by this much. */
const skewMs = 30_000
const originsMax = 10
const prefix = 'cgr_'
const label = 'bindery capture grant 1|'

/** Throws a RangeError (a bug of the caller) when the grant asks for more than one may give. */
export function signGrant(key: Buffer, nowMs: number, grant: Grant): string {
  const reason = excess(grant, nowMs)
  if (reason !== undefined) throw new RangeError(reason)
  const payload = Buffer.from(
    JSON.stringify([grant.tenant, grant.mode, grant.captures, grant.expiresAt, grant.nonce, ...grant.origins]),
  ).toString('base64url')
  return `${prefix}${payload}.${mac(key, payload).toString('base64url')}`
}

/** The grant, or undefined: not signed by us, lapsed, or asking for more than one may give. */
export function verifyGrant(key: Buffer, nowMs: number, token: string): Grant | undefined {
  const dot = token.indexOf('.')
  if (token.length > 4096 || !token.startsWith(prefix) || dot < 0) return undefined
  const payload = token.slice(prefix.length, dot)
  const given = Buffer.from(token.slice(dot + 1), 'base64url')
  const wanted = mac(key, payload)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined
  if (given.toString('base64url') !== token.slice(dot + 1)) return undefined
  const grant = read(payload)
  return grant === undefined || excess(grant, nowMs) !== undefined ? undefined : grant
}

/** Made once a key: making it costs as much as the HMAC itself. */
const secrets = new WeakMap<Buffer, KeyObject>()
function secretOf(key: Buffer): KeyObject {
  const known = secrets.get(key) ?? createSecretKey(key)
  secrets.set(key, known)
  return known
}

const mac = (key: Buffer, payload: string): Buffer => createHmac('sha256', secretOf(key)).update(label).update(payload).digest()

function read(payload: string): Grant | undefined {
  const fields: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
  if (!Array.isArray(fields)) return undefined
  const [tenant, mode, captures, expiresAt, nonce, ...rest]: readonly unknown[] = fields
  const origins = rest.filter(one => typeof one === 'string')
  if (typeof tenant !== 'string' || (mode !== 'test' && mode !== 'live') || typeof captures !== 'number') return undefined
  if (typeof expiresAt !== 'number' || typeof nonce !== 'string' || origins.length !== rest.length) return undefined
  return { tenant, mode, captures, expiresAt, nonce, origins }
}

function excess(grant: Grant, nowMs: number): string | undefined {
  if (!Number.isInteger(grant.captures) || grant.captures < 1 || grant.captures > grantCapturesMax)
    return 'a grant is for 1 to 1000 captures'
  if (!Number.isInteger(grant.expiresAt) || grant.expiresAt <= nowMs) return 'the grant has lapsed'
  if (grant.expiresAt > nowMs + grantLifeMsMax + skewMs) return 'a grant lasts at most 15 minutes'
  if (grant.tenant === '' || grant.nonce.length < 16) return 'a grant names its tenant and has a nonce of at least 16 characters'
  return grant.origins.length > originsMax ? 'a grant names at most ten origins' : undefined
}

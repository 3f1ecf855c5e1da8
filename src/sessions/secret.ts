/** The client's secret: it names its session and proves itself, may be seen by one browser, and is kept as a keyed hash. */
import { keyedHash, sameText } from '../core/keyed.ts'
import { fieldProblem, type Problem } from '../core/problem.ts'
import { customerNow } from '../instruments/customer.ts'
import type { World } from '../world/world.ts'
import { afterglowMs } from './session.ts'
import { bindingSessions, type SessionRow } from './tables.ts'

const form = /^bss_([0-9a-hjkmnp-tv-z]{26})_([A-Za-z0-9_-]{43})$/

export const newSecret = (world: Pick<World, 'random'>, session: string): string =>
  `bss_${session.slice('bse_'.length)}_${world.random(32).toString('base64url')}`

export const secretHash = (world: Pick<World, 'settings'>, secret: string): string =>
  keyedHash(world.settings.grantKey, 'session secret', secret).toString('hex')

/** Of the vault's own page, which any session may use: no page of anybody else's is served there. */
export const hostedOrigin = (world: Pick<World, 'settings'>): string => new URL(world.settings.captureUrl).origin
/** Where a customer types in a card without the merchant having built anything. The secret stands where no server is sent it. */
export const hostedUrl = (world: Pick<World, 'settings'>, secret: string): string =>
  `${new URL('bind', world.settings.captureUrl).href}#${secret}`

export type Admitted = {
  readonly session: SessionRow
  /** By the customer's clock. */
  readonly now: number
}

/** Compared with the hash of a secret that nobody has, where there is no session: an unknown one costs the same. */
const nobodys = '0'.repeat(64)
const unknown = (): Problem =>
  fieldProblem(
    'header/authorization',
    "Send the session's client secret: Authorization: Bearer bss_…; this one is missing, wrong, or has lapsed.",
    'unauthenticated',
  )

/** Throws `unauthenticated`, in the same words whatever is wrong; `forbidden` for a page of an origin that the session does not name. */
export async function admitSession(world: World, headers: Headers): Promise<Admitted> {
  const { authorization = '', origin } = headers
  const [scheme, secret = '', rest] = authorization.split(' ')
  const [, body = ''] = form.exec(secret) ?? []
  const session = body === '' ? undefined : await world.store.get(bindingSessions, { id: `bse_${body}` })
  const fits = sameText(secretHash(world, secret.slice(0, 200)), session?.secret_hash ?? nobodys)
  if (session === undefined || !fits || scheme?.toLowerCase() !== 'bearer' || rest !== undefined) throw unknown()
  const now = await sessionNow(world, session)
  if (now >= session.expires_at + afterglowMs) throw unknown()
  if (origin !== undefined && origin !== hostedOrigin(world) && !session.origins.includes(origin))
    throw fieldProblem('header/origin', 'this session is not for pages of this origin', 'forbidden')
  return { session, now }
}
export type Headers = Readonly<Partial<Record<string, string>>>

/** The customer's time: a session keeps its clock. */
export const sessionNow = (world: World, { tenant, clock }: Pick<SessionRow, 'tenant' | 'clock'>): Promise<number> =>
  customerNow(world, { tenant, clock })

/** A signed link for one customer: who has it sees and changes that customer's instruments, as far as it allows, until it expires. */
import { keyedHash, sameText } from '../core/keyed.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { readCustomer } from '../instruments/customer.ts'
import { type Committed, insert, move, type Write } from '../world/store.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import { type LinkRow, portalLinks, type Right } from './tables.ts'

export const linkLifeMsMax = 24 * 3_600_000

const form = /^(ptl_[0-9a-hjkmnp-tv-z]{26})\.([0-9a-z]{1,11})\.([A-Za-z0-9_-]{43})$/

const proofOf = (world: Pick<World, 'settings'>, id: string, expires: string): string =>
  keyedHash(world.settings.grantKey, 'portal link', `${id}|${expires}`).toString('base64url')

export function tokenOf(world: Pick<World, 'settings'>, { id, expires_at }: Pick<LinkRow, 'id' | 'expires_at'>): string {
  const expires = expires_at.toString(36)
  return `${id}.${expires}.${proofOf(world, id, expires)}`
}
export const linkUrl = (world: Pick<World, 'settings'>, link: LinkRow): string =>
  `${world.settings.publicUrl}/portal/${tokenOf(world, link)}`

export type LinkWish = {
  readonly tenant: string
  readonly mode: Mode
  readonly customer: string
  readonly may: readonly Right[]
  readonly returnUrl: string
  readonly lifeMs: number
  readonly hosted: boolean
}

export function newLink(world: World, { returnUrl, lifeMs, ...of }: LinkWish): LinkRow {
  const now = world.now()
  return {
    ...of,
    id: nextId(world, 'ptl', of.customer),
    return_url: returnUrl,
    created_at: now,
    expires_at: now + lifeMs,
    revoked_at: null,
    version: 1,
  }
}

export async function createLink(
  world: World,
  of: LinkWish,
  /** What rides in the same commit. */
  companions: { readonly writes: (link: LinkRow) => readonly Write[]; readonly check: (result: Committed) => void },
): Promise<LinkRow> {
  const customer = await readCustomer(world, { tenant: of.tenant, mode: of.mode, id: of.customer })
  if (customer === undefined) throw new Problem('not_found', 'no such customer')
  const link = newLink(world, of)
  const result = await world.store.commit([insert(portalLinks, link), ...companions.writes(link)])
  companions.check(result)
  if (!result.ok) throw new Problem('conflict', 'the link could not be made')
  return link
}

export async function readLink(world: World, id: string): Promise<LinkRow> {
  const link = await world.store.get(portalLinks, { id })
  if (link === undefined) throw new Problem('not_found', 'no such link')
  return link
}

export type Owned = { readonly tenant: string; readonly mode: Mode; readonly id: string }
/** Throws `not_found` for what is not the tenant's. */
export async function ownLink(world: World, at: Owned): Promise<LinkRow> {
  const link = await readLink(world, at.id)
  if (link.tenant !== at.tenant || link.mode !== at.mode) throw new Problem('not_found', 'no such link')
  return link
}

/** Twice is harmless. Throws `not_found` for what is not the tenant's. */
export async function revokeLink(world: World, at: Owned): Promise<LinkRow> {
  const link = await ownLink(world, at)
  if (link.revoked_at !== null) return link
  const revoked_at = world.now()
  if ((await world.store.commit([move(portalLinks, link, { revoked_at })])).ok) return { ...link, revoked_at }
  return revokeLink(world, at)
}

export const lapsedLink = (): Problem =>
  fieldProblem('header/authorization', 'this link is not known, or has expired: ask for a new one', 'unauthenticated')

/** The signature and the end first, so that nobody's guesses reach the database. The same words whatever is wrong. */
export async function admitLink(world: World, token: string): Promise<LinkRow> {
  const [, id = '', expires = '', proof = ''] = form.exec(token) ?? []
  const signed = sameText(proof, proofOf(world, id, expires)) && id !== ''
  if (!signed || Number.parseInt(expires, 36) <= world.now()) throw lapsedLink()
  const link = await world.store.get(portalLinks, { id })
  if (link === undefined || link.revoked_at !== null) throw lapsedLink()
  return link
}

export function allowed(link: Pick<LinkRow, 'may'>, right: Right): void {
  if (!link.may.includes(right)) throw new Problem('forbidden', `this link does not allow it: ${right}`)
}

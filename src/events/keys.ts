/** An endpoint's signing keys: sealed by the vault in the database, opened and kept in memory while they are used. */

import type { Row } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { type KeyTexts, keyBytes, makeKeys, readKey, type SigningKey } from './signature.ts'
import type { SealedKeys, webhookEndpoints } from './tables.ts'

type Endpoint = Row<typeof webhookEndpoints>
type Owner = Pick<Endpoint, 'tenant' | 'id'>

const field = 'webhook_keys'
/** How long a rotated key goes on signing. */
export const rotationMs = 24 * 60 * 60 * 1000
/** Keys that can sign at one time: the current one and those rotated out within the last day. */
export const keysMax = 4
/** Opened keys kept in memory, over all endpoints. */
const cachedMax = 1_000

/** New keys for an endpoint, sealed. */
export async function newKeys(world: World, owner: Owner): Promise<SealedKeys> {
  const made = makeKeys(world.random(keyBytes))
  const text = `${made.secret} ${made.privateKey}`
  const sealed = await world.vault.seal({ tenant: owner.tenant, owner: owner.id, field, text })
  return { sealed, public_key: made.publicKey, created_at: world.now(), expires_at: null }
}

/** The keys after a rotation, newest first: the fresh ones, then the old ones for a day more. */
export function rotate(old: readonly SealedKeys[], fresh: SealedKeys, nowMs: number): readonly SealedKeys[] {
  const leaving = old.map(one => ({ ...one, expires_at: one.expires_at ?? nowMs + rotationMs }))
  return [fresh, ...live(leaving, nowMs)].slice(0, keysMax)
}

export const live = (keys: readonly SealedKeys[], nowMs: number): readonly SealedKeys[] =>
  keys.filter(one => one.expires_at === null || one.expires_at > nowMs)

/** The secret as its owner needs it, to be shown and not kept. */
export async function openKeys(world: World, owner: Owner, keys: SealedKeys): Promise<Omit<KeyTexts, 'privateKey'>> {
  return { secret: (await openTexts(world, owner, keys)).secret, publicKey: keys.public_key }
}

async function openTexts(world: World, owner: Owner, keys: SealedKeys): Promise<Pick<KeyTexts, 'secret' | 'privateKey'>> {
  const text = await world.vault.open({ tenant: owner.tenant, owner: owner.id, field, sealed: keys.sealed })
  const [secret, privateKey] = text.split(' ')
  if (secret === undefined || privateKey === undefined) throw new TypeError('the vault opened something that is not a pair of keys')
  return { secret, privateKey }
}

/** What an endpoint's requests are to be signed with now. */
export type KeyRing = (world: World, endpoint: Endpoint) => Promise<readonly SigningKey[]>

/** A key ring that remembers what it opened, by the sealed text, so a rotated key is another entry. The oldest entry makes room. */
export function createKeyRing(): KeyRing {
  const opened = new Map<string, Promise<SigningKey>>()
  const open = (world: World, endpoint: Endpoint, keys: SealedKeys): Promise<SigningKey> => {
    const known = opened.get(keys.sealed)
    if (known !== undefined) return known
    const [oldest] = opened.keys()
    if (opened.size >= cachedMax && oldest !== undefined) opened.delete(oldest)
    const opening = openTexts(world, endpoint, keys).then(readKey)
    opened.set(keys.sealed, opening)
    opening.catch(() => opened.delete(keys.sealed))
    return opening
  }
  return (world, endpoint) => Promise.all(live(endpoint.secrets, world.now()).map(keys => open(world, endpoint, keys)))
}

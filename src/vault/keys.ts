/**
 * The key hierarchy: root → one key per purpose → one per tenant and purpose. Every key but the root lies in `vault.keys`, wrapped by the
 * one above it. Keys are made when first needed; two processes making the same one are settled by the primary key. Versions are in the
 * format from the start; rotation comes later.
 */
import { createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import { insert, type Store } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import { type Cache, createCache } from './cache.ts'
import { keyContext, type Random, SealBroken, unwrapKey, type WrappingKey, wrapKey } from './seal.ts'
import { kcvLength, keyIdLength, keys, type Purpose } from './tables.ts'

/** The purpose's own key, wrapped by the root. */
const purposeScope = '*'
/** The one fingerprint key that all tenants share. */
export const networkScope = 'network'
/** Keys held ready: tenants times purposes that are busy. */
const cachedMax = 20_000

export type Keyring = {
  /** The newest version of a purpose's key for a tenant (or `networkScope`); made if there is none. */
  current(purpose: Purpose, scope: string): Promise<WrappingKey>
  /** The version a record names. */
  exact(purpose: Purpose, scope: string, version: number): Promise<WrappingKey>
}

type Ports = { readonly store: Store; readonly random: Random; now(): number; readonly root: KeyObject }

/** The root does not fit the keys in the database: somebody replaced one of them. */
export class WrongRoot extends Error {
  override readonly name = 'WrongRoot'
}

export function createKeyring(ports: Ports): Keyring {
  const ready: Cache<Promise<WrappingKey>> = createCache(cachedMax)
  const cached = (name: string, load: () => Promise<WrappingKey>): Promise<WrappingKey> => {
    const known = ready.get(name)
    if (known !== undefined) return known
    const loading = load()
    ready.set(name, loading)
    loading.catch(() => ready.delete(name))
    return loading
  }
  const parentOf = (purpose: Purpose, scope: string): Promise<KeyObject> =>
    scope === purposeScope ? Promise.resolve(ports.root) : keyring.current(purpose, purposeScope).then(one => one.key)
  const keyring: Keyring = {
    current(purpose, scope) {
      return cached(`${purpose}|${scope}`, async () => {
        const row = newest(await ports.store.find(keys, { purpose, scope }))
        const parent = await parentOf(purpose, scope)
        return row === undefined ? create(ports, parent, purpose, scope) : open(parent, row)
      })
    },
    exact(purpose, scope, version) {
      return cached(`${purpose}|${scope}|${version}`, async () => {
        const row = await ports.store.get(keys, { purpose, scope, key_version: version })
        if (row === undefined) throw new SealBroken()
        return open(await parentOf(purpose, scope), row)
      })
    },
  }
  return keyring
}

type KeyRow = Row<typeof keys>

const newest = (rows: readonly KeyRow[]): KeyRow | undefined =>
  rows.reduce<KeyRow | undefined>((best, row) => (best === undefined || row.key_version > best.key_version ? row : best), undefined)

async function create(ports: Ports, parent: KeyObject, purpose: Purpose, scope: string): Promise<WrappingKey> {
  const id = Buffer.from(ports.random(keyIdLength))
  const key = ports.random(32)
  const row = {
    purpose,
    scope,
    key_version: 1,
    id,
    wrapped: wrapKey(ports.random, parent, keyContext(id, purpose, scope, 1), key),
    kcv: keyCheckValue(key),
    created_at: ports.now(),
  }
  const made = { id, version: 1, key: createSecretKey(key) }
  key.fill(0)
  const result = await ports.store.commit([insert(keys, row)])
  if (result.ok) return made
  const theirs = newest(await ports.store.find(keys, { purpose, scope }))
  if (theirs === undefined) throw new Error(`the key ${purpose} ${scope} could neither be made nor found`)
  return open(parent, theirs)
}

function open(parent: KeyObject, row: KeyRow): WrappingKey {
  const key = unwrapOrExplain(parent, row)
  const fits = timingSafeEqual(keyCheckValue(key), row.kcv)
  const opened = { id: row.id, version: row.key_version, key: createSecretKey(key) }
  key.fill(0)
  if (!fits) throw new WrongRoot(`the check value of key ${row.purpose} ${row.scope} does not fit`)
  return opened
}

function unwrapOrExplain(parent: KeyObject, row: KeyRow): Buffer {
  try {
    return unwrapKey(parent, keyContext(row.id, row.purpose, row.scope, row.key_version), row.wrapped)
  } catch {
    const above = row.scope === purposeScope ? 'the root key' : `the ${row.purpose} key`
    throw new WrongRoot(`${above} does not fit key ${row.purpose} ${row.scope} version ${row.key_version} in the database`)
  }
}

/** The first 8 bytes of HKDF-SHA-512(key, no salt, "PIV1 kcv"). */
export function keyCheckValue(key: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha512', key, '', 'PIV1 kcv', kcvLength))
}

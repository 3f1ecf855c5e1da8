/**
 * The key hierarchy: root → one key per purpose → one per tenant and purpose. Every key but the root lies in `vault.keys`, wrapped by the
 * one above it, in versions of which one is current. Keys are made when first needed; two processes making the same one are settled by the
 * primary key. How versions come and go is `rotate.ts`; whoever wraps takes one of a counted block (`wraps.ts`).
 */
import { createSecretKey, timingSafeEqual } from 'node:crypto'
import { insert, move, type Store } from '../world/store.ts'
import type { NewRow, Row } from '../world/table.ts'
import { type Cache, createCache } from './cache.ts'
import { nextRotation } from './periods.ts'
import type { Root } from './root.ts'
import { keyCheckValue, keyContext, type Random, SealBroken, unwrapKey, type WrappingKey, wrapKey } from './seal.ts'
import { keyIdLength, keys, type Purpose, purposeScope } from './tables.ts'
import { createWraps, wrapsBlock } from './wraps.ts'

/** The one fingerprint key that all tenants share. */
export const networkScope = 'network'
/** Keys held ready: tenants times purposes that are busy. */
const cachedMax = 20_000
/** After so long it is asked again which version is current; until the answer comes, the known one serves. */
const currentForMs = 30_000
/** After so long nobody wraps with it before asking. Far below the time a retired key lives (`rotate.ts`). */
const currentForMsMax = 10 * 60_000

export type Keyring = {
  /** The current version of a purpose's key for a tenant (or `networkScope`); made if there is none. Not to wrap with. */
  current(purpose: Purpose, scope: string): Promise<WrappingKey>
  /** The same, to wrap one key with. Throws `KeyWornOut`. */
  wrapping(purpose: Purpose, scope: string): Promise<WrappingKey>
  /** The version a record names. Throws `SealBroken` where it was destroyed. */
  exact(purpose: Purpose, scope: string, version: number): Promise<WrappingKey>
  /** The next version, of new random bytes, as a row that is not there yet. */
  successor(row: KeyRow, nowMs: number): Promise<NewRow<typeof keys>>
  /** The same key under the newest of what wraps it, as what changes in its row; undefined if that is so already. */
  rewrapped(row: KeyRow): Promise<Partial<NewRow<typeof keys>> | undefined>
  /** Has a root that has versions of its own wrap what it wraps by its newest one; returns how many keys it was. */
  renew(): Promise<number>
  /** What is known to be current is asked again. */
  forget(purpose: Purpose, scope: string): void
}

export type KeyRow = Row<typeof keys>
type Ports = {
  readonly store: Store
  readonly random: Random
  now(): number
  readonly root: Root
  /** The root of before, whose keys are wrapped by `root` as they are met. */
  readonly formerRoot?: Root | undefined
}
type Known = { readonly askedAt: number; readonly key: Promise<WrappingKey>; asking: boolean }

/** The root does not fit the keys in the database: somebody replaced one of them. */
export class WrongRoot extends Error {
  override readonly name = 'WrongRoot'
}

export function createKeyring(ports: Ports): Keyring {
  const known: Cache<Known> = createCache(cachedMax)
  const ready: Cache<Promise<WrappingKey>> = createCache(cachedMax)
  const wraps = createWraps(ports)
  const ask = (purpose: Purpose, scope: string): Promise<WrappingKey> => {
    const name = `${purpose}|${scope}`
    const before = known.get(name)
    const key = load(purpose, scope)
    known.set(name, { askedAt: ports.now(), key, asking: false })
    key.catch(() => (before === undefined ? known.delete(name) : known.set(name, { ...before, asking: false })))
    return key
  }
  /** Whoever asks later gets the answer; a failure leaves what is known. */
  const askMeanwhile = (purpose: Purpose, scope: string, one: Known): void => {
    if (one.asking) return
    one.asking = true
    const done = (key: Promise<WrappingKey>) => known.set(`${purpose}|${scope}`, { askedAt: ports.now(), key, asking: false })
    load(purpose, scope).then(
      key => done(Promise.resolve(key)),
      () => {
        one.asking = false
      },
    )
  }
  const load = async (purpose: Purpose, scope: string): Promise<WrappingKey> => {
    const row = currentOf(await ports.store.find(keys, { purpose, scope }))
    return row === undefined ? create(ports, keyring, wraps, purpose, scope) : opened(row)
  }
  const opened = (row: KeyRow): Promise<WrappingKey> =>
    once(ready, `${row.purpose}|${row.scope}|${row.key_version}`, () => open(ports, keyring, row))
  const keyring: Keyring = {
    current(purpose, scope) {
      const one = known.get(`${purpose}|${scope}`)
      if (one === undefined) return ask(purpose, scope)
      const age = ports.now() - one.askedAt
      if (age >= currentForMsMax) return ask(purpose, scope)
      if (age >= currentForMs) askMeanwhile(purpose, scope, one)
      return one.key
    },
    async wrapping(purpose, scope) {
      const key = await keyring.current(purpose, scope)
      await wraps.take(purpose, scope, key.version)
      return key
    },
    async exact(purpose, scope, version) {
      const had = ready.get(`${purpose}|${scope}|${version}`)
      if (had !== undefined) return had
      const row = await ports.store.get(keys, { purpose, scope, key_version: version })
      if (row === undefined) throw new SealBroken()
      return opened(row)
    },
    successor: (row, nowMs) => made(ports, keyring, { ...row, key_version: row.key_version + 1 }, nowMs).then(one => one.row),
    rewrapped: row => rewrapped(ports, keyring, row),
    renew: () => renew(ports),
    forget: (purpose, scope) => known.delete(`${purpose}|${scope}`),
  }
  return keyring
}

/** What was loaded is loaded; what failed is tried again by whoever comes next. */
function once(cache: Cache<Promise<WrappingKey>>, name: string, load: () => Promise<WrappingKey>): Promise<WrappingKey> {
  const had = cache.get(name)
  if (had !== undefined) return had
  const loading = load()
  cache.set(name, loading)
  loading.catch(() => cache.delete(name))
  return loading
}

/** The newest of those that are: for a moment of a promotion a reader may see two. */
export const currentOf = (rows: readonly KeyRow[]): KeyRow | undefined =>
  rows.reduce<KeyRow | undefined>(
    (best, row) => (row.status === 'current' && (best === undefined || row.key_version > best.key_version) ? row : best),
    undefined,
  )

type Named = Pick<KeyRow, 'purpose' | 'scope' | 'key_version' | 'id'>

const contextOf = (row: Named): Buffer => keyContext(row.id, row.purpose, row.scope, row.key_version)

/** New random bytes as a key of this name and version, wrapped by what is above it. */
async function made(ports: Ports, keyring: Keyring, name: Named, nowMs: number) {
  const above = name.scope === purposeScope ? undefined : await keyring.wrapping(name.purpose, purposeScope)
  const key = ports.random(32)
  const wrapped = above === undefined ? await ports.root.wrap(contextOf(name), key) : wrapKey(ports.random, above.key, contextOf(name), key)
  const { purpose, scope, key_version, id } = name
  const row: NewRow<typeof keys> = {
    ...{ purpose, scope, key_version, id, wrapped, kcv: keyCheckValue(key), created_at: nowMs, status: 'added' },
    ...{ parent_version: above?.version ?? 0, root: above === undefined ? ports.root.name : null, wraps: 0 },
    ...{ promoted_at: null, retired_at: null, due_at: nowMs, clock: null },
  }
  const wrapping = { id, version: key_version, key: createSecretKey(key) }
  key.fill(0)
  return { row, wrapping }
}

/** The first version is current from the start: nobody else can have a key that nobody has seen. */
async function create(
  ports: Ports,
  keyring: Keyring,
  wraps: ReturnType<typeof createWraps>,
  purpose: Purpose,
  scope: string,
): Promise<WrappingKey> {
  const now = ports.now()
  const id = Buffer.from(ports.random(keyIdLength))
  const { row, wrapping } = await made(ports, keyring, { purpose, scope, key_version: 1, id }, now)
  const first: NewRow<typeof keys> = { ...row, status: 'current', wraps: wrapsBlock, promoted_at: now, due_at: nextRotation(row, now) }
  const result = await ports.store.commit([insert(keys, first)])
  if (result.ok) {
    wraps.reserved(purpose, scope, 1)
    return wrapping
  }
  const theirs = currentOf(await ports.store.find(keys, { purpose, scope }))
  if (theirs === undefined) throw new Error(`the key ${purpose} ${scope} could neither be made nor found`)
  return open(ports, keyring, theirs)
}

async function open(ports: Ports, keyring: Keyring, row: KeyRow): Promise<WrappingKey> {
  const key = await unwrapOrExplain(ports, keyring, row)
  const fits = timingSafeEqual(keyCheckValue(key), row.kcv)
  const opened = { id: row.id, version: row.key_version, key: createSecretKey(key) }
  key.fill(0)
  if (!fits) throw new WrongRoot(`the check value of key ${row.purpose} ${row.scope} does not fit`)
  if (rootOf(ports, row) === ports.formerRoot) await moveToRoot(ports, keyring, row)
  return opened
}

async function unwrapOrExplain(ports: Ports, keyring: Keyring, row: KeyRow): Promise<Buffer> {
  const root = row.scope === purposeScope ? rootOf(ports, row) : undefined
  const above = root === undefined ? (await keyring.exact(row.purpose, purposeScope, row.parent_version)).key : root
  try {
    return 'unwrap' in above ? await above.unwrap(contextOf(row), row.wrapped) : unwrapKey(above, contextOf(row), row.wrapped)
  } catch (error) {
    // A key store that does not answer says nothing about the key.
    if (!(error instanceof SealBroken)) throw error
    const which = root === undefined ? `the ${row.purpose} key` : 'the root key'
    throw new WrongRoot(`${which} does not fit key ${row.purpose} ${row.scope} version ${row.key_version} in the database`)
  }
}

/** Undefined for what no root wraps. The development file's rows of before have no name. Throws `WrongRoot`. */
function rootOf({ root, formerRoot }: Ports, row: KeyRow): Root | undefined {
  if (row.scope !== purposeScope) return undefined
  if (row.root === root.name) return root
  if (formerRoot !== undefined && (row.root === formerRoot.name || (row.root === null && formerRoot.name.startsWith('file:'))))
    return formerRoot
  if (row.root === null && root.name.startsWith('file:')) return root
  throw new WrongRoot(
    `the ${row.purpose} key in the database is wrapped by the root key ${row.root ?? 'file'}, and the vault was given the root key ${root.name}`,
  )
}

/** Another process may do it at the same time: whoever comes second finds it done. */
async function moveToRoot(ports: Ports, keyring: Keyring, row: KeyRow): Promise<void> {
  const set = await keyring.rewrapped(row)
  if (set !== undefined) await ports.store.commit([move(keys, row, set)])
}

async function rewrapped(ports: Ports, keyring: Keyring, row: KeyRow): Promise<Partial<NewRow<typeof keys>> | undefined> {
  if (row.scope === purposeScope && row.root === ports.root.name) return undefined
  const above = row.scope === purposeScope ? undefined : await keyring.wrapping(row.purpose, purposeScope)
  if (above !== undefined && above.version === row.parent_version) return undefined
  const key = await unwrapOrExplain(ports, keyring, row)
  try {
    if (above === undefined) return { wrapped: await ports.root.wrap(contextOf(row), key), root: ports.root.name }
    return { wrapped: wrapKey(ports.random, above.key, contextOf(row), key), parent_version: above.version }
  } finally {
    key.fill(0)
  }
}

async function renew({ store, root }: Ports): Promise<number> {
  let done = 0
  for (const row of await store.find(keys, { parent_version: 0 })) {
    const wrapped = row.root === root.name ? await root.renewed?.(contextOf(row), row.wrapped) : undefined
    if (wrapped !== undefined && (await store.commit([move(keys, row, { wrapped })])).ok) done += 1
  }
  return done
}

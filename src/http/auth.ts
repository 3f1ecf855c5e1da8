/**
 * API keys: `sk_test_…`, `sk_live_…` (secret), `pk_test_…`, `pk_live_…` (publishable). 165 random bits and a checksum, so that a mistyped
 * key is refused without asking the database. Kept as SHA-256 only, found by it: what is compared is a hash the caller cannot steer, so
 * the time of a comparison tells nothing.
 */
import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Problem, type ProblemCode } from '../core/problem.ts'
import { insert, move } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import { type Mode, nextId, type World } from '../world/world.ts'
import type { Caller, Endpoint } from './endpoint.ts'
import { may, type Role } from './role.ts'
import { apiKeys, tenants } from './tables.ts'

export type KeyKind = Caller['kind']
type Here = Pick<World, 'now' | 'random' | 'store'>

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const randomLetters = 33
const checkLetters = 7
const keyForm = /^(?:sk|pk)_(?:test|live)_[0-9a-hjkmnp-tv-z]{40}$/
/** How long a revoked key may still be honoured, and how many keys are remembered. */
const keyAgeMaxMs = 10_000
const keysMax = 10_000
const strangersMax = 1_000

/** Who calls an endpoint that asks for no key. */
export const nobody: Caller = Object.freeze({ tenant: '', mode: 'test', kind: 'publishable', key: '', role: 'browser', person: null })

export async function createTenant(world: Here, input: { readonly name: string }): Promise<string> {
  const id = nextId(world, 'ten')
  const result = await world.store.commit([insert(tenants, { id, name: input.name, created_at: world.now() })])
  if (!result.ok) throw new TypeError(`a tenant was refused: ${result.refused.map(one => one.constraint).join(', ')}`)
  return id
}

/** Makes a key and tells it, once: only its hash is kept. `text`: a key made elsewhere (a demo's fixed one); it must have the right form. */
export async function createKey(
  world: Here,
  input: {
    readonly tenant: string
    readonly mode: Mode
    readonly kind: KeyKind
    /** Without it: `owner`. A publishable key is always a browser's. */
    readonly role?: Role
    readonly person?: string | null
    readonly text?: string
  },
): Promise<{ readonly id: string; readonly key: string }> {
  const key = input.text ?? newKey(world, input.mode, input.kind)
  if (!key.startsWith(prefixOf(input.mode, input.kind)) || !isKeyForm(key)) throw new TypeError('an API key of the wrong form')
  const id = nextId(world, 'key', input.tenant)
  const { tenant, mode, kind } = input
  // One person is written one way, so that two keys of theirs are seen to be.
  const person = input.person?.trim().toLowerCase() ?? null
  const role = kind === 'publishable' ? 'browser' : (input.role ?? 'owner')
  const row = { id, tenant, mode, kind, role, person, hash: hashOf(key), hint: key.slice(0, 12), created_at: world.now(), revoked_at: null }
  const result = await world.store.commit([insert(apiKeys, row)])
  if (!result.ok) throw new TypeError(`an API key was refused: ${result.refused.map(one => one.constraint).join(', ')}`)
  return { id, key }
}

/** Takes effect within ten seconds at every process. Revoking twice is harmless; false: there is no such key. */
export async function revokeKey(world: Here, input: { readonly tenant: string; readonly id: string }): Promise<boolean> {
  const row = await world.store.get(apiKeys, { id: input.id })
  if (row === undefined || row.tenant !== input.tenant) return false
  if (row.revoked_at !== null) return true
  const result = await world.store.commit([move(apiKeys, row, { revoked_at: world.now() })])
  return result.ok || revokeKey(world, input)
}

/** A key's text from 33 random bytes. */
export function newKey(world: Pick<World, 'random'>, mode: Mode, kind: KeyKind): string {
  let body = prefixOf(mode, kind)
  for (const byte of world.random(randomLetters)) body += alphabet[byte & 31]
  return body + checksum(body)
}

const prefixOf = (mode: Mode, kind: KeyKind): string => `${kind === 'secret' ? 'sk' : 'pk'}_${mode}_`
export const hashOf = (key: string): string => hash('sha256', key, 'hex')
const isKeyForm = (key: string): boolean => keyForm.test(key) && checksum(key.slice(0, -checkLetters)) === key.slice(-checkLetters)

function checksum(body: string): string {
  let rest = crc32(body)
  let out = ''
  for (let i = 0; i < checkLetters; i += 1) {
    out += alphabet[rest & 31]
    rest >>>= 5
  }
  return out
}

export type Authenticator = {
  /** The caller of a key seen lately, with no question to the database. */
  known(authorization: string | undefined): Caller | undefined
  /** Throws `unauthenticated` for a key that is missing, malformed, unknown or revoked. */
  find(authorization: string | undefined): Promise<Caller>
}

type Remembered = { readonly caller: Caller | undefined; readonly until: number }

export function authenticator(world: Here): Authenticator {
  const seen = new Map<string, Remembered>()
  const strangers = new Map<string, Remembered>()
  const asking = new Map<string, Promise<Caller | undefined>>()

  const ask = async (keyHash: string): Promise<Caller | undefined> => {
    const caller = callerOf((await world.store.find(apiKeys, { hash: keyHash }, 1))[0])
    remember(caller === undefined ? strangers : seen, keyHash, { caller, until: world.now() + keyAgeMaxMs })
    return caller
  }
  const known = (authorization: string | undefined): Caller | undefined => {
    const key = keyOf(authorization)
    if (key === undefined) return undefined
    const found = seen.get(hashOf(key))
    return found !== undefined && found.until > world.now() ? found.caller : undefined
  }
  const find = async (authorization: string | undefined): Promise<Caller> => {
    const key = keyOf(authorization)
    if (key === undefined)
      throw refused(
        authorization === undefined
          ? 'Send an API key: Authorization: Bearer sk_test_…'
          : 'Authorization is not Bearer or Basic with an API key.',
      )
    if (!isKeyForm(key)) throw refused('This is not an API key: it is mistyped or cut off.')
    const keyHash = hashOf(key)
    const stranger = strangers.get(keyHash)
    if (stranger !== undefined && stranger.until > world.now()) throw refused('This API key is not known, or was revoked.')
    const pending = asking.get(keyHash) ?? ask(keyHash).finally(() => asking.delete(keyHash))
    asking.set(keyHash, pending)
    const caller = await pending
    if (caller === undefined) throw refused('This API key is not known, or was revoked.')
    return caller
  }
  return { known, find }
}

/** Bounded: the one remembered first goes first. */
function remember(map: Map<string, Remembered>, keyHash: string, one: Remembered): void {
  const max = one.caller === undefined ? strangersMax : keysMax
  map.delete(keyHash)
  for (const oldest of map.keys()) {
    if (map.size < max) break
    map.delete(oldest)
  }
  map.set(keyHash, one)
}

function callerOf(row: Row<typeof apiKeys> | undefined): Caller | undefined {
  if (row === undefined || row.revoked_at !== null) return undefined
  return Object.freeze({ tenant: row.tenant, mode: row.mode, kind: row.kind, key: row.id, role: row.role, person: row.person })
}

/** `Bearer <key>`, or Basic with the key as the user and no password (`curl -u <key>:`). */
function keyOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > 512) return undefined
  const [scheme = '', value = '', rest] = authorization.split(' ')
  if (rest !== undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return undefined
  const [user, password] = Buffer.from(value, 'base64').toString('latin1').split(':')
  return password === '' ? user : undefined
}

function refused(detail: string, code: ProblemCode = 'unauthenticated', members: Readonly<Record<string, string>> = {}): Problem {
  return new Problem(code, detail, { errors: [{ pointer: 'header/authorization', detail }], members })
}

/** Throws `forbidden`, naming the permission that is missing, when the key's kind or role may not call this endpoint. */
export function admit(caller: Caller, { auth, action }: Pick<Endpoint, 'auth' | 'action'>): void {
  if (auth === 'none' || action === undefined) return
  if (auth === 'secret' && caller.kind !== 'secret')
    throw refused('This needs a secret key (sk_…); a publishable one may not do it.', 'forbidden', {
      permission: action,
      role: caller.role,
    })
  if (!may(caller.role, action))
    throw refused(`This needs a key with the permission ${action}, which the role ${caller.role} does not have.`, 'forbidden', {
      permission: action,
      role: caller.role,
    })
}

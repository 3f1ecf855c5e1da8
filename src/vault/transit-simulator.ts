/**
 * A key store with the transit API, for trying the vault out and for tests: what HashiCorp Vault and OpenBao answer to the requests we make and
 * to those an operator makes around them (create, read, rotate, configure, delete), with their words for what is wrong. State is in memory.
 * Derived keys are made as theirs are: HKDF-SHA-256 over the context, without a salt.
 */
import { createCipheriv, createDecipheriv, hkdfSync, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Random } from './seal.ts'

export type TransitRequest = { readonly method: string; readonly path: string; readonly token: string | undefined; readonly body: string }
export type TransitAnswer = { readonly status: number; readonly body: string }
export type TransitSimulator = {
  handle(request: TransitRequest): TransitAnswer
  /** As `bao operator seal` and `unseal`. */
  seal(sealed: boolean): void
}

const keysMax = 1_000
const versionsMax = 10_000
type Key = {
  readonly name: string
  readonly derived: boolean
  readonly exportable: boolean
  readonly versions: Buffer[]
  min_decryption_version: number
  min_encryption_version: number
  deletion_allowed: boolean
}

const creation = z.object({
  type: z.literal('aes256-gcm96').default('aes256-gcm96'),
  derived: z.boolean().default(false),
  exportable: z.boolean().default(false),
})
const configuration = z.object({
  min_decryption_version: z.number().int().min(0).optional(),
  min_encryption_version: z.number().int().min(0).optional(),
  deletion_allowed: z.boolean().optional(),
})
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/)
const work = z.object({ plaintext: base64.optional(), ciphertext: z.string().optional(), context: base64.optional() })

/** Thrown inside, answered with: `{"errors": ["…"]}`. */
class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** `token`: the one that may do everything. */
export function createTransitSimulator(of: { readonly random: Random; readonly token: string; readonly mount?: string }): TransitSimulator {
  const store = { keys: new Map<string, Key>(), sealed: false, random: of.random }
  const place = new RegExp(`^/v1/${of.mount ?? 'transit'}/(keys|encrypt|decrypt|rewrap)/([A-Za-z0-9_.-]{1,100})(?:/(rotate|config))?$`)
  return {
    seal(sealed) {
      store.sealed = sealed
    },
    handle({ method, path, token, body }) {
      try {
        if (store.sealed) throw new Refused(503, 'Vault is sealed')
        if (token === undefined || !same(token, of.token)) throw new Refused(403, 'permission denied')
        const [, verb = '', name = '', act = ''] = place.exec(path) ?? []
        if (verb === '') throw new Refused(404, `no handler for route "${path.slice(4)}". route entry not found.`)
        const data = act !== '' || verb === 'keys' ? manage(store, { method, name, act, body }) : operate(store, { verb, name, body })
        return data === undefined ? { status: 204, body: '' } : { status: 200, body: JSON.stringify({ data }) }
      } catch (error) {
        if (error instanceof Refused) return { status: error.status, body: JSON.stringify({ errors: [error.message] }) }
        throw error
      }
    },
  }
}

type Store = { readonly keys: Map<string, Key>; readonly random: Random }

function manage(store: Store, { method, name, act, body }: { method: string; name: string; act: string; body: string }): unknown {
  const key = store.keys.get(name)
  const writes = method === 'POST' || method === 'PUT'
  if (act === '' && writes) return describe(key ?? create(store, name, read(creation, body)))
  if (key === undefined) throw new Refused(method === 'GET' ? 404 : 400, 'encryption key not found')
  if (act === '' && method === 'GET') return describe(key)
  if (act === '' && method === 'DELETE') {
    if (!key.deletion_allowed) throw new Refused(400, `error deleting policy ${name}: deletion is not allowed for this key`)
    store.keys.delete(name)
    return undefined
  }
  if (!writes) throw new Refused(405, 'unsupported operation')
  if (act === 'rotate') {
    if (key.versions.length >= versionsMax) throw new Refused(400, 'the simulator holds no more versions')
    key.versions.push(store.random(32))
    return describe(key)
  }
  const wanted = read(configuration, body)
  const newest = key.versions.length
  if ((wanted.min_decryption_version ?? 0) > newest)
    throw new Refused(400, `cannot set min decryption version of ${wanted.min_decryption_version}, latest key version is ${newest}`)
  key.min_decryption_version = wanted.min_decryption_version ?? key.min_decryption_version
  key.min_encryption_version = wanted.min_encryption_version ?? key.min_encryption_version
  key.deletion_allowed = wanted.deletion_allowed ?? key.deletion_allowed
  return describe(key)
}

function create(store: Store, name: string, { derived, exportable }: z.output<typeof creation>): Key {
  if (store.keys.size >= keysMax) throw new Refused(400, 'the simulator holds no more keys')
  const key = {
    name,
    derived,
    exportable,
    versions: [store.random(32)],
    min_decryption_version: 1,
    min_encryption_version: 0,
    deletion_allowed: false,
  }
  store.keys.set(name, key)
  return key
}

const describe = (key: Key) => ({
  name: key.name,
  type: 'aes256-gcm96',
  derived: key.derived,
  exportable: key.exportable,
  allow_plaintext_backup: false,
  deletion_allowed: key.deletion_allowed,
  latest_version: key.versions.length,
  min_available_version: 0,
  min_decryption_version: key.min_decryption_version,
  min_encryption_version: key.min_encryption_version,
  supports_encryption: true,
  supports_decryption: true,
  supports_derivation: true,
  supports_signing: false,
  ...(key.derived ? { kdf: 'hkdf_sha256' } : {}),
  imported_key: false,
})

function operate(store: Store, { verb, name, body }: { verb: string; name: string; body: string }): unknown {
  const key = store.keys.get(name)
  if (key === undefined) throw new Refused(400, 'encryption key not found')
  const { plaintext, ciphertext, context } = read(work, body)
  if (verb === 'encrypt') {
    if (plaintext === undefined) throw new Refused(400, 'missing plaintext to encrypt')
    return sealed(store, key, Buffer.from(plaintext, 'base64'), context)
  }
  if (ciphertext === undefined || ciphertext === '') throw new Refused(400, 'missing ciphertext to decrypt')
  const plain = opened(key, ciphertext, context)
  return verb === 'decrypt' ? { plaintext: plain.toString('base64') } : sealed(store, key, plain, context)
}

function sealed(store: Store, key: Key, plain: Buffer, context: string | undefined) {
  const version = key.versions.length
  const iv = store.random(12)
  const cipher = createCipheriv('aes-256-gcm', keyFor(key, version, context), iv, { authTagLength: 16 })
  const bytes = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return { ciphertext: `vault:v${version}:${bytes.toString('base64')}`, key_version: version }
}

function opened(key: Key, ciphertext: string, context: string | undefined): Buffer {
  const [, version, text = ''] = /^vault:v(\d{1,9}):(.*)$/.exec(ciphertext) ?? []
  if (version === undefined) throw new Refused(400, 'invalid ciphertext: no prefix')
  if (Number(version) > key.versions.length || Number(version) < 1) throw new Refused(400, 'invalid ciphertext: version is too new')
  if (Number(version) < key.min_decryption_version)
    throw new Refused(400, 'ciphertext or signature version is disallowed by policy (too old)')
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < 28) throw new Refused(400, 'invalid ciphertext: too short')
  const decipher = createDecipheriv('aes-256-gcm', keyFor(key, Number(version), context), bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAuthTag(bytes.subarray(-16))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
  } catch {
    throw new Refused(400, 'cipher: message authentication failed')
  }
}

function keyFor(key: Key, version: number, context: string | undefined): Buffer {
  const bytes = key.versions[version - 1]
  if (bytes === undefined) throw new Refused(400, 'invalid key version')
  if (!key.derived) return bytes
  if (context === undefined || context === '')
    throw new Refused(
      400,
      "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key",
    )
  return Buffer.from(hkdfSync('sha256', bytes, '', Buffer.from(context, 'base64'), 32))
}

function read<S extends z.ZodType>(shape: S, body: string): z.output<S> {
  try {
    const found = shape.safeParse(JSON.parse(body === '' ? '{}' : body))
    if (found.success) return found.data
    throw new Refused(400, `invalid request: ${found.error.issues.map(issue => issue.path.join('.')).join(', ')}`)
  } catch (error) {
    if (error instanceof Refused) throw error
    throw new Refused(400, 'error parsing JSON')
  }
}

const same = (one: string, two: string): boolean => one.length === two.length && timingSafeEqual(Buffer.from(one), Buffer.from(two))

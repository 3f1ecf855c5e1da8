/**
 * Which root: `VAULT_ROOT_FILE`, JSON that the vault reads and nobody else. Without it, the development file. `former` names the root that
 * came before, while keys are moved from it.
 *
 *     { "kind": "shares" }
 *     { "kind": "transit", "address": "https://bao.internal:8200", "key": "bindery", "token_file": "/run/bindery/token" }
 *     { "kind": "pkcs11", "module": "/usr/lib/softhsm/libsofthsm2.so", "token": "bindery", "key": "root", "pin_file": "/run/bindery/pin" }
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { SendBytes } from './forward.ts'
import type { Root } from './root.ts'
import { developmentRoot } from './root-file.ts'
import { pkcs11Root } from './root-pkcs11.ts'
import { rootOfShares } from './root-shares.ts'
import { transitRoot } from './root-transit.ts'
import type { Random } from './seal.ts'

const text = z.string('must be text').min(1, 'must not be empty')
const one = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file') }),
  z.strictObject({ kind: z.literal('shares'), name: text.exactOptional() }),
  z.strictObject({
    kind: z.literal('transit'),
    address: z
      .url('must be an address')
      .refine(address => /^https:|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]?/.test(address), 'must begin with https://'),
    mount: text.default('transit'),
    key: z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be the name of a key'),
    token_file: text,
    namespace: text.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('pkcs11'), module: text, token: text, key: text, pin_file: text, tool: text.exactOptional() }),
])
type One = z.output<typeof one>
const shape = z.intersection(z.object({ former: one.exactOptional() }), z.unknown())

type Ports = {
  readonly path: string | undefined
  readonly folder: string
  readonly production: boolean
  readonly random: Random
  readonly send: SendBytes
  /** Told where shares are taken, before anything waits for them. */
  locked(socketPath: string): void
}

export const unsealSocket = (folder: string): string => join(folder, 'vault-unseal.sock')

/** Throws an Error for the operator. */
export async function openRoots(ports: Ports): Promise<{ readonly root: Root; readonly formerRoot: Root | undefined }> {
  const read = ports.path === undefined ? { now: { kind: 'file' } as const, former: undefined } : readRootFile(ports.path)
  const root = await openOne(ports, read.now)
  return { root, formerRoot: read.former === undefined ? undefined : await openOne(ports, read.former) }
}

/** Throws an Error with one mistake a line. */
export function readRootFile(path: string): { readonly now: One; readonly former: One | undefined } {
  const complain = (mistakes: readonly string[]): never => {
    throw new Error([`VAULT_ROOT_FILE ${path} cannot be used:`, ...mistakes.map(each => `  - ${each}`)].join('\n'))
  }
  const whole = shape.safeParse(parse(path))
  if (!whole.success) return complain(mistakesOf(whole.error))
  const { former, ...rest } = z.record(z.string(), z.unknown()).parse(whole.data)
  const now = one.safeParse(rest)
  if (!now.success) return complain(mistakesOf(now.error))
  return { now: now.data, former: former === undefined ? undefined : one.parse(former) }
}

const mistakesOf = (error: z.ZodError): readonly string[] => error.issues.map(issue => `${issue.path.join('.') || 'it'} ${issue.message}`)

function openOne({ folder, production, random, send, locked }: Ports, settings: One): Promise<Root> {
  if (settings.kind === 'file') return Promise.resolve(developmentRoot({ folder, production, random }))
  if (settings.kind === 'pkcs11') return pkcs11Root({ ...settings, pinFile: settings.pin_file }, random)
  if (settings.kind === 'transit') return transitRoot({ ...settings, tokenFile: settings.token_file }, send)
  return rootOfShares({ socketPath: unsealSocket(folder), random, name: settings.name, locked })
}

function parse(path: string): unknown {
  try {
    const mode = statSync(path).mode & 0o777
    if ((mode & 0o022) !== 0)
      throw new TypeError(`VAULT_ROOT_FILE ${path} can be changed by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`)
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return value
  } catch (error) {
    if (error instanceof TypeError) throw error
    throw new Error(`VAULT_ROOT_FILE ${path} cannot be read, or is not JSON`)
  }
}

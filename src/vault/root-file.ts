/**
 * The root key of a development machine: a file. A file beside the data protects against nothing but a stolen database dump, so it
 * refuses to serve in production; there the root comes in shares or from a key store.
 */
import { createSecretKey } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { keyRoot, type Root } from './root.ts'
import { keyCheckValue } from './seal.ts'

export const developmentKeyFile = 'development-root.key'
const line = /^bindery-development-root-1 ([0-9a-f]{64}) ([0-9a-f]{16})\n$/

/** Reads the key file in the data folder, or makes it (mode 0600). Throws an Error meant for the operator to read. */
export function developmentRoot(input: { folder: string; production: boolean; random: (count: number) => Buffer }): Root {
  const path = join(input.folder, developmentKeyFile)
  if (input.production) {
    throw new Error(
      `NODE_ENV is production, and the only root key there is would be the development key file ${path}. A key beside the data it ` +
        'protects must not guard real cards: name another root in VAULT_ROOT_FILE (docs/vault.md), or unset NODE_ENV to try it out.',
    )
  }
  mkdirSync(input.folder, { recursive: true, mode: 0o700 })
  createOnce(path, input.random)
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0) throw new Error(`${path} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`)
  const found = line.exec(readFileSync(path, 'latin1'))
  if (found === null) throw new Error(`${path} is not a development root key, or only half of one; restore it from a copy`)
  const key = Buffer.from(found[1] ?? '', 'hex')
  if (keyCheckValue(key).toString('hex') !== found[2]) throw new Error(`${path} is damaged: its check value does not fit`)
  const root = createSecretKey(key)
  key.fill(0)
  return keyRoot('file', root, input.random)
}

function createOnce(path: string, random: (count: number) => Buffer): void {
  const file = openNew(path)
  if (file === undefined) return
  const key = random(32)
  writeSync(file, `bindery-development-root-1 ${key.toString('hex')} ${keyCheckValue(key).toString('hex')}\n`)
  fsyncSync(file)
  closeSync(file)
}

function openNew(path: string): number | undefined {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined
    throw error
  }
}

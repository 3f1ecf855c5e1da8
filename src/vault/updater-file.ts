/**
 * The keys of live account updaters, as a file that the vault reads and nobody else: `UPDATER_KEYS_FILE`, JSON by the updater's name. Keys are
 * X25519, 32 bytes in base64url: ours is private, the other is the updater's public one.
 *
 *     { "visa": { "own": "Wn4…", "other": "hSDwC…" } }
 */
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { keyPairShape, type UpdaterSettings } from './settings.ts'

const wrongName = 'must be a name of lower-case letters, digits and _'
const shape = z
  .record(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, wrongName), keyPairShape)
  .refine(value => Object.keys(value).length > 0, 'must name one updater at least')

/** Throws an Error with one mistake a line, and nothing of what it holds. */
export function readUpdaterFile(path: string): UpdaterSettings {
  const complain = (mistakes: readonly string[]): never => {
    throw new Error([`UPDATER_KEYS_FILE ${path} cannot be used:`, ...mistakes.map(one => `  - ${one}`)].join('\n'))
  }
  const mode = modeOf(path)
  if (mode === undefined) return complain(['it is not there, or not to be read by the vault'])
  if ((mode & 0o077) !== 0) return complain([`it can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`])
  const read = shape.safeParse(parse(path))
  if (!read.success)
    return complain(
      read.error.issues.map(issue => `${issue.path.join('.') || 'it'} ${issue.code === 'invalid_key' ? wrongName : issue.message}`),
    )
  return Object.entries(read.data)
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function modeOf(path: string): number | undefined {
  try {
    return statSync(path).mode & 0o777
  } catch {
    return undefined
  }
}

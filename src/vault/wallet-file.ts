/**
 * The keys that open tokens of Apple Pay and Google Pay, as a file that the vault reads and nobody else: `WALLET_KEYS_FILE`, JSON of the
 * shape of `WalletSettings`. All that is wrong with it is said at the start, and nothing of what it holds.
 *
 *     {
 *       "apple": { "roots": ["-----BEGIN CERTIFICATE-----…"], "merchants": [{ "certificate": "-----BEGIN…", "privateKey": "-----BEGIN…" }] },
 *       "google": { "roots": [{ "keyValue": "MFkw…", "protocolVersion": "ECv2" }], "recipientId": "merchant:123", "privateKeys": ["-----BEGIN…"] }
 *     }
 */
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { mistakesIn, readKeys, type WalletKeys } from './device-token/keys.ts'

const text = z.string('must be text').min(1, 'must not be empty')
const list = <S extends z.ZodType>(of: S) => z.array(of, 'must be a list').min(1, 'must name one at least')
const apple = z.strictObject({ roots: list(text), merchants: list(z.strictObject({ certificate: text, privateKey: text })) })
const google = z.strictObject({
  roots: list(
    z.strictObject({
      keyValue: text,
      protocolVersion: text,
      keyExpiration: z
        .string()
        .regex(/^\d{1,16}$/, 'must be Unix milliseconds as digits')
        .exactOptional(),
    }),
  ),
  recipientId: z.string('must be text').regex(/^(merchant|gateway):./, 'must begin with merchant: or gateway:'),
  privateKeys: list(text),
})
export const walletSettingsShape = z
  .strictObject({ apple: apple.exactOptional(), google: google.exactOptional() })
  .refine(one => one.apple !== undefined || one.google !== undefined, 'must have apple or google')

/** Throws an Error with one mistake a line. */
export function readWalletFile(path: string): WalletKeys {
  const settings = walletSettingsShape.safeParse(parse(path))
  const complain = (mistakes: readonly string[]): never => {
    throw new Error([`WALLET_KEYS_FILE ${path} cannot be used:`, ...mistakes.map(one => `  - ${one}`)].join('\n'))
  }
  if (!settings.success) return complain(settings.error.issues.map(issue => `${issue.path.join('.') || 'it'} ${issue.message}`))
  const mistakes = mistakesIn(settings.data)
  return mistakes.length > 0 ? complain(mistakes) : readKeys(settings.data)
}

function parse(path: string): unknown {
  const mode = modeOf(path)
  if ((mode & 0o077) !== 0)
    throw new Error(`WALLET_KEYS_FILE ${path} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`)
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // What JSON.parse says quotes what it read.
    throw new Error(`WALLET_KEYS_FILE ${path} cannot be read, or is not JSON`)
  }
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777
  } catch {
    throw new Error(`WALLET_KEYS_FILE ${path} is not there, or not to be read by the vault`)
  }
}

/** Opens what Apple Pay and Google Pay hand over in the browser or app. Runs in the vault's process alone: what comes out is a card. */
import { openApple } from './apple.ts'
import { type DeviceToken, TokenRefused, type Wallet, wipe } from './device-token.ts'
import { openGoogle } from './google.ts'
import type { WalletKeys } from './keys.ts'

/** Bytes; real tokens have two to five thousand. */
export const tokenBytesMax = 32 * 1024

export type OpeningPorts = {
  readonly keys: WalletKeys
  /**
   * Whether this is the first time that a token of this id is opened; it is remembered from now on, until then at least. Asked last, when
   * all else is good, so that a forgery uses nothing up.
   */
  readonly isFirst: (wallet: Wallet, id: string, rememberUntilMs: number) => boolean | Promise<boolean>
}

/**
 * `token`: the JSON as the wallet gave it (Apple: `paymentData`; Google: `tokenizationData.token`); the caller wipes it. The caller also
 * wipes what comes back (`wipe`). Throws `TokenRefused`, and a TypeError where we have no keys for the wallet.
 */
export async function openDeviceToken(ports: OpeningPorts, wallet: Wallet, token: Buffer, nowMs: number): Promise<DeviceToken> {
  if (token.length > tokenBytesMax) throw new TokenRefused('malformed', `more than ${tokenBytesMax} bytes`)
  const opened = await open(ports.keys, wallet, token, nowMs)
  let first = false
  try {
    first = await ports.isFirst(wallet, opened.id, opened.rememberUntilMs)
    if (!first) throw new TokenRefused('replayed', 'it was opened before')
    return opened
  } finally {
    if (!first) wipe(opened)
  }
}

async function open(keys: WalletKeys, wallet: Wallet, token: Buffer, nowMs: number): Promise<DeviceToken> {
  if (wallet === 'apple_pay') {
    if (keys.apple === undefined) throw new TypeError('there are no keys for Apple Pay')
    return openApple(keys.apple, token, nowMs)
  }
  if (keys.google === undefined) throw new TypeError('there are no keys for Google Pay')
  return openGoogle(keys.google, token, nowMs)
}

/** Opens wallets' tokens for the capture door: which refusal is whose fault, in words for the caller, and each token once. */
import { fieldProblem } from '../core/problem.ts'
import type { OpenToken } from './capture.ts'
import { type TokenRefusal, TokenRefused } from './device-token/device-token.ts'
import type { WalletKeys } from './device-token/keys.ts'
import { openDeviceToken } from './device-token/open.ts'
import type { Replays } from './replays.ts'

const reasons: Readonly<Record<TokenRefusal, string>> = {
  malformed: 'is not a token as the wallet gives it',
  forged: 'is not what the wallet signed',
  stale: 'is too old, or a key it was signed with is; ask the customer again',
  foreign: "was made for another merchant's key",
  replayed: 'was handed in before, and is good once',
  unsupported: 'is of a version that is not supported',
}

export function createTokenOpener(keys: WalletKeys, replays: Pick<Replays, 'isFirst'>): OpenToken {
  const configured = { apple_pay: keys.apple !== undefined, google_pay: keys.google !== undefined }
  return async (wallet, token, nowMs) => {
    if (!configured[wallet]) throw fieldProblem(`/${wallet}`, 'this vault has no keys to open it with', 'unprocessable')
    try {
      return await openDeviceToken({ keys, isFirst: replays.isFirst }, wallet, token, nowMs)
    } catch (error) {
      if (error instanceof TokenRefused) throw fieldProblem(`/${wallet}`, reasons[error.reason], 'unprocessable')
      throw error
    }
  }
}

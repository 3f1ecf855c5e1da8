/**
 * What a wallet's token holds once it is opened: a device's number with a cryptogram for one authorisation, or (Google Pay, `PAN_ONLY`) the
 * card's own number. Numbers and cryptograms are buffers of their own: whoever holds one wipes it.
 */

export type Wallet = 'apple_pay' | 'google_pay'

export type DeviceToken = {
  readonly wallet: Wallet
  /** ASCII digits. `device`: good with its cryptogram only · `card`: the card itself, to be treated as one that was typed in. */
  readonly number: Buffer
  readonly numberIs: 'device' | 'card'
  readonly expiryMonth: number
  /** Four digits. */
  readonly expiryYear: number
  /** Base64 as ASCII, as networks and channels want it. Good for one authorisation. */
  readonly cryptogram: Buffer | undefined
  /** As the wallet gave it; a wallet that gives none leaves it to the network. */
  readonly eci: string | undefined
  /** Of this token, given once: `transactionId` (Apple), `messageId` (Google). */
  readonly id: string
  /** Until when `id` has to be remembered; after it the token is refused as stale anyway. Unix milliseconds. */
  readonly rememberUntilMs: number
  /** What the customer agreed to, where the token says it (Apple): minor units and the ISO 4217 number of the currency. */
  readonly money: { readonly amount: bigint; readonly currencyNumber: string } | undefined
}

/**
 * `malformed`: not what the wallet makes · `forged`: a signature, certificate or tag does not fit · `stale`: it, or a key of its chain, has
 * expired · `foreign`: made for somebody else's key · `replayed`: its id was seen before · `unsupported`: a version or payload we do not open.
 */
export type TokenRefusal = 'malformed' | 'forged' | 'stale' | 'foreign' | 'replayed' | 'unsupported'

/** The message never quotes the token. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly reason: TokenRefusal
  constructor(reason: TokenRefusal, detail: string) {
    super(`${reason}: ${detail}`)
    this.reason = reason
  }
}

export function wipe(token: Pick<DeviceToken, 'number' | 'cryptogram'>): void {
  token.number.fill(0)
  token.cryptogram?.fill(0)
}

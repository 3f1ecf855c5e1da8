/** How a webhook is proven to be the channel's. */
export type WebhookScheme = {
  readonly algorithm: 'hmac-sha256' | 'rsa-sha256' | 'client-certificate' | 'bearer-token'
  /** What is signed, and where the signature stands. */
  readonly over: string
  readonly header: string
  readonly toleranceSeconds?: number
  /** The HTTP status by which the channel wants to be told that no signature fits, where it is not 401. */
  readonly rejectStatus?: number
}

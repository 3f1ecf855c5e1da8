/**
 * What the customer has to do next, as data that a page can render without knowing the channel. What the customer answers goes to `resume`
 * under the names given here, whatever the channel calls it.
 */

type Limited = {
  /** Unix milliseconds by which it must be done, where the channel says; ours is 24 hours otherwise. */
  readonly expiresAtMs?: number
}

/** Send the browser there; it comes back to `returnUrl`, and what it brings is handed to `resume`. */
export type RedirectAction = Limited & {
  readonly type: 'redirect'
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly data?: Readonly<Record<string, string>>
}
/** Open the app by this link (`upi://…`, `gcash://…`, a universal link). It may come back to `returnUrl`, or not at all. */
export type AppLinkAction = Limited & { readonly type: 'app_link'; readonly url: string }
/** Show as a QR code. `payload`: what the code holds. `imageUrl`: the same as a picture, where the channel makes one. */
export type QrAction = Limited & { readonly type: 'qr'; readonly payload: string; readonly imageUrl?: string }
/** Answered with `otp`. `sentTo`: masked. `resends`: how often it may be sent again. */
export type OtpAction = Limited & {
  readonly type: 'otp'
  readonly sentTo: string
  readonly digits?: number
  readonly triesLeft?: number
  readonly resends: number
}
/** Answered with `amounts` (minor units, `32,45`) or with `descriptor_code` (`SM11AA`). `arrivesAtMs`: not before then. */
export type MicroDepositsAction = Limited & {
  readonly type: 'micro_deposits'
  readonly by: 'amounts' | 'descriptor_code'
  readonly arrivesAtMs?: number
  readonly triesLeft?: number
}
/**
 * 3-D Secure 2 in the page (EMVCo): `fingerprint` posts a hidden form to the issuer's method URL, `challenge` shows the issuer's frame.
 * `token`: what the channel's own component takes. Answered with `three_ds_result`.
 */
export type ThreeDsAction = Limited & {
  readonly type: 'three_ds'
  readonly stage: 'fingerprint' | 'challenge'
  readonly token: string
  readonly url?: string
}
/** The customer is asked elsewhere (a bank's app, a text message): wait, and look again. */
export type AwaitAction = Limited & { readonly type: 'await'; readonly where: string }

export type Action = RedirectAction | AppLinkAction | QrAction | OtpAction | MicroDepositsAction | ThreeDsAction | AwaitAction
export const actionTypes = [
  'redirect',
  'app_link',
  'qr',
  'otp',
  'micro_deposits',
  'three_ds',
  'await',
] as const satisfies readonly Action['type'][]

/** Numbers given out in the clear to a person, as the rest of the system sees it: sealed by the vault for a key that only that person has. */
import type { Mode } from './world.ts'

/** Why. What fits none of these is no reason to look at somebody's number. */
export const detokenizePurposes = ['dispute', 'fraud', 'law_enforcement', 'regulator', 'customer_request', 'recovery'] as const
export type DetokenizePurpose = (typeof detokenizePurposes)[number]

export type DetokenizeInput = {
  readonly tenant: string
  readonly mode: Mode
  readonly instrument: string
  readonly instrumentVersion: number
  /** Of this act alone: its entry in the audit has it, and what is sealed is bound to it. */
  readonly operation: string
  readonly purpose: DetokenizePurpose
  readonly reason: string
  readonly person: string
  /** Who approved it; null in test mode where nobody had to. Live mode is refused without. */
  readonly second: string | null
  /** X25519, 32 bytes in base64url. */
  readonly publicKey: string
}

export type Detokenized =
  | {
      readonly kind: 'sealed'
      /** HPKE (`core/hpke.ts`), in base64url. */
      readonly enc: string
      readonly ciphertext: string
      readonly info: string
      readonly aad: string
      /** How often it may be done still, today. */
      readonly left: { readonly person: number; readonly tenant: number }
    }
  | { readonly kind: 'refused'; readonly detail: string }
  | { readonly kind: 'spent'; readonly whose: 'person' | 'tenant'; readonly most: number }
  | { readonly kind: 'missing' }

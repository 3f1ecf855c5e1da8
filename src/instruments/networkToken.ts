/**
 * A card's network token: what the card's network gave in the place of its number, for this merchant alone. It has a number, an end and a life of
 * its own, and nothing that is told of it says anything about the card. Here is what a network can be asked, and which of the two is charged.
 */
import type { OwnNews } from './own.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

export type TokenNews = Extract<OwnNews, { kind: 'network_token' }>

/** A token as its network shows it. `sequence` counts what happened to it; `par` is the account behind card and token alike (EMVCo). */
export type NetworkTokenView = {
  readonly reference: string
  readonly status: 'active' | 'suspended' | 'deleted'
  readonly last4: string
  readonly expiry: { readonly year: number; readonly month: number }
  readonly par: string
  readonly sequence: number
}

export type TokenOutcome =
  | { readonly kind: 'told'; readonly token: NetworkTokenView }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'uncertain'; readonly cause: string }

/** A token service as a requestor sees it. Both are harmless twice under the same request. */
export interface TokenNetwork {
  /** `request`: ours, by which the network knows a repetition. The card is filled in on the way, by the vault. */
  provision(request: string): Promise<TokenOutcome>
  remove(reference: string): Promise<TokenOutcome>
}

/** What of a charge decides: whether the channel takes tokens of others, and with what it was declined just before. */
export type TokenCharge = {
  readonly nowMs: number
  readonly takesTokens: boolean
  readonly declinedWith?: 'network_token' | 'card'
}
export type Credential = { readonly use: 'network_token' | 'card'; readonly because: string }

const card = (because: string): Credential => ({ use: 'card', because })

/**
 * Token or number, and why. A token is charged where there is a living one: it outlives a reissue of the card, and issuers approve more of them.
 * A suspended one is no reason not to charge the card: the issuer suspends a token for what happened to a device or a merchant's file.
 */
export function credentialFor(
  instrument: Pick<InstrumentRow, 'kind' | 'own'>,
  binding: Pick<BindingRow, 'status'>,
  charge: TokenCharge,
): Credential {
  if (instrument.kind === 'device_token') return { use: 'network_token', because: 'what is stored is a token of a device' }
  if (instrument.kind !== 'card') return card('it is no card')
  const { networkToken: token } = instrument.own
  if (token === undefined) return card('it has no network token')
  if (token.status !== 'active') return card(`its network token is ${token.status}`)
  if (binding.status !== 'active') return card(`the binding is ${binding.status}`)
  if (!charge.takesTokens) return card('the channel takes no network tokens of others')
  if (charge.declinedWith === 'network_token') return card('the token was declined just now; the number may not be')
  if (token.expiry !== undefined && charge.nowMs >= Date.UTC(token.expiry.year, token.expiry.month, 1, 12))
    return card('its network token has ended')
  return { use: 'network_token', because: 'it is active, and outlives a reissue of the card' }
}

/** As a fact of its instrument. */
export const newsOf = ({ status, reference, last4, expiry }: NetworkTokenView): TokenNews => ({
  kind: 'network_token',
  status,
  reference,
  last4,
  expiry,
})

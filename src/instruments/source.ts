/** What the caller asks to bind, and what a bind starts from once the vault has said what it holds. */
import type { PayerView, Source } from '../channels/channel.ts'
import { type DebitScheme, type InstrumentKind, kindOfSource } from '../channels/source.ts'
import { schemeOf } from '../channels/way.ts'
import { fieldProblem } from '../core/problem.ts'
import type { Captured, Mode, Peeked, World } from '../world/world.ts'
import type { Display, IdentityKind } from './tables.ts'

/** `capture`: the vault's reference to what was captured. Without one nothing secret is needed: the customer gives it at the channel. */
export type Subject =
  | { readonly type: 'card' | 'device_token' | 'carrier_account'; readonly capture: string }
  | { readonly type: 'encrypted_card'; readonly fields: Readonly<Record<string, string>> }
  | {
      readonly type: 'bank_account'
      readonly capture?: string | undefined
      readonly scheme: DebitScheme
      readonly country?: string | undefined
      readonly verify?: 'micro_deposits' | 'instant' | undefined
    }
  | {
      readonly type: 'wallet'
      readonly capture?: string | undefined
      readonly brand: string
      readonly by?: 'redirect' | 'app_link' | 'qr' | undefined
      readonly country?: string | undefined
    }
  | {
      readonly type: 'instant_mandate'
      readonly capture?: string | undefined
      readonly rail: 'pix_automatico' | 'upi_autopay'
      readonly holder?: 'person' | 'company' | undefined
      readonly by: 'await' | 'qr' | 'app_link'
    }

export const captureOf = (subject: Subject): string | undefined => (subject.type === 'encrypted_card' ? undefined : subject.capture)

/** What the vault holds of it, without using it up; throws a problem naming the field when it holds nothing any more. */
export async function peek(
  world: Pick<World, 'vault'>,
  owner: { readonly tenant: string; readonly mode: Mode },
  subject: Subject,
): Promise<Peeked | undefined> {
  const reference = captureOf(subject)
  if (reference === undefined) return undefined
  const captured = await world.vault.peek({ tenant: owner.tenant, mode: owner.mode, reference })
  if (captured === undefined) throw fieldProblem(`/${subject.type}/capture`, 'has lapsed, was used, or was never captured', 'gone')
  return captured
}

const nobody = (country: string): PayerView => ({ held: [], tail: '', country })

/** Throws a problem naming the field when what was captured is something else than what is to be bound. */
export function sourceOf(subject: Subject, captured: Captured | undefined): Source {
  const pointer = `/${subject.type}/capture`
  const kind = kindOfSource[subject.type]
  if (captured !== undefined && captured.kind !== kind) throw fieldProblem(pointer, `is a ${captured.kind}`, 'unprocessable')
  const payer = captured !== undefined && 'payer' in captured ? captured.payer : undefined
  switch (subject.type) {
    case 'encrypted_card':
      return { type: 'encrypted_card', fields: subject.fields }
    case 'card':
      if (captured?.kind !== 'card') throw fieldProblem(pointer, 'is no card', 'unprocessable')
      return { type: 'card', card: viewOfCard(captured.card) }
    case 'device_token': {
      if (captured?.kind !== 'device_token') throw fieldProblem(pointer, 'is no device token', 'unprocessable')
      const { wallet, cryptogram, eci, card } = captured
      return { type: 'device_token', wallet, card: viewOfCard(card), cryptogram, ...(eci === undefined ? {} : { eci }) }
    }
    case 'carrier_account':
      if (payer === undefined) throw fieldProblem(pointer, 'is no phone', 'unprocessable')
      return { type: 'carrier_account', payer }
    case 'bank_account': {
      const { scheme, verify, country = '' } = subject
      return { type: 'bank_account', scheme, payer: payer ?? nobody(country), ...(verify === undefined ? {} : { verify }) }
    }
    case 'wallet': {
      const { brand, by, country = '' } = subject
      return { type: 'wallet', brand, payer: payer ?? nobody(country), ...(by === undefined ? {} : { by }) }
    }
    case 'instant_mandate': {
      const { rail, by, holder } = subject
      const known = payer ?? nobody(rail === 'upi_autopay' ? 'IN' : 'BR')
      return { type: 'instant_mandate', rail, by, payer: holder === undefined ? known : { ...known, holder } }
    }
  }
}

const viewOfCard = (card: Extract<Captured, { kind: 'card' }>['card']) => ({
  brand: card.brand,
  last4: card.last4,
  expiryMonth: card.expiryMonth,
  expiryYear: card.expiryYear,
  securityCode: card.securityCode,
  holder: card.holder,
})

export function displayOf(source: Source, captured: Captured | undefined): Display {
  if (source.type === 'encrypted_card') return {}
  const scheme = schemeOf(source)
  if (source.type === 'card' || source.type === 'device_token') {
    const { brand, last4, expiryMonth, expiryYear } = source.card
    const bin = captured !== undefined && 'card' in captured ? captured.card.bin : ''
    return { brand, last4, bin, expiryMonth, expiryYear, ...(scheme === undefined ? {} : { scheme }) }
  }
  const { tail, country } = source.payer
  return { ...(scheme === undefined ? {} : { scheme }), ...(tail === '' ? {} : { last4: tail }), ...(country === '' ? {} : { country }) }
}

/** By what the vault's fingerprint is kept: one table for all kinds. */
const identityKinds: Readonly<Record<InstrumentKind, IdentityKind>> = {
  card: 'card',
  device_token: 'device_token',
  bank_account: 'account',
  instant_mandate: 'account',
  wallet: 'wallet',
  carrier_account: 'phone',
}
export type Identity = { readonly kind: IdentityKind; readonly value: string }
export function identityOf(captured: Captured | undefined): Identity | undefined {
  if (captured?.fingerprint === undefined) return undefined
  return { kind: identityKinds[captured.kind], value: captured.fingerprint }
}

/** To bind once more what is sealed: what lives in memory for one operation only is gone. */
export function sealedAgain(source: Source): Source {
  if (source.type === 'card') return { ...source, card: { ...source.card, securityCode: false } }
  return source.type === 'device_token' ? { ...source, cryptogram: false } : source
}

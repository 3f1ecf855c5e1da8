/**
 * What the vault holds in memory only: captured cards that wait for their instrument, and adopted ones for the few seconds until their
 * request goes out. Everything has an end; what ends is zeroed.
 */
import type { Mode } from '../world/world.ts'
import type { ScannedCard } from './scan.ts'

/** Time a captured card waits to be adopted. */
export const captureLifeMs = 15 * 60_000
/** A security code is gone ten minutes after its capture, whatever happened (PCI DSS 3.3: never stored after authorisation). */
export const codeLifeMs = 10 * 60_000
/** An adopted number stays readable this long, so that the request that follows needs no unsealing. */
export const hotLifeMs = 30_000
/** Cards captured and not yet adopted or lapsed. */
export const capturesPerTenantMax = 10_000
export const capturesMax = 50_000
/** Adopted cards whose security code may be sent again; beyond it the oldest lose theirs early. */
const adoptedMax = 50_000

export type CardFacts = Pick<ScannedCard, 'brand' | 'bin' | 'last4' | 'expiryMonth' | 'expiryYear'>

export type Captured = {
  readonly reference: string
  readonly tenant: string
  readonly mode: Mode
  readonly capturedAt: number
  readonly facts: CardFacts
  readonly holder: Buffer | undefined
  readonly network: Buffer
  readonly fingerprint: string
  readonly number: Buffer
  securityCode: Buffer | undefined
}

/** An adopted card. Buffers are undefined once zeroed. */
export type Hot = {
  /** The one operation the security code is for. */
  readonly operation: string
  readonly mode: Mode
  readonly facts: CardFacts
  readonly holder: Buffer | undefined
  readonly adoptedAt: number
  readonly capturedAt: number
  number: Buffer | undefined
  securityCode: Buffer | undefined
}

export type Captures = {
  /** False when there is no room; the caller then zeroes the card. */
  add(captured: Captured): boolean
  /** Undefined: unknown, lapsed, or another tenant's or mode's. */
  get(at: { readonly tenant: string; readonly mode: Mode; readonly reference: string }): Captured | undefined
  /** Moves a captured card to the adopted ones, under the name of its owner; nothing happens if it lapsed meanwhile. */
  adopt(captured: Captured, owner: string, operation: string): void
  hot(owner: string): Hot | undefined
  /** Zeroes what has lapsed; called by a timer. */
  sweep(): void
  /** Zeroes everything: the vault stops. */
  clear(): void
  count(): number
}

type Held = {
  // Both in the order of arrival, and every entry lives equally long: what has lapsed is always at the front.
  readonly waiting: Map<string, Captured>
  readonly adopted: Map<string, Hot>
  readonly perTenant: Map<string, number>
}

export function createCaptures(now: () => number): Captures {
  const held: Held = { waiting: new Map(), adopted: new Map(), perTenant: new Map() }
  const { waiting, adopted, perTenant } = held
  return {
    add(captured) {
      dropLapsed(held, now())
      const count = perTenant.get(captured.tenant) ?? 0
      if (count >= capturesPerTenantMax || waiting.size >= capturesMax) return false
      perTenant.set(captured.tenant, count + 1)
      waiting.set(captured.reference, captured)
      return true
    },
    get({ tenant, mode, reference }) {
      const found = waiting.get(reference)
      if (found === undefined || found.tenant !== tenant || found.mode !== mode) return undefined
      const age = now() - found.capturedAt
      if (age >= codeLifeMs) found.securityCode = zeroed(found.securityCode)
      return age < captureLifeMs ? found : undefined
    },
    adopt(captured, owner, operation) {
      if (waiting.get(captured.reference) !== captured) return
      drop(held, captured)
      const { mode, facts, holder, capturedAt, number, securityCode } = captured
      adopted.set(owner, { operation, mode, facts, holder, adoptedAt: now(), capturedAt, number, securityCode })
      for (const [oldest, one] of adopted) {
        if (adopted.size <= adoptedMax) break
        zeroAll(one)
        adopted.delete(oldest)
      }
    },
    hot(owner) {
      const found = adopted.get(owner)
      if (found !== undefined) cool(found, now())
      return found
    },
    sweep() {
      dropLapsed(held, now())
      for (const one of waiting.values()) {
        if (now() - one.capturedAt < codeLifeMs) break
        one.securityCode = zeroed(one.securityCode)
      }
      sweepAdopted(adopted, now())
    },
    clear() {
      for (const one of [...waiting.values(), ...adopted.values()]) zeroAll(one)
      for (const map of [waiting, adopted, perTenant]) map.clear()
    },
    count: () => waiting.size,
  }
}

function drop({ waiting, perTenant }: Held, captured: Captured): void {
  waiting.delete(captured.reference)
  const left = (perTenant.get(captured.tenant) ?? 1) - 1
  if (left === 0) perTenant.delete(captured.tenant)
  else perTenant.set(captured.tenant, left)
}

/** Looks at what has lapsed and one more: cheap enough for every capture. */
function dropLapsed(held: Held, at: number): void {
  for (const one of held.waiting.values()) {
    if (at - one.capturedAt < captureLifeMs) return
    drop(held, one)
    zeroAll(one)
  }
}

function sweepAdopted(adopted: Map<string, Hot>, at: number): void {
  for (const [owner, one] of adopted) {
    if (at - one.adoptedAt < hotLifeMs) break
    cool(one, at)
    if (one.securityCode !== undefined) continue
    zeroAll(one)
    adopted.delete(owner)
  }
}

function cool(one: Hot, at: number): void {
  if (at - one.adoptedAt >= hotLifeMs) one.number = zeroed(one.number)
  if (at - one.capturedAt >= codeLifeMs) one.securityCode = zeroed(one.securityCode)
}

function zeroAll(one: Pick<Hot, 'number' | 'securityCode' | 'holder'>): void {
  for (const part of [one.number, one.securityCode, one.holder]) zeroed(part)
}

function zeroed(buffer: Buffer | undefined): undefined {
  buffer?.fill(0)
  return undefined
}

/**
 * What the vault holds in memory only: captured cards and payers that wait for their instrument, and adopted ones for the few seconds until
 * their request goes out. Everything has an end; what ends is zeroed.
 */
import type { Mode } from '../world/world.ts'
import { type Facts, forgetSecrets, type Secrets } from './content.ts'
import type { Sealed } from './record.ts'
import type { Tracks } from './sightings.ts'

/** Time a capture waits to be adopted. */
export const captureLifeMs = 15 * 60_000
/**
 * A security code is gone ten minutes after its capture, whatever happened (PCI DSS 3.3: never stored after authorisation). So is a device
 * token's cryptogram, which is good for one payment.
 */
export const codeLifeMs = 10 * 60_000
/** Adopted secrets stay readable this long, so that the request that follows needs no unsealing. */
export const hotLifeMs = 30_000
/** Captured and not yet adopted or lapsed. */
export const capturesPerTenantMax = 10_000
export const capturesMax = 50_000
/** Adopted ones whose security code may be sent again; beyond it the oldest lose theirs early. */
const adoptedMax = 50_000

export type Captured = {
  readonly reference: string
  readonly tenant: string
  readonly mode: Mode
  readonly capturedAt: number
  readonly facts: Facts
  /** Undefined: nothing by which it is known again. */
  readonly prints: Prints | undefined
  /** It was counted as a try: once, however often it is looked at. */
  tried?: true
  readonly secrets: Secrets
  /** A card's security code or a device token's cryptogram: never sealed. Undefined: there is none, or it was zeroed. */
  once: Buffer | undefined
  /** Sealed ahead of its adoption, once at most. */
  ahead?: Ahead
}
/** `written`: the rows, or undefined if they could not be written; never rejects. */
export type Ahead = { readonly words: string; readonly written: Promise<Sealed | undefined> }
/** `network`: the same for every tenant, never leaves the vault. `tenant`: `ifp_…`. `tracks`: by which tries are counted; of captures only. */
export type Prints = { readonly network: Buffer; readonly tenant: string; readonly tracks?: Tracks }

/** An adopted one. `secrets` and `once` are undefined once zeroed. */
export type Hot = {
  /** The one operation the security code is for. */
  readonly operation: string
  readonly mode: Mode
  readonly kind: Facts['kind']
  readonly adoptedAt: number
  /** Its operation has leave to send it once, which is in the audit, and has not done so yet. */
  released: boolean
  readonly capturedAt: number
  secrets: Secrets | undefined
  once: Buffer | undefined
}

export type Captures = {
  /** False when there is no room; the caller then zeroes it. */
  add(captured: Captured): boolean
  /** Undefined: unknown, lapsed, or another tenant's or mode's. */
  get(at: { readonly tenant: string; readonly mode: Mode; readonly reference: string }): Captured | undefined
  /** Moves a capture to the adopted ones, under the name of its owner; nothing happens if it lapsed meanwhile. */
  adopt(captured: Captured, owner: string, operation: string): void
  hot(owner: string): Hot | undefined
  /** Zeroes what was adopted for it, or sealed ahead, in every version. */
  forget(of: { readonly tenant: string; readonly owner: string }): void
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
      if (age >= codeLifeMs) found.once = zeroed(found.once)
      return age < captureLifeMs ? found : undefined
    },
    adopt(captured, owner, operation) {
      if (waiting.get(captured.reference) !== captured) return
      drop(held, captured)
      const { mode, facts, capturedAt, secrets, once } = captured
      adopted.set(owner, { operation, mode, kind: facts.kind, adoptedAt: now(), released: true, capturedAt, secrets, once })
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
    forget: of => forgetOwner(held, of),
    sweep() {
      dropLapsed(held, now())
      for (const one of waiting.values()) {
        if (now() - one.capturedAt < codeLifeMs) break
        one.once = zeroed(one.once)
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

function forgetOwner(held: Held, { tenant, owner }: { readonly tenant: string; readonly owner: string }): void {
  for (const captured of held.waiting.values()) {
    if (captured.ahead?.words.includes(`|${tenant}|${owner}|`) !== true) continue
    drop(held, captured)
    zeroAll(captured)
  }
  for (const [name, one] of held.adopted) {
    if (!name.startsWith(`${tenant}|${owner}|`)) continue
    zeroAll(one)
    held.adopted.delete(name)
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
    if (one.once !== undefined) continue
    zeroAll(one)
    adopted.delete(owner)
  }
}

function cool(one: Hot, at: number): void {
  if (at - one.adoptedAt >= hotLifeMs) {
    forgetSecrets(one.secrets)
    one.secrets = undefined
  }
  if (at - one.capturedAt >= codeLifeMs) one.once = zeroed(one.once)
}

function zeroAll(one: { readonly secrets: Secrets | undefined; readonly once: Buffer | undefined }): void {
  forgetSecrets(one.secrets)
  zeroed(one.once)
}

function zeroed(buffer: Buffer | undefined): undefined {
  buffer?.fill(0)
  return undefined
}

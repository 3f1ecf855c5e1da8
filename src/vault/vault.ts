/**
 * The vault: everything it does, over what it is handed. In production it stands behind a socket in a process of its own (`serve.ts`); in
 * simulation the same functions run over the memory store.
 */
import { hash, type KeyObject } from 'node:crypto'
import type { Grant } from '../core/grant.ts'
import { newId } from '../core/id.ts'
import { Problem } from '../core/problem.ts'
import { insert, type Store } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { Card, Mode, Vault } from '../world/world.ts'
import { type Captured, type Captures, captureLifeMs, createCaptures, type Hot } from './captures.ts'
import { type OpenedCard, openCard, sealCard } from './card.ts'
import { networkFingerprint, tenantFingerprint } from './fingerprint.ts'
import { type Egress, forwardFilled, prepare } from './forward.ts'
import { createKeyring, type Keyring, networkScope } from './keys.ts'
import { forget, type ScannedCard, scanCapture } from './scan.ts'
import { type Ownership, settleOwners, unsettledOwners } from './sweep.ts'
import { records } from './tables.ts'
import { createTexts } from './texts.ts'

export type VaultPorts = Egress & {
  now(): number
  random(count: number): Buffer
  /** The vault's own tables (`vaultTables`). */
  readonly store: Store
  readonly root: KeyObject
}

export type CaptureAnswer = {
  readonly reference: string
  readonly brand: string
  readonly last4: string
  readonly expiry_month: number
  readonly expiry_year: number
  readonly expires_at: string
}

export type VaultCore = Vault & {
  /** Reads a card from the bytes of a capture's body and holds it in memory. Throws a `Problem`. The caller zeroes `body`. */
  capture(grant: Pick<Grant, 'tenant' | 'mode'>, body: Buffer): Promise<CaptureAnswer>
  /** Sealed cards whose owner nobody has confirmed within the hour. */
  unsettled(limit: number): Promise<readonly Ownership[]>
  /** Says which of them have an owner; the others are removed, envelope and key. */
  settle(input: { readonly owned: readonly Ownership[]; readonly unowned: readonly Ownership[] }): Promise<void>
  /** Zeroes what has lapsed; called by a timer. */
  forgetLapsed(): void
  /** Zeroes everything held in memory. */
  clear(): void
  readonly captures: Captures
}

type AdoptInput = Parameters<Vault['adopt']>[0]
type Core = { readonly ports: VaultPorts; readonly keyring: Keyring; readonly captures: Captures; readonly claims: Map<string, Claim> }
/** An adoption under way: a second caller with the same words waits for the same answer. */
type Claim = { readonly words: string; readonly answer: Promise<Card | undefined> }

export function createVault(ports: VaultPorts): VaultCore {
  const keyring = createKeyring(ports)
  const captures = createCaptures(() => ports.now())
  const core: Core = { ports, keyring, captures, claims: new Map() }
  const texts = createTexts({ store: ports.store, random: ports.random, now: () => ports.now(), keyring })
  return {
    captures,
    capture: (grant, body) => capture(core, grant, body),
    peek: input => {
      const found = captures.get(input)
      return Promise.resolve(found === undefined ? undefined : viewOf(found))
    },
    adopt: input => adopt(core, input),
    forward: input => forward(core, input),
    seal: texts.seal,
    open: texts.open,
    unsettled: limit => unsettledOwners(ports, limit),
    settle: input => settleOwners(ports, input),
    forgetLapsed: () => captures.sweep(),
    clear: () => captures.clear(),
  }
}

async function capture(core: Core, grant: Pick<Grant, 'tenant' | 'mode'>, body: Buffer): Promise<CaptureAnswer> {
  const { ports, captures } = core
  const card = scanCapture(body, ports.now())
  let kept = false
  try {
    const captured = await captureOf(core, grant, card)
    kept = captures.add(captured)
    if (!kept) throw new Problem('too_many_requests', 'too many captured cards are waiting to be used', { retryAfterSeconds: 60 })
    return {
      reference: captured.reference,
      brand: card.brand,
      last4: card.last4,
      expiry_month: card.expiryMonth,
      expiry_year: card.expiryYear,
      expires_at: new Date(captured.capturedAt + captureLifeMs).toISOString(),
    }
  } finally {
    if (!kept) forget(card)
  }
}

async function captureOf(core: Core, grant: Pick<Grant, 'tenant' | 'mode'>, card: ScannedCard): Promise<Captured> {
  const { ports, keyring } = core
  const [networkKey, tenantKey] = await Promise.all([keyring.current('fp', networkScope), keyring.current('fp', grant.tenant)])
  const network = networkFingerprint(networkKey.key, card.number)
  const { number, securityCode, holder, ...facts } = card
  return {
    reference: newId('cap', ports.now(), ports.random(16)),
    tenant: grant.tenant,
    mode: grant.mode,
    capturedAt: ports.now(),
    facts,
    holder,
    network,
    fingerprint: tenantFingerprint(tenantKey.key, grant.mode, network),
    number,
    securityCode,
  }
}

function viewOf({ facts, fingerprint, securityCode, holder }: Captured): Card {
  return { ...facts, fingerprint, securityCode: securityCode !== undefined, holder: holder !== undefined }
}

const ownerOf = (input: { tenant: string; instrument: string; instrumentVersion: number }): string =>
  `${input.tenant}|${input.instrument}|${input.instrumentVersion}`

/** The same words get the same answer: while it runs, while the card is hot, and from the sealed row ever after. */
function adopt(core: Core, input: AdoptInput): Promise<Card | undefined> {
  const words = [input.mode, ownerOf(input), input.operation].join('|')
  const name = `${input.tenant}|${input.reference}`
  const claim = core.claims.get(name)
  if (claim !== undefined) return claim.words === words ? claim.answer : Promise.resolve(undefined)
  const captured = core.captures.get(input)
  if (captured === undefined) return adopted(core, input)
  const answer = adoptCaptured(core, input, captured).finally(() => core.claims.delete(name))
  core.claims.set(name, { words, answer })
  return answer
}

async function adoptCaptured(core: Core, input: AdoptInput, captured: Captured): Promise<Card | undefined> {
  const { store } = core.ports
  const kek = await core.keyring.current('pan', input.tenant)
  // It may have lapsed while the key was fetched.
  if (core.captures.get(input) !== captured) return adopted(core, input)
  const writes = sealCard(core.ports, kek, {
    ...input,
    network: captured.network,
    fingerprint: captured.fingerprint,
    facts: captured.facts,
    number: captured.number,
    holder: captured.holder,
    referenceHash: hashOf(input.reference),
  })
  const result = await store.commit([insert(writes.dek.table, writes.dek.row), insert(writes.record.table, writes.record.row)])
  if (!result.ok) return adopted(core, input)
  const view = viewOf(captured)
  core.captures.adopt(captured, ownerOf(input), input.operation)
  return view
}

/** The reference's time, so that the index grows at its end, and 132 bits of its hash: from a row nobody learns a reference. */
const hashOf = (reference: string): string => `${reference.slice(4, 14)}.${hash('sha256', reference, 'base64url').slice(0, 22)}`

/** From the sealed row: after a restart, or when the capture was consumed. Another instrument, version or operation gets nothing. */
async function adopted(core: Core, input: AdoptInput): Promise<Card | undefined> {
  const [row] = await core.ports.store.find(records, { tenant: input.tenant, reference: hashOf(input.reference) }, 1)
  const same =
    row !== undefined &&
    row.mode === input.mode &&
    row.instrument === input.instrument &&
    row.instrument_version === input.instrumentVersion &&
    row.operation === input.operation
  return same ? cardOfRow(row, core.captures.hot(ownerOf(input))) : undefined
}

function cardOfRow(row: Row<typeof records>, hot: Hot | undefined): Card {
  return {
    brand: row.brand,
    bin: row.bin,
    last4: row.last4,
    expiryMonth: row.expiry_month,
    expiryYear: row.expiry_year,
    fingerprint: row.fingerprint,
    securityCode: hot?.operation === row.operation && hot.securityCode !== undefined,
    holder: row.holder,
  }
}

async function forward(core: Core, input: Parameters<Vault['forward']>[0]) {
  const template = prepare(core.ports, input.request)
  const hot = core.captures.hot(ownerOf(input))
  const card = await cardFor(core, input, hot)
  try {
    return await forwardFilled(core.ports, input.request, template, card, input.timeoutMs)
  } finally {
    forget(card)
  }
}

/** A copy of its own, since the one in memory may lapse while the request is out. */
async function cardFor(
  core: Core,
  input: { tenant: string; mode: Mode; instrument: string; instrumentVersion: number; operation: string },
  hot: Hot | undefined,
): Promise<OpenedCard & { securityCode: Buffer | undefined }> {
  const mine = hot !== undefined && hot.mode === input.mode ? hot : undefined
  const opened =
    mine?.number === undefined
      ? await openCard(core.ports, core.keyring, input)
      : {
          number: copyOf(mine.number),
          holder: mine.holder === undefined ? undefined : copyOf(mine.holder),
          expiryMonth: mine.facts.expiryMonth,
          expiryYear: mine.facts.expiryYear,
        }
  const code = mine?.operation === input.operation ? mine.securityCode : undefined
  return { ...opened, securityCode: code === undefined ? undefined : copyOf(code) }
}

function copyOf(buffer: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(buffer.length)
  buffer.copy(copy)
  return copy
}

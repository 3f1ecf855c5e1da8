/**
 * The vault: everything it does, over what it is handed. In production it stands behind a socket in a process of its own (`serve.ts`); in
 * simulation the same functions run over the memory store.
 */
import type { PayerField } from '../channels/source.ts'
import type { Grant } from '../core/grant.ts'
import { newId } from '../core/id.ts'
import { Problem } from '../core/problem.ts'
import type { Shredding } from '../core/shredding.ts'
import type { Store } from '../world/store.ts'
import type { Adoption, Mode, Peeked, Vault } from '../world/world.ts'
import { type Adopting, adopt, createClaims, ownerOf, sealAhead } from './adopt.ts'
import { type OpenToken, type Reading, readCapture } from './capture.ts'
import { type Captured, type Captures, captureLifeMs, createCaptures, type Hot, type Prints } from './captures.ts'
import { createCardFileDesk } from './card-files.ts'
import { copyOf, copySecrets, forgetSecrets, viewOf } from './content.ts'
import { type DetokenizeQuota, defaultQuota, detokenize } from './detokenize.ts'
import type { ToFill } from './fill.ts'
import { networkFingerprint, tenantFingerprint } from './fingerprint.ts'
import { type Egress, forwardFilled, prepare } from './forward.ts'
import { createKeyring, networkScope } from './keys.ts'
import { openRecord } from './record.ts'
import type { Root } from './root.ts'
import { createRotation, type Rotation } from './rotate.ts'
import type { PayerKind } from './scan-payer.ts'
import { createSequencer, type Sequencer } from './sequence.ts'
import { shred } from './shred.ts'
import { createSightings, type SightingLimits, tracksOf } from './sightings.ts'
import { type Ownership, settleOwners, unsettledOwners } from './sweep.ts'
import { createTexts } from './texts.ts'
import { createTrail } from './trail.ts'
import { createUpdaterDesk, type UpdaterKeys } from './updater.ts'

export type VaultPorts = Egress & {
  now(): number
  random(count: number): Buffer
  /** The vault's own tables (`vaultTables`). */
  readonly store: Store
  readonly root: Root
  /** What wrapped the keys of purposes before; they are moved as they are met. */
  readonly formerRoot?: Root | undefined
  /** Without it no wallet's token is taken. */
  readonly openToken?: OpenToken | undefined
  /** The log of shreddings outside the database; without it a restore forgets them. */
  readonly shredding?: ((one: Shredding) => Promise<void>) | undefined
  /** Without it no file of card numbers is written. */
  readonly updaterKeys?: UpdaterKeys | undefined
  /** How often a number may be tried, where it is not as usual. */
  readonly sightingLimits?: SightingLimits | undefined
  readonly detokenizeQuota?: DetokenizeQuota | undefined
}

/** What the door says of it: nothing that is sealed. */
export type CaptureAnswer = { readonly reference: string; readonly expires_at: string } & (CardAnswer | PayerAnswer)
type CardAnswer = {
  /** A typed card has neither. */
  readonly kind?: 'device_token'
  readonly wallet?: string
  readonly brand: string
  readonly last4: string
  readonly expiry_month: number
  readonly expiry_year: number
}
type PayerAnswer = {
  readonly kind: PayerKind
  readonly scheme?: string
  readonly country: string
  readonly held: readonly PayerField[]
  readonly tail: string
}

export type VaultCore = Vault & {
  /** Reads a card, payer or device token from the bytes of a capture's body and holds it in memory. Throws a `Problem`. The caller zeroes `body`. */
  capture(grant: Pick<Grant, 'tenant' | 'mode'>, body: Buffer): Promise<CaptureAnswer>
  /** Sealed cards and payers whose owner nobody has confirmed within the hour. */
  unsettled(limit: number): Promise<readonly Ownership[]>
  /** Says which of them have an owner; the others are removed, envelope and key. */
  settle(input: { readonly owned: readonly Ownership[]; readonly unowned: readonly Ownership[] }): Promise<void>
  /** Zeroes what has lapsed; called by a timer. */
  forgetLapsed(): void
  /** Forgets tries that no window reaches; called by a timer. */
  forgetSightings(): Promise<void>
  /** Removes card files whose time is over; called by a timer. */
  forgetCardFiles(): Promise<void>
  /** Zeroes everything held in memory. */
  clear(): void
  readonly captures: Captures
  readonly rotation: Rotation
  /** Puts what was done into the chain of the audit. */
  readonly sequencer: Sequencer
}

type Core = Adopting & { readonly ports: VaultPorts }

export function createVault(ports: VaultPorts): VaultCore {
  const keyring = createKeyring(ports)
  const captures = createCaptures(() => ports.now())
  const node = ports.random(8).toString('hex')
  const { store, random } = ports
  const now = () => ports.now()
  const trail = createTrail({ store, now, keyring, node })
  const rotation = createRotation({ store, random, now, keyring, node, trail })
  const sightings = createSightings(ports, ports.sightingLimits)
  const core: Core = { ports, keyring, captures, claims: createClaims(), trail, sightings }
  const texts = createTexts({ store, random, now, keyring, trail })
  const files = createCardFileDesk(ports, { keyring, trail })
  return {
    captures,
    rotation,
    sequencer: createSequencer({ store, now, keyring }),
    capture: (grant, body) => capture(core, grant, body),
    peek: async input => {
      const found = captures.get(input)
      return found === undefined ? undefined : peeked(core, found)
    },
    adopt: input => adopt(core, input),
    sealAhead: input => sealAhead(core, input),
    forward: input => forward(core, input),
    seal: texts.seal,
    open: texts.open,
    updater: createUpdaterDesk(ports, { keyring, trail }, ports.updaterKeys ?? new Map()),
    shred: async owner => {
      captures.forget(owner)
      texts.forget(owner)
      const keys = await shred({ ...ports, now, trail }, owner)
      // What was adopted or opened while the door was being shut.
      captures.forget(owner)
      texts.forget(owner)
      return { keys }
    },
    detokenize: input => detokenize({ ports, keyring, trail, quota: ports.detokenizeQuota ?? defaultQuota }, input),
    cardFiles: files,
    forgetCardFiles: files.forgetLapsed,
    unsettled: limit => unsettledOwners(ports, limit),
    settle: input => settleOwners(ports, input),
    forgetLapsed: () => captures.sweep(),
    forgetSightings: () => sightings.forget(),
    clear: () => captures.clear(),
  }
}

async function capture(core: Core, grant: Pick<Grant, 'tenant' | 'mode'>, body: Buffer): Promise<CaptureAnswer> {
  const { ports, captures } = core
  const reading = await readCapture(body, ports.now(), ports.openToken)
  let kept = false
  try {
    const captured: Captured = {
      reference: newId('cap', ports.now(), ports.random(16)),
      ...grant,
      capturedAt: ports.now(),
      facts: reading.facts,
      prints: await printsOf(core, grant, reading),
      secrets: reading.secrets,
      once: reading.once,
    }
    kept = captures.add(captured)
    if (!kept) throw new Problem('too_many_requests', 'too many captures are waiting to be used', { retryAfterSeconds: 60 })
    return answerOf(captured)
  } finally {
    if (!kept) {
      forgetSecrets(reading.secrets)
      reading.once?.fill(0)
    }
  }
}

/** Whoever looks is about to try it, and is counted once. */
function peeked({ sightings }: Core, found: Captured): Peeked {
  const view = viewOf(found.facts, found.prints?.tenant, found.once !== undefined)
  const tracks = found.prints?.tracks
  if (tracks === undefined) return view
  if (found.tried === undefined) sightings.note(tracks)
  found.tried = true
  return { ...view, seen: sightings.seen(tracks) }
}

async function printsOf(
  { keyring, sightings }: Core,
  grant: Pick<Grant, 'tenant' | 'mode'>,
  reading: Reading,
): Promise<Prints | undefined> {
  const { identity } = reading
  if (identity === undefined) return undefined
  const [networkKey, tenantKey] = await Promise.all([keyring.current('fp', networkScope), keyring.current('fp', grant.tenant)])
  const network = networkFingerprint(networkKey.key, identity.bytes, identity.label)
  if ('values' in reading.secrets) identity.bytes.fill(0)
  const digits = 'number' in reading.secrets ? reading.secrets.number : undefined
  const tracks = tracksOf(networkKey.key, grant.mode, network, digits)
  await sightings.load(tracks)
  return { network, tenant: tenantFingerprint(tenantKey.key, grant.mode, network), tracks }
}

function answerOf({ reference, facts, capturedAt }: Captured): CaptureAnswer {
  const expires_at = new Date(capturedAt + captureLifeMs).toISOString()
  if (facts.kind !== 'card' && facts.kind !== 'device_token') {
    const { kind, scheme, country, held, tail } = facts
    return { reference, kind, ...(scheme === undefined ? {} : { scheme }), country, held, tail, expires_at }
  }
  const { brand, last4, expiryMonth, expiryYear } = facts
  const wallet = facts.kind === 'device_token' ? { kind: facts.kind, wallet: facts.wallet } : {}
  return { reference, ...wallet, brand, last4, expiry_month: expiryMonth, expiry_year: expiryYear, expires_at }
}

async function forward(core: Core, input: Parameters<Vault['forward']>[0]) {
  const template = prepare(core.ports, input.request)
  if (input.reference !== undefined) await adoptFirst(core, { ...input, reference: input.reference })
  const hot = core.captures.hot(ownerOf(input))
  const leave = takeLeave(hot, input) ? undefined : recordForward(core, input)
  // Waited for below, where what is held is zeroed whatever becomes of it.
  leave?.catch(() => undefined)
  const held = await heldFor(core, input, hot)
  try {
    await leave
    return await forwardFilled(core.ports, input.request, template, held, input.timeoutMs)
  } finally {
    forgetSecrets(held.secrets)
    for (const once of [held.securityCode, held.cryptogram]) once?.fill(0)
  }
}

/** The leave that the sealing's commit gave this very operation, used up. */
function takeLeave(hot: Hot | undefined, { operation, mode }: { readonly operation: string; readonly mode: Mode }): boolean {
  if (hot?.released !== true || hot.operation !== operation || hot.mode !== mode) return false
  hot.released = false
  return true
}

/** Beside the reading of what is to be sent, and durable before any of it leaves. */
const recordForward = (core: Core, input: Parameters<Vault['forward']>[0]): Promise<void> =>
  core.trail.write([
    {
      ...{ act: 'forward', tenant: input.tenant, purpose: 'send_to_channel', operation: input.operation },
      ...{ subject: `${input.instrument}@${input.instrumentVersion}`, detail: URL.parse(input.request.url)?.origin ?? '' },
    },
  ])

/** Nothing leaves before it is sealed for good under the words of this very operation: what a channel stores must not be lost for us. */
async function adoptFirst(core: Core, input: Adoption): Promise<void> {
  const hot = core.captures.hot(ownerOf(input))
  if (hot?.operation === input.operation && hot.mode === input.mode) return
  if ((await adopt(core, input)) === undefined) throw new Problem('gone', 'the capture lapsed or was used; nothing was sent')
}

/** Copies of their own, since those in memory may lapse while the request is out. */
async function heldFor(
  core: Core,
  input: { tenant: string; mode: Mode; instrument: string; instrumentVersion: number; operation: string },
  hot: Hot | undefined,
): Promise<ToFill> {
  const mine = hot !== undefined && hot.mode === input.mode ? hot : undefined
  const secrets = mine?.secrets === undefined ? await openRecord(core.ports, core.keyring, input) : copySecrets(mine.secrets)
  const once = mine?.operation === input.operation && mine.once !== undefined ? copyOf(mine.once) : undefined
  const cryptogram = mine?.kind === 'device_token'
  return { secrets, securityCode: cryptogram ? undefined : once, cryptogram: cryptogram ? once : undefined }
}

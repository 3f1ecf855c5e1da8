/**
 * Card numbers for another vault: a part of a file that only the holder of one certificate opens, signed under the tenant's own. Nothing leaves
 * without a grant, a row that an operator of the vault makes and the API cannot; it is counted down before a number is put into a file.
 */
import { hash, type X509Certificate } from 'node:crypto'
import type { CardFileDesk } from '../world/card-files.ts'
import { insert, moveTo, type Store } from '../world/store.ts'
import type { Mode } from '../world/world.ts'
import { type CardToWrite, writePart } from './card-file.ts'
import { cardsMost, type ReleaseGrantRow, releaseGrants, senderKeys } from './card-tables.ts'
import { type CardSecrets, forgetSecrets } from './content.ts'
import { agreementKey, sealEnvelopeFor } from './envelope.ts'
import { signContent } from './envelope-signature.ts'
import type { Keyring } from './keys.ts'
import { certificateIn, makeOwnKey, newAgreementKey, openOwnKey } from './own-key.ts'
import { findRecord, openRecord } from './record.ts'
import type { Trail } from './trail.ts'

/** Of one grant. */
export const releasedMost = cardsMost

/** For whoever has the vault's database. `now` and `lifeMs` in milliseconds. */
export function newGrant(of: {
  readonly id: string
  readonly tenant: string
  readonly mode: Mode
  readonly certificate: X509Certificate
  readonly cards: number
  readonly now: number
  readonly lifeMs: number
}): ReleaseGrantRow {
  const { id, tenant, mode, now } = of
  const certificate = hash('sha256', of.certificate.raw, 'hex')
  const begun = { cards: 0, part: 0, asked: null, closed: false, version: 1 }
  return { id, tenant, mode, certificate, cards_max: of.cards, ...begun, created_at: now, expires_at: now + of.lifeMs }
}

type Asked = Parameters<CardFileDesk['write']>[0]
type Written = Awaited<ReturnType<CardFileDesk['write']>>
type Ports = { readonly store: Store; now(): number; random(count: number): Buffer }
type Desk = { readonly ports: Ports; readonly keyring: Keyring; readonly trail: Trail }

const senderName = (tenant: string): string => `Bindery vault of ${tenant}`

export function createCardRelease(ports: Ports, of: Omit<Desk, 'ports'>): Pick<CardFileDesk, 'senderCertificate' | 'write'> {
  const desk: Desk = { ports, ...of }
  return {
    senderCertificate: async ({ tenant }) => (await senderKey(desk, tenant)).certificate,
    write: input => write(desk, input),
  }
}

/** Made when it is first wanted; of two that make it at once one finds the other's. */
async function senderKey({ ports, keyring }: Desk, tenant: string) {
  const known = await ports.store.get(senderKeys, { tenant })
  if (known !== undefined) return known
  const made = { tenant, ...(await makeOwnKey(ports, keyring, { tenant, name: senderName(tenant) })), created_at: ports.now() }
  if ((await ports.store.commit([insert(senderKeys, made)])).ok) return made
  const theirs = await ports.store.get(senderKeys, { tenant })
  if (theirs === undefined) throw new Error('the sender key could neither be made nor found')
  return theirs
}

const refused = (field: 'grant' | 'certificate' | 'part', detail: string): Written => ({ kind: 'refused', field, detail })

async function write(desk: Desk, input: Asked): Promise<Written> {
  const certificate = certificateIn(input.certificate)
  if (certificate === undefined || agreementKey(certificate) === undefined)
    return refused('certificate', 'must be the X.509 certificate of a key on P-256, in PEM')
  const grant = await desk.ports.store.get(releaseGrants, { tenant: input.tenant, id: input.grant })
  const isFor = grant?.mode === input.mode && grant.certificate === hash('sha256', certificate.raw, 'hex')
  if (grant === undefined || !isFor || desk.ports.now() >= grant.expires_at)
    return refused('grant', 'is no grant of this vault for that certificate, or has lapsed')
  const asked = hash('sha256', JSON.stringify([input.file, input.part, input.last, input.cards]), 'hex')
  const again = input.part === grant.part && asked === grant.asked
  if (!again && grant.closed) return refused('grant', 'has been used')
  if (!again && input.part !== grant.part + 1) return refused('part', `is not the next one of this grant, which is ${grant.part + 1}`)
  const { found, left } = await openAll(desk, input)
  try {
    if (!again) {
      const cards = grant.cards + found.length
      if (cards > grant.cards_max) return refused('grant', `is for ${grant.cards_max} cards, and ${grant.cards} have left by it`)
      if (!(await count(desk, grant, { cards, part: input.part, asked, closed: input.last })))
        return refused('part', 'was asked for twice at once')
    }
    const { ports, keyring } = desk
    const sender = await senderKey(desk, input.tenant)
    const own = await openOwnKey(keyring, { tenant: input.tenant, name: senderName(input.tenant) }, sender)
    const plain = writePart(input, found, input.last)
    try {
      const envelope = sealEnvelopeFor({ random: ports.random, newKey: () => newAgreementKey(ports.random) }, certificate, plain)
      const signer = certificateIn(sender.certificate)
      if (signer === undefined) throw new TypeError('the certificate of the sender is none')
      return { kind: 'written', content: signContent(signer, own, envelope).toString('base64'), cards: found.length, left }
    } finally {
      plain.fill(0)
    }
  } finally {
    for (const one of found) forgetSecrets(one)
  }
}

const count = async ({ ports }: Desk, grant: ReleaseGrantRow, set: Partial<ReleaseGrantRow>): Promise<boolean> =>
  (await ports.store.commit([moveTo(releaseGrants, grant, { ...grant, ...set })])).ok

type Found = { readonly found: readonly CardToWrite[]; readonly left: readonly string[] }

async function openAll(desk: Desk, { tenant, mode, cards }: Asked): Promise<Found> {
  await desk.trail.write(
    cards.map(({ instrument, instrumentVersion }) => ({
      ...({ act: 'export', tenant, purpose: 'card_file' } as const),
      subject: `${instrument}@${instrumentVersion}`,
    })),
  )
  const found: CardToWrite[] = []
  const left: string[] = []
  for (const { card, instrument, instrumentVersion } of cards) {
    const secrets = await cardOf(desk, { tenant, mode, instrument, instrumentVersion })
    if (secrets === undefined) left.push(card)
    else found.push({ card, ...secrets })
  }
  return { found, left }
}

type Owner = { readonly tenant: string; readonly mode: Asked['mode']; readonly instrument: string; readonly instrumentVersion: number }

async function cardOf({ ports, keyring }: Desk, owner: Owner): Promise<CardSecrets | undefined> {
  const row = await findRecord(ports.store, owner)
  if (row?.kind !== 'card' || row.mode !== owner.mode) return undefined
  const secrets = await openRecord(ports, keyring, owner)
  return 'values' in secrets ? undefined : secrets
}

/**
 * Detokenising: a number in the clear, for one person, sealed for a key of theirs, so that no other process has it. Every time costs one of the
 * day's quota, of the person and of the tenant, counted here where whoever takes over the API cannot get around it; quota and entry of the audit
 * are durable together before anything is opened.
 */
import { agreeWith, sealAgreed } from '../core/hpke.ts'
import { publicKeyOf } from '../core/sealed-file.ts'
import type { Detokenized, DetokenizeInput } from '../world/detokenize.ts'
import { add, type Store } from '../world/store.ts'
import { forgetSecrets, type Secrets } from './content.ts'
import type { Keyring } from './keys.ts'
import { findRecord, openRecord } from './record.ts'
import { detokenizations } from './tables-audit.ts'
import type { Trail } from './trail.ts'

/** A day of UTC. */
export type DetokenizeQuota = { readonly perPerson: number; readonly perTenant: number }
/** Ours: people who look at numbers look at few; who needs many moves them from vault to vault (docs/moving.md). */
export const defaultQuota: DetokenizeQuota = { perPerson: 20, perTenant: 100 }
/** Who counts for the tenant as a whole: no person is called that. */
const everybody = '*'
const info = 'bindery detokenize 1'

type Ports = { readonly store: Store; now(): number; random(count: number): Buffer }
type Desk = { readonly ports: Ports; readonly keyring: Keyring; readonly trail: Trail; readonly quota: DetokenizeQuota }
type Agreed = Exclude<ReturnType<typeof agreeWith>, undefined>

export async function detokenize(desk: Desk, input: DetokenizeInput): Promise<Detokenized> {
  if (input.mode === 'live' && (input.second === null || input.second === input.person)) throw new TypeError('live takes two persons')
  const agreed = agreedWith(desk.ports, input.publicKey)
  if (agreed === undefined) return { kind: 'refused', detail: 'must be an X25519 public key: 32 bytes in base64url, not of low order' }
  try {
    const record = await findRecord(desk.ports.store, input)
    if (record === undefined || record.mode !== input.mode) return { kind: 'missing' }
    const counted = await count(desk, input)
    if ('whose' in counted) return counted
    const secrets = await openRecord(desk.ports, desk.keyring, input, record)
    try {
      return { ...sealedFor(agreed, input, record.kind, secrets), left: counted }
    } finally {
      forgetSecrets(secrets)
    }
  } finally {
    agreed.shared.fill(0)
  }
}

function agreedWith({ random }: Ports, text: string): Agreed | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // One spelling only: what is sealed for is what was approved.
  if (bytes.length !== 32 || bytes.toString('base64url') !== text) return undefined
  const seed = Buffer.from(random(32))
  try {
    return agreeWith(seed, publicKeyOf(text))
  } finally {
    seed.fill(0)
  }
}

type Left = { readonly person: number; readonly tenant: number }

/** One commit: both quotas and the entry, or none of them. */
async function count({ ports, trail, quota }: Desk, input: DetokenizeInput): Promise<Left | Extract<Detokenized, { kind: 'spent' }>> {
  const { tenant, mode, person, purpose, operation } = input
  const day = new Date(ports.now()).toISOString().slice(0, 10)
  const keyOf = (who: string) => ({ tenant, mode, day, who })
  const one = (who: string, most: number) => add(detokenizations, keyOf(who), { count: 1n }, { bounds: { count: { max: BigInt(most) } } })
  const detail = JSON.stringify({ person, second: input.second, reason: input.reason, key: input.publicKey })
  const subject = `${input.instrument}@${input.instrumentVersion}`
  const entry = await trail.entry({ act: 'detokenize', tenant, subject, purpose, operation, detail })
  const result = await ports.store.commit([one(person, quota.perPerson), one(everybody, quota.perTenant), entry])
  if (!result.ok) {
    const [first] = result.refused
    if (first?.write === 0) return { kind: 'spent', whose: 'person', most: quota.perPerson }
    if (first?.write === 1) return { kind: 'spent', whose: 'tenant', most: quota.perTenant }
    throw new TypeError('an entry of the audit was refused: nothing is opened without one')
  }
  const [mine, all] = await Promise.all([person, everybody].map(who => ports.store.get(detokenizations, keyOf(who))))
  return { person: Math.max(0, quota.perPerson - (mine?.count ?? 0)), tenant: Math.max(0, quota.perTenant - (all?.count ?? 0)) }
}

function sealedFor(agreed: Agreed, input: DetokenizeInput, kind: string, secrets: Secrets) {
  const aad = `${input.operation}|${input.instrument}@${input.instrumentVersion}|${input.purpose}`
  const plain = told(kind, secrets)
  try {
    const { enc, ciphertext } = sealAgreed(agreed, { info, aad }, plain)
    return { kind: 'sealed', enc: enc.toString('base64url'), ciphertext: ciphertext.toString('base64url'), info, aad } as const
  } finally {
    plain.fill(0)
  }
}

/** JSON of what is sealed, in memory of its own, which the caller zeroes. */
function told(kind: string, secrets: Secrets): Buffer {
  const fields: readonly (readonly [name: string, value: Buffer | number])[] =
    'values' in secrets
      ? [...secrets.values]
      : [
          ['number', secrets.number],
          ['expiryMonth', secrets.expiryMonth],
          ['expiryYear', secrets.expiryYear],
          ...(secrets.holder === undefined ? [] : [['holder', secrets.holder] as const]),
        ]
  const pieces = [
    Buffer.from(`{"kind":"${kind}"`),
    ...fields.flatMap(([name, value]) => [
      Buffer.from(`,"${wireName(name)}":`),
      typeof value === 'number' ? Buffer.from(String(value)) : quoted(value),
    ]),
    Buffer.from('}'),
  ]
  const out = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    at += piece.copy(out, at)
    piece.fill(0)
  }
  return out
}

const wireName = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** Digits never become a string; a name that JSON writes otherwise does, for a moment. */
function quoted(value: Buffer): Buffer {
  if (value.some(byte => byte < 0x20 || byte === 0x22 || byte === 0x5c)) return Buffer.from(JSON.stringify(value.toString()))
  const out = Buffer.allocUnsafeSlow(value.length + 2)
  out[0] = 0x22
  value.copy(out, 1)
  out[value.length + 1] = 0x22
  return out
}

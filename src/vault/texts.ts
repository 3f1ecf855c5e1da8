/** Short texts sealed for an owner: webhook secrets, e-mail addresses. One data key per owner, so that an owner can be shredded. */
import { insert, type Store } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { Vault } from '../world/world.ts'
import { createCache } from './cache.ts'
import type { Keyring } from './keys.ts'
import { openDataKey, rewrapLater } from './rewrap.ts'
import { dekContext, newDataKey, openEnvelope, type Random, SealBroken, sealEnvelope, wrapKey } from './seal.ts'
import { type Owner, sealsFor } from './shred.ts'
import { deks } from './tables.ts'
import type { Trail } from './trail.ts'

type Ports = { readonly store: Store; readonly random: Random; now(): number; readonly keyring: Keyring; readonly trail: Trail }
type DekRow = Row<typeof deks>

const schema = 1
const prefix = 'piv1.'
/** Bytes; what is longer does not belong here. */
export const textBytesMax = 16 * 1024
const rowsHeldMax = 10_000
/** Texts have one data key per owner, whatever becomes of the owner. */
const ownerVersion = 0

/** `seal` and `open` of the vault. A sealed text is `piv1.` and the envelope in base64url. `open` throws `SealBroken`. */
export function createTexts(ports: Ports): Pick<Vault, 'seal' | 'open'> & { forget(of: Owner): void } {
  const held = createCache<DekRow>(rowsHeldMax)
  const find = async (tenant: string, owner: string): Promise<DekRow | undefined> => {
    const name = `${tenant}|${owner}`
    const row = held.get(name) ?? (await ports.store.get(deks, { tenant, owner, owner_version: ownerVersion }))
    if (row !== undefined) held.set(name, row)
    return row
  }
  /** From a remembered row the key may be gone: it was rewrapped since, and what wrapped it was destroyed. */
  const unwrapped = async (row: DekRow) => {
    try {
      return await openDataKey(ports.keyring, row)
    } catch (error) {
      held.delete(`${row.tenant}|${row.owner}`)
      const now = error instanceof SealBroken ? await find(row.tenant, row.owner) : undefined
      if (now === undefined) throw error
      return openDataKey(ports.keyring, now)
    }
  }
  return {
    forget: ({ tenant, owner }) => held.delete(`${tenant}|${owner}`),
    async seal({ tenant, owner, field, text }) {
      const plain = Buffer.from(text)
      if (plain.length > textBytesMax) throw new RangeError('too long a text to seal')
      const row = (await find(tenant, owner)) ?? (await make(ports, tenant, owner)) ?? (await find(tenant, owner))
      if (row === undefined) throw new SealBroken()
      const { kek, key } = await unwrapped(row)
      const envelope = sealEnvelope(ports.random, kek, { id: row.id, key }, { tenant, owner, field, schema }, plain)
      key.fill(0)
      plain.fill(0)
      return prefix + envelope.toString('base64url')
    },
    async open({ tenant, owner, field, sealed }) {
      const row = await find(tenant, owner)
      if (row === undefined || !sealed.startsWith(prefix)) throw new SealBroken()
      const entry = ports.trail.write([{ act: 'open', tenant, subject: owner, purpose: field }])
      entry.catch(() => undefined)
      const { kek, key } = await unwrapped(row)
      try {
        await entry
        const envelope = Buffer.from(sealed.slice(prefix.length), 'base64url')
        const plain = openEnvelope(kek, { id: row.id, key }, { tenant, owner, field, schema }, envelope)
        const text = plain.toString()
        plain.fill(0)
        return text
      } finally {
        key.fill(0)
        void rewrapLater(ports, row)
      }
    },
  }
}

/** Undefined: somebody else made it first. */
async function make(ports: Ports, tenant: string, owner: string): Promise<DekRow | undefined> {
  const kek = await ports.keyring.wrapping('secret', tenant)
  const dek = newDataKey(ports.random)
  const row = {
    tenant,
    owner,
    owner_version: ownerVersion,
    id: dek.id,
    purpose: 'secret' as const,
    key_version: kek.version,
    wrapped: wrapKey(ports.random, kek.key, dekContext(kek, dek.id, tenant, owner), dek.key),
    created_at: ports.now(),
  }
  dek.key.fill(0)
  const result = await ports.store.commit([insert(deks, row), sealsFor({ tenant, owner })])
  return result.ok ? { ...row, version: 1 } : undefined
}

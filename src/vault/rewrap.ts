/** A data key under the current version of its tenant's key: what rotation changes. The envelope stays as it is. */
import { move, type Store } from '../world/store.ts'
import type { Row } from '../world/table.ts'
import type { Keyring } from './keys.ts'
import { dekContext, type Random, unwrapKey, wrapKey } from './seal.ts'
import { deks } from './tables.ts'

type Ports = { readonly store: Store; readonly random: Random; readonly keyring: Keyring }
type DekRow = Row<typeof deks>

/** Texts have one data key per owner (version 0), whatever becomes of the owner; a card's names its version. */
export const ownerOfKey = (row: Pick<DekRow, 'owner' | 'owner_version'>): string =>
  row.owner_version === 0 ? row.owner : `${row.owner}@${row.owner_version}`

/** The open data key; the caller zeroes it. Throws `SealBroken`. */
export async function openDataKey(keyring: Keyring, row: DekRow) {
  const kek = await keyring.exact(row.purpose, row.tenant, row.key_version)
  return { kek, key: unwrapKey(kek.key, dekContext(kek, row.id, row.tenant, ownerOfKey(row)), row.wrapped) }
}

/** True if it was rewrapped, or need not be. One that was shredded or rewrapped meanwhile is left alone. */
export async function rewrap(ports: Ports, row: DekRow): Promise<boolean> {
  const { store, random, keyring } = ports
  const { version } = await keyring.current(row.purpose, row.tenant)
  if (version <= row.key_version) return true
  const kek = await keyring.wrapping(row.purpose, row.tenant)
  const { key } = await openDataKey(keyring, row)
  const wrapped = wrapKey(random, kek.key, dekContext(kek, row.id, row.tenant, ownerOfKey(row)), key)
  key.fill(0)
  return (await store.commit([move(deks, row, { wrapped, key_version: kek.version })])).ok
}

/** On use: nobody waits for it, and what fails is left to the batch. */
export async function rewrapLater(ports: Ports, row: DekRow): Promise<void> {
  const current = await ports.keyring.current(row.purpose, row.tenant).catch(() => undefined)
  if (current === undefined || current.version <= row.key_version) return
  await rewrap(ports, row).catch(() => false)
}

/**
 * Rotation: add → confirm → promote, then rewrap, then destroy; each step a row that is due, so that any process of the vault may take it and
 * none is needed. A version is promoted only when every process that runs has opened it: what one wraps, all can open. What the old version
 * wrapped is wrapped anew as it is used and page by page; nothing that is sealed changes, and no reader waits. A version is destroyed a day
 * after it wrapped its last, when nothing names it: nobody keeps a current key for so long without asking (`keys.ts`).
 */
import { insert, move, remove, type Store, type Write } from '../world/store.ts'
import { rowsMax } from '../world/store-write.ts'
import type { Row } from '../world/table.ts'
import { cardFiles, senderKeys } from './card-tables.ts'
import { currentOf, type KeyRow, type Keyring } from './keys.ts'
import { nextRotation } from './periods.ts'
import { rewrap } from './rewrap.ts'
import type { Random } from './seal.ts'
import { confirmations, deks, keys, nodes, type Purpose, purposeScope } from './tables.ts'
import type { Deed, Trail } from './trail.ts'

/** A process that has not been heard of for so long runs no more; one that comes back reads its keys anew. */
const nodeGoneMs = 60_000
const destroyAfterMs = 24 * 60 * 60_000
const againMs = 5_000
const pageRows = 500
const atOnce = 32
const rowsPerTurn = 64

export type Rotation = {
  /** Says that this process runs, and which added keys it can open. Called every few seconds. */
  beat(): Promise<void>
  /** Takes what is due one step further; returns how many rows moved. */
  turn(): Promise<number>
  /** Has the current version replaced now, whatever its age; false where there is no such key, or it is being replaced. */
  request(purpose: Purpose, scope: string): Promise<boolean>
  /** Says that this process runs no more: nobody waits for it. */
  leave(): Promise<void>
}
type Ports = {
  readonly store: Store
  readonly random: Random
  now(): number
  readonly keyring: Keyring
  readonly trail: Trail
  /** This process's own name. */
  readonly node: string
  /** For tests: instead of a day. */
  readonly destroyAfterMs?: number
}

export function createRotation(ports: Ports): Rotation {
  let renewed = false
  return {
    async beat() {
      if (!renewed) await ports.keyring.renew()
      renewed = true
      await announce(ports)
      await confirm(ports)
    },
    async turn() {
      const due = await ports.store.due(keys, { now: ports.now(), clock: null, limit: rowsPerTurn })
      let moved = 0
      for (const row of due) moved += await step(ports, row)
      return moved
    },
    async request(purpose, scope) {
      const rows = await ports.store.find(keys, { purpose, scope })
      const row = currentOf(rows)
      if (row === undefined || rows.some(one => one.status === 'added')) return false
      return (await ports.store.commit([move(keys, row, { due_at: ports.now() })])).ok
    },
    async leave() {
      const row = await ports.store.get(nodes, { role: 'vault', id: ports.node })
      if (row !== undefined) await ports.store.commit([remove(nodes, row)])
    },
  }
}

async function announce({ store, now, node }: Ports): Promise<void> {
  const row = await store.get(nodes, { role: 'vault', id: node })
  const seen = { seen_at: now() }
  await store.commit([row === undefined ? insert(nodes, { role: 'vault', id: node, started_at: now(), ...seen }) : move(nodes, row, seen)])
}

/** Opening checks the key's check value: a process with another root, or a damaged row, never confirms. */
async function confirm({ store, keyring, node, now }: Ports): Promise<void> {
  for (const row of await store.find(keys, { status: 'added' })) {
    const name = { purpose: row.purpose, scope: row.scope, key_version: row.key_version, node }
    if ((await store.get(confirmations, name)) !== undefined) continue
    await keyring.exact(row.purpose, row.scope, row.key_version)
    await store.commit([insert(confirmations, { ...name, at: now() })])
  }
}

const steps: Readonly<Record<KeyRow['status'], (ports: Ports, row: KeyRow) => Promise<number>>> = {
  current: addNext,
  added: promote,
  retired: retire,
}
const step = (ports: Ports, row: KeyRow): Promise<number> => steps[row.status](ports, row)

async function addNext(ports: Ports, row: KeyRow): Promise<number> {
  const next = await ports.keyring.successor(row, ports.now())
  const told = await ports.trail.entry(deedOf('key_added', next))
  return moved(await ports.store.commit([insert(keys, next), move(keys, row, { due_at: null }), told]))
}

/** Stands until every process that runs has confirmed. */
async function promote(ports: Ports, row: KeyRow): Promise<number> {
  const { store, keyring, now } = ports
  const { purpose, scope, key_version } = row
  const [running, confirmed, versions] = await Promise.all([
    store.find(nodes, { role: 'vault' }),
    store.find(confirmations, { purpose, scope, key_version }),
    store.find(keys, { purpose, scope }),
  ])
  const former = currentOf(versions)
  // Another process was quicker than our reading.
  if (former !== undefined && former.key_version >= key_version) return 0
  if (!isConfirmed(running, confirmed, now())) return 0
  const writes: Write[] = [move(keys, row, { status: 'current', promoted_at: now(), due_at: nextRotation(row, now()) })]
  writes.push(await ports.trail.entry(deedOf('key_promoted', row)))
  if (former !== undefined) writes.push(move(keys, former, { status: 'retired', retired_at: now(), due_at: now() }))
  const result = await store.commit(writes)
  keyring.forget(purpose, scope)
  return moved(result)
}

/** Pure: by every process that runs, and by one at least. */
export function isConfirmed(
  running: readonly Pick<Row<typeof nodes>, 'id' | 'seen_at'>[],
  confirmed: readonly Pick<Row<typeof confirmations>, 'node'>[],
  nowMs: number,
): boolean {
  const said = new Set(confirmed.map(one => one.node))
  return said.size > 0 && running.every(one => nowMs - one.seen_at >= nodeGoneMs || said.has(one.id))
}

/** A page of what it still wraps; when there is nothing, and it is old enough, the key itself. */
async function retire(ports: Ports, row: KeyRow): Promise<number> {
  const { store, now } = ports
  // What is current is asked anew: this process may not have promoted it.
  ports.keyring.forget(row.purpose, row.scope)
  const [found, done] = row.scope === purposeScope ? await rewrapKeys(ports, row) : await rewrapDataKeys(ports, row)
  if (found > 0) {
    if (done === 0) await store.commit([move(keys, row, { due_at: now() + againMs })])
    return done
  }
  const destroyAt = (row.retired_at ?? now()) + (ports.destroyAfterMs ?? destroyAfterMs)
  if (now() < destroyAt) {
    await store.commit([move(keys, row, { due_at: destroyAt })])
    return 0
  }
  if (await wrapsOwnKeys(ports, row)) {
    await store.commit([move(keys, row, { due_at: now() + destroyAfterMs })])
    return 0
  }
  const { purpose, scope, key_version } = row
  const said = await store.find(confirmations, { purpose, scope, key_version })
  return moved(
    await store.commit([
      remove(keys, row),
      ...said.map(one => remove(confirmations, one)),
      await ports.trail.entry(deedOf('key_destroyed', row)),
    ]),
  )
}

/** Keys of files between vaults (`own-key.ts`) stay under the version that wrapped them: it is kept as long as they are. */
async function wrapsOwnKeys({ store }: Ports, { purpose, scope, key_version }: KeyRow): Promise<boolean> {
  if (purpose !== 'pan' || scope === purposeScope) return false
  const found = await Promise.all([store.find(senderKeys, { tenant: scope }), store.find(cardFiles, { tenant: scope })])
  // Of more than one answer holds nobody knows: then it is kept, and looked at again in a day.
  return found.some(rows => rows.length >= rowsMax) || found.flat().some(one => one.key_version === key_version)
}

async function rewrapDataKeys(ports: Ports, { purpose, scope, key_version }: KeyRow): Promise<readonly [found: number, done: number]> {
  const rows = await ports.store.find(deks, { tenant: scope, purpose, key_version }, pageRows)
  let done = 0
  for (let at = 0; at < rows.length; at += atOnce) {
    const part = await Promise.all(rows.slice(at, at + atOnce).map(one => rewrap(ports, one)))
    done += part.filter(Boolean).length
  }
  return [rows.length, done]
}

async function rewrapKeys(ports: Ports, { purpose, key_version }: KeyRow): Promise<readonly [found: number, done: number]> {
  const rows = await ports.store.find(keys, { purpose, parent_version: key_version }, pageRows)
  ports.keyring.forget(purpose, purposeScope)
  let done = 0
  for (const row of rows) {
    const set = await ports.keyring.rewrapped(row)
    if (set !== undefined) done += moved(await ports.store.commit([move(keys, row, set)]))
  }
  return [rows.length, done]
}

const deedOf = (act: 'key_added' | 'key_promoted' | 'key_destroyed', row: Pick<KeyRow, 'purpose' | 'scope' | 'key_version'>): Deed => {
  const { purpose, scope, key_version } = row
  return { act, tenant: scope, subject: `${purpose}/${scope}@${key_version}`, purpose: 'rotation' }
}

const moved = (result: { readonly ok: boolean }): number => (result.ok ? 1 : 0)

/**
 * Rotation under load: so many sealed cards, two processes' worth of vaults reading them all the time, and their keys replaced underneath: the
 * tenant's first, then the purpose's own. No read may fail, every data key must end under the new version, and the old versions be gone.
 *
 *     node proofs/rotate.ts [--records 100000] [--json]
 */
import { createSecretKey, randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { ChannelRequest } from '../src/channels/channel.ts'
import { keyRoot } from '../src/vault/root.ts'
import { deks, keys, vaultTables } from '../src/vault/tables.ts'
import { createVault, type VaultCore } from '../src/vault/vault.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../src/world/postgres.ts'
import { rideFunctionSql } from '../src/world/ride-sql.ts'
import { testDatabase } from '../src/world/testing.ts'

export type RotationReport = {
  readonly proof: 'rotate'
  readonly records: number
  readonly reads: number
  readonly failed_reads: number
  readonly left_under_old_keys: number
  readonly old_versions_left: number
  readonly seconds: number
}

const owner = { tenant: 'ten_1', mode: 'test' } as const
const readers = 8
const dayMs = 24 * 60 * 60_000

export async function proveRotation(records: number): Promise<RotationReport> {
  const database = await testDatabase({ on: 'embedded', extraSql: [rideFunctionSql('vault', vaultTables).sql] })
  const clock = { aheadMs: 0 }
  const root = keyRoot('file', createSecretKey(randomBytes(32)), randomBytes)
  const stores: PostgresStore[] = []
  const open = (): VaultCore => {
    const store = createPostgresStore({ connection: asRole(database.connection, roles.vault), schema: 'vault', tables: vaultTables })
    stores.push(store)
    return createVault({
      ...{ now: () => Date.now() + clock.aheadMs, random: randomBytes, store, root, allowLoopback: false },
      origins: new Set(['https://api.channel.example']),
      send: async ({ body }) => ({
        status: body?.toString() === '{"n":"4242424242424242"}' ? 200 : 500,
        headers: {},
        body: Buffer.from('{}'),
      }),
    })
  }
  try {
    const vaults = [open(), open()]
    const [first = open()] = vaults
    const [store] = stores
    if (store === undefined) throw new Error('no store')
    await fill(first, records)
    const load = startReading(vaults, records)
    const from = performance.now()
    const step = async (): Promise<number> => {
      let moved = 0
      for (const vault of vaults) await vault.rotation.beat()
      for (const vault of vaults) moved += await vault.rotation.turn()
      return moved
    }
    for (const scope of ['ten_1', '*']) {
      await first.rotation.request('pan', scope)
      // Added, promoted, and pages until a turn moves nothing twice.
      for (let idle = 0; idle < 3; ) idle = (await step()) === 0 ? idle + 1 : 0
    }
    clock.aheadMs = dayMs + 60_000
    for (let idle = 0; idle < 3; ) idle = (await step()) === 0 ? idle + 1 : 0
    const { reads, failed } = await load.stop()
    const left = await store.find(deks, { key_version: 1, purpose: 'pan', tenant: 'ten_1' }, 1_000)
    const versions = [
      ...(await store.find(keys, { purpose: 'pan', scope: '*' })),
      ...(await store.find(keys, { purpose: 'pan', scope: 'ten_1' })),
    ]
    return {
      ...{ proof: 'rotate', records, reads, failed_reads: failed, left_under_old_keys: left.length },
      old_versions_left: versions.filter(one => one.key_version === 1).length,
      seconds: Math.round((performance.now() - from) / 100) / 10,
    }
  } finally {
    await Promise.all(stores.map(one => one.close()))
    await database.close()
  }
}

async function fill(vault: VaultCore, records: number): Promise<void> {
  const one = async (index: number): Promise<void> => {
    const { reference } = await vault.capture(owner, Buffer.from('{"number":"4242424242424242","expiry_month":3,"expiry_year":2040}'))
    await vault.adopt({ ...owner, reference, instrument: `ins_${index}`, instrumentVersion: 1, operation: 'opn_1' })
  }
  for (let at = 0; at < records; at += 256) await Promise.all(Array.from({ length: Math.min(256, records - at) }, (_, i) => one(at + i)))
  // From here on every read opens the sealed row.
  vault.clear()
}

function startReading(vaults: readonly VaultCore[], records: number) {
  const seen = { reads: 0, failed: 0, stopped: false }
  const request: ChannelRequest = {
    ...{ method: 'POST', url: 'https://api.channel.example/', headers: { 'content-type': 'application/json' } },
    ...{ body: '{"n":"{{card.number}}"}', placeholders: true },
  }
  const read = async (at: number): Promise<void> => {
    for (let index = at; !seen.stopped; index += readers) {
      const vault = vaults[index % vaults.length]
      const words = {
        ...owner,
        instrument: `ins_${(index * 7919) % records}`,
        instrumentVersion: 1,
        operation: 'opn_2',
        timeoutMs: 1_000,
        request,
      }
      const answer = await vault?.forward(words).catch(() => undefined)
      seen.reads += 1
      if (answer?.status !== 200) seen.failed += 1
    }
  }
  const running = Array.from({ length: readers }, (_, at) => read(at))
  return {
    async stop() {
      seen.stopped = true
      await Promise.all(running)
      return seen
    },
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { records: { type: 'string', default: '10000' }, json: { type: 'boolean', default: false } } })
  const report = await proveRotation(Number(values.records))
  console.log(JSON.stringify(report, null, values.json ? undefined : 2))
  process.exitCode = report.failed_reads + report.left_under_old_keys + report.old_versions_left === 0 ? 0 : 1
}

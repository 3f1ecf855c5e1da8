/**
 * The vault by itself. `seals_per_second_per_core`: data key, envelope, its wrap and both fingerprints, on one core, without a database.
 * `tokenise`: a card's bytes in, a sealed and audited row durable in PostgreSQL with fsync on; so many at a time as `users` says.
 */
import { createSecretKey, randomBytes, randomFillSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { networkFingerprint, tenantFingerprint } from '../src/vault/fingerprint.ts'
import { createRandomPool } from '../src/vault/pool.ts'
import { keyRoot } from '../src/vault/root.ts'
import { dekContext, newDataKey, sealEnvelope, wrapKey } from '../src/vault/seal.ts'
import { vaultTables } from '../src/vault/tables.ts'
import { createVault } from '../src/vault/vault.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { asRole, migrate, roles } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import { rideFunctionSql } from '../src/world/ride-sql.ts'
import { numberOf } from './units.ts'

export type VaultLine = {
  readonly bench: 'vault'
  readonly seals_per_second_per_core: number
  readonly tokenise_p50_ms: number
  readonly tokenise_p99_ms: number
  readonly tokenise_per_second: number
  readonly users: number
}

export async function benchVault(of: { readonly seconds: number; readonly users: number; readonly cards: number }): Promise<VaultLine> {
  const seals = sealsPerSecond(of.seconds)
  return { bench: 'vault', seals_per_second_per_core: Math.round(seals), ...(await tokenise(of)), users: of.users }
}

function sealsPerSecond(seconds: number): number {
  const random = createRandomPool(buffer => randomFillSync(buffer))
  const kek = { id: randomBytes(16), version: 1, key: createSecretKey(randomBytes(32)) }
  const [network, tenant] = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(32))]
  const plain = Buffer.from('4242424242424242123420301')
  const place = { tenant: 'ten_1', owner: 'ins_1@1', field: 'card', schema: 1 }
  let [done, from] = [0, 0]
  // The first fifth is for the compiler.
  for (const share of [0.2, 1]) {
    done = 0
    from = performance.now()
    while (performance.now() - from < seconds * 1000 * share) {
      const dek = newDataKey(random)
      sealEnvelope(random, kek, dek, place, plain)
      wrapKey(random, kek.key, dekContext(kek, dek.id, place.tenant, place.owner), dek.key)
      tenantFingerprint(tenant, 'live', networkFingerprint(network, plain))
      done += 1
    }
  }
  return (done * 1000) / (performance.now() - from)
}

async function tokenise({ users, cards }: { readonly users: number; readonly cards: number }) {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-bench-'))
  // As root the database runs as somebody else, who must be able to pass through.
  chmodSync(folder, 0o711)
  const server = await startEmbedded({ dataFolder: join(folder, 'database') })
  try {
    await migrate({ connection: server.connection, extraSql: [rideFunctionSql('vault', vaultTables).sql] })
    const store = createPostgresStore({ connection: asRole(server.connection, roles.vault), schema: 'vault', tables: vaultTables })
    const random = createRandomPool(buffer => randomFillSync(buffer))
    const vault = createVault({
      ...{ now: Date.now, random, store, root: keyRoot('file', createSecretKey(randomBytes(32)), random), allowLoopback: false },
      ...{ origins: new Set<string>(), send: () => Promise.reject(new Error('nothing is sent')) },
    })
    const took: number[] = []
    let next = 0
    const warm = Math.ceil(cards / 5)
    const one = async (): Promise<void> => {
      for (let index = next++; index < cards + warm; index = next++) {
        const body = Buffer.from(`{"number":"${numberOf(index)}","expiry_month":12,"expiry_year":2040,"security_code":"737"}`)
        const from = performance.now()
        const { reference } = await vault.capture({ tenant: 'ten_1', mode: 'test' }, body)
        const words = {
          tenant: 'ten_1',
          mode: 'test',
          instrument: `ins_${index}`,
          instrumentVersion: 1,
          operation: `opn_${index}`,
        } as const
        if ((await vault.adopt({ ...words, reference })) === undefined) throw new Error('a card was not adopted')
        if (index >= warm) took.push(performance.now() - from)
      }
    }
    const from = performance.now()
    await Promise.all(Array.from({ length: users }, one))
    const perSecond = ((cards + warm) * 1000) / (performance.now() - from)
    await store.close()
    const sorted = took.toSorted((a, b) => a - b)
    const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? Number.NaN) * 100) / 100
    return { tokenise_p50_ms: at(0.5), tokenise_p99_ms: at(0.99), tokenise_per_second: Math.round(perSecond) }
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

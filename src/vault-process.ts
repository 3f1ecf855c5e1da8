/** The vault as `main.ts` runs it: a process of its own, its settings made of the deployment's, kept alive. */
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ClientConfig } from 'pg'
import type { Config } from './config.ts'
import type { SandboxNetwork } from './sandbox-network.ts'
import type { DeploymentSecrets } from './secrets.ts'
import { createVaultClient } from './vault/client.ts'
import type { FakeWallet } from './vault/device-token/mint.ts'
import { shredLogFile } from './vault/shred-log.ts'
import { keepVault } from './vault/start.ts'
import type { ClientCertificates } from './world/certificates.ts'
import { asRole, roles } from './world/migrate.ts'
import type { Log, World } from './world/world.ts'

type VaultNeeds = {
  readonly connection: ClientConfig
  readonly secrets: DeploymentSecrets
  readonly origins: readonly string[]
  readonly certificates: ClientCertificates
  /** There are accounts of live mode. */
  readonly live: boolean
  readonly log: Log
  readonly clock: Pick<World, 'now' | 'random' | 'sleep'>
  readonly wallet: FakeWallet | undefined
  readonly network: SandboxNetwork | undefined
}

const at = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(path))

/** Starts it, and stops it with the rest. Resolves when it takes calls. */
export async function vaultProcess(config: Config, needs: VaultNeeds, undo: (() => Promise<unknown>)[]) {
  const { connection, secrets, origins, certificates, live, log, clock, wallet, network } = needs
  const socketPath = join(tmpdir(), `bindery-vault-${process.pid}-${clock.random(4).toString('hex')}.sock`)
  const settings = {
    ...{ socketPath, linkKey: secrets.linkKey, grantKey: secrets.grantKey },
    ...{ database: { ...asRole(connection, roles.vault) }, dataFolder: resolve(config.dataFolder) },
    ...{ origins, allowLoopback: config.sandbox, captureHost: config.host, capturePort: config.vaultCapturePort },
    publicUrl: config.publicUrl ?? `http://${config.host}:${config.port}`,
    ...{ wallets: wallet?.settings, certificates, updaters: network?.vault, detokenize: config.detokenize, live },
    ...{ updaterKeysFile: at(config.updaterKeysFile), rootFile: at(config.vaultRootFile), walletKeysFile: at(config.walletKeysFile) },
    shredLog: resolve(config.archiveFolder ?? config.dataFolder, shredLogFile),
  }
  const kept = await keepVault(settings, {
    ended: reason => log.error('the vault ended, and is started again', { reason }),
    locked: at => log.warn('the vault is locked: "npx bindery vault unseal" takes the shares of its custodians', { socket: at }),
  })
  undo.push(kept.stop)
  const client = createVaultClient({ ...clock, socketPath, linkKey: secrets.linkKey, log })
  undo.push(async () => client.close())
  await client.ready(10_000)
  return { client, captureUrl: config.captureUrl ?? kept.captureUrl }
}

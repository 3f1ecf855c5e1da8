/** The sandbox's own card network: its keys follow from one seed, so that what was handed out yesterday still opens today. */
import { createHmac } from 'node:crypto'
import { type FileKeys, privateKeyOf, publicKeyOf, publicText } from './core/sealed-file.ts'
import { Secret } from './core/secret.ts'
import type { UpdaterSettings } from './vault/settings.ts'
import type { UpdaterKeys } from './vault/updater.ts'
import type { NetworkAccount } from './world/world.ts'

export const sandboxUpdater = 'simulated'

export type SandboxNetwork = {
  readonly account: (address: string) => NetworkAccount
  /** As the vault process is told them. */
  readonly vault: UpdaterSettings
  readonly vaultKeys: UpdaterKeys
  readonly simulator: { readonly keys: FileKeys; readonly secretKey: string; readonly signing: string }
  /** As the sandbox process is told them. */
  readonly settings: { readonly own: string; readonly other: string; readonly secretKey: string; readonly signing: string }
}

export function sandboxNetwork(seed: Buffer): SandboxNetwork {
  const draw = (what: string): Buffer => createHmac('sha256', seed).update(`sandbox network ${what}`).digest()
  const [vaultBytes, networkBytes] = [draw('vault'), draw('updater')]
  const [ours, theirs] = [privateKeyOf(vaultBytes), privateKeyOf(networkBytes)]
  const secretKey = `nsk_${draw('key').toString('base64url')}`
  const signing = `nws_${draw('signing').toString('base64url')}`
  return {
    account: address => ({
      name: sandboxUpdater,
      address,
      secretKey: new Secret(secretKey),
      webhookSecrets: [new Secret(signing)],
    }),
    vault: [[sandboxUpdater, { own: vaultBytes.toString('base64url'), other: publicText(theirs) }]],
    vaultKeys: new Map([[sandboxUpdater, { own: ours, other: publicKeyOf(publicText(theirs)) }]]),
    simulator: { keys: { own: theirs, other: publicKeyOf(publicText(ours)) }, secretKey, signing },
    settings: { own: networkBytes.toString('base64url'), other: publicText(ours), secretKey, signing },
  }
}

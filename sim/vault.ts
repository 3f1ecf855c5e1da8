/** The real vault in memory, and how it fails. */
import { createSecretKey } from 'node:crypto'
import { NoAnswer } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import { readKeys } from '../src/vault/device-token/keys.ts'
import { bytesOver } from '../src/vault/forward.ts'
import { createTokenOpener } from '../src/vault/open-token.ts'
import { findRecord } from '../src/vault/record.ts'
import { createReplays } from '../src/vault/replays.ts'
import { keyRoot } from '../src/vault/root.ts'
import type { Ownership } from '../src/vault/sweep.ts'
import { vaultTables } from '../src/vault/tables.ts'
import { createVault, type VaultCore } from '../src/vault/vault.ts'
import { createMemoryStore, type MemoryStore } from '../src/world/memory.ts'
import { Unavailable } from '../src/world/store.ts'
import type { Vault } from '../src/world/world.ts'
import { addressOf, wallet } from './accounts.ts'
import type { Faults } from './faults.ts'
import type { Network } from './network.ts'
import type { Scheduler } from './scheduler.ts'

/** Told of every request that leaves filled in, and how to find out for which operation an instrument's version was sealed. */
export type CheckSealed = (text: string, sealedFor: (owner: Ownership) => Promise<string | undefined>) => Promise<void>

/**
 * The vault dies under a call now and then: what it held in memory is gone, and the caller cannot know what became of the call. `vault` is
 * the vault itself, for those who hand it cards; `port` is how the server reaches it; `sealed` is what it keeps.
 */
export function createSimulatedVault(
  scheduler: Scheduler,
  faults: Faults,
  network: Network,
  note: (what: string) => void,
  checkSealed: CheckSealed,
): { readonly vault: VaultCore; readonly port: Vault; readonly sealed: MemoryStore } {
  const store = createMemoryStore(vaultTables)
  const send = bytesOver(network.send)
  const vault = createVault({
    now: scheduler.now,
    random: scheduler.random,
    store,
    openToken: createTokenOpener(readKeys(wallet.settings), createReplays({ store, now: scheduler.now })),
    root: keyRoot('file', createSecretKey(Buffer.alloc(32, 7)), scheduler.random),
    send: async request => {
      const text = [...Object.values(request.headers), request.body?.toString() ?? ''].join('\n')
      await checkSealed(text, async owner => (await findRecord(store, owner))?.operation)
      return send(request)
    },
    origins: new Set([...channels.keys()].map(addressOf)),
    allowLoopback: false,
  })
  const dies = (): boolean => {
    if (!faults.strikes('vault_crash')) return false
    note('crash of the vault')
    vault.clear()
    return true
  }
  const guard =
    <I, O>(act: (input: I) => Promise<O>, lost: (when: string) => Error) =>
    async (input: I): Promise<O> => {
      if (dies()) throw lost('before')
      const result = await act(input)
      if (dies()) throw lost('after')
      return result
    }
  const unavailable = (when: string) => new Unavailable(`the vault ended ${when} the call`)
  const port: Vault = {
    peek: guard(vault.peek, unavailable),
    adopt: guard(vault.adopt, unavailable),
    sealAhead: guard(vault.sealAhead, unavailable),
    forward: guard(vault.forward, when => new NoAnswer(`the vault ended ${when} the call`)),
    seal: guard(vault.seal, unavailable),
    open: guard(vault.open, unavailable),
    detokenize: guard(vault.detokenize, unavailable),
    cardFiles: {
      begin: guard(vault.cardFiles.begin, unavailable),
      show: guard(vault.cardFiles.show, unavailable),
      take: guard(vault.cardFiles.take, unavailable),
      forget: guard(vault.cardFiles.forget, unavailable),
      peek: guard(vault.cardFiles.peek, unavailable),
      sealAs: guard(vault.cardFiles.sealAs, unavailable),
      senderCertificate: guard(vault.cardFiles.senderCertificate, unavailable),
      write: guard(vault.cardFiles.write, unavailable),
    },
    updater: {
      writeInquiries: guard(vault.updater.writeInquiries, unavailable),
      readAdvices: guard(vault.updater.readAdvices, unavailable),
      sealAdvices: guard(vault.updater.sealAdvices, unavailable),
      renew: guard(vault.updater.renew, unavailable),
    },
    shred: guard(vault.shred, unavailable),
  }
  return { vault, port, sealed: store }
}

/** Keeps a vault running: when its process ends and nobody asked it to, another one is started on the same socket and port. */
import type { World } from '../world/world.ts'
import type { VaultSettings } from './settings.ts'
import { startVault } from './start.ts'

export type KeptVault = { readonly captureUrl: string; stop(): Promise<void> }

const firstWaitMs = 200
const longestWaitMs = 10_000

/** Throws if it cannot be started the first time; after that it is tried for as long as it takes. */
export async function keepVault(world: Pick<World, 'sleep' | 'log'>, settings: VaultSettings): Promise<KeptVault> {
  const first = await startVault(settings)
  // Port 0 was any port; from now on it is this one, which callers have been told.
  const again: VaultSettings = { ...settings, capturePort: Number(new URL(first.captureUrl).port) }
  const state = { current: first, stopped: false }
  const keep = async (): Promise<void> => {
    for (let waitMs = firstWaitMs; !state.stopped; ) {
      const reason = await state.current.ended
      if (state.stopped) return
      world.log.error('the vault ended and is started again', { reason })
      await world.sleep(waitMs)
      waitMs = Math.min(waitMs * 2, longestWaitMs)
      const started = state.stopped
        ? undefined
        : await startVault(again).catch(error => void world.log.error('the vault does not start', { error: String(error) }))
      if (started === undefined) continue
      state.current = started
      if (state.stopped) await started.stop()
      waitMs = firstWaitMs
    }
  }
  void keep()
  return {
    captureUrl: first.captureUrl,
    stop: async () => {
      state.stopped = true
      await state.current.stop()
    },
  }
}

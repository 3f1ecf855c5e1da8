/** What every channel's folder brings for the sandbox, loaded only where simulators are wanted: a server without a sandbox never sees them. */
import type { ChannelName } from './channel.ts'
import { channels } from './index.ts'
import { isRecord } from './json.ts'
import type { SandboxChannel } from './sandbox-channel.ts'

const isSandbox = (value: unknown): value is SandboxChannel =>
  isRecord(value) && [value.createSimulator, value.credentials, value.play].every(one => typeof one === 'function')

/** By channel, in the order of the list. Throws when a folder has no `sandbox.ts` with a `sandbox`: a channel without one is not done. */
export async function loadSandboxes(): Promise<ReadonlyMap<ChannelName, SandboxChannel>> {
  const loaded = await Promise.all(
    [...channels.keys()].map(async (name): Promise<readonly [ChannelName, SandboxChannel]> => {
      const folder: unknown = await import(`./${name}/sandbox.ts`)
      if (!isRecord(folder) || !isSandbox(folder.sandbox)) throw new TypeError(`channels/${name}/sandbox.ts has no sandbox`)
      return [name, folder.sandbox]
    }),
  )
  return new Map(loaded)
}

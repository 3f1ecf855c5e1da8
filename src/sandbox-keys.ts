/** What each simulated channel and our account there share, made once and kept beside the server's keys: what was signed yesterday still fits. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ChannelName } from './channels/channel.ts'
import type { Credentials, Making } from './channels/sandbox-channel.ts'
import { loadSandboxes } from './channels/sandbox-list.ts'

const texts = z.record(z.string(), z.string())
const shape = z.record(
  z.string(),
  z.strictObject({ secrets: texts, settings: texts, verifying: z.string(), signing: z.string(), simulator: texts.default({}) }),
)

export const sandboxKeysFile = 'sandbox-keys.json'

/** A channel that is new here gets its credentials now; those of the others stay. Throws when the file is there and is not what we wrote. */
export async function sandboxCredentials(folder: string, making: Making): Promise<ReadonlyMap<ChannelName, Credentials>> {
  const path = join(folder, sandboxKeysFile)
  const known = shape.safeParse(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {})
  if (!known.success)
    throw new Error(`${path} is damaged. Remove it: simulated channels then get new keys, and what they signed before is void.`)
  const sandboxes = await loadSandboxes()
  const all = new Map([...sandboxes].map(([name, sandbox]) => [name, known.data[name] ?? sandbox.credentials(making)]))
  if ([...all.keys()].some(name => known.data[name] === undefined)) {
    writeFileSync(`${path}.new`, JSON.stringify({ ...known.data, ...Object.fromEntries(all) }, null, 2), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  return all
}

/**
 * Keys of this deployment that are not the vault's: made once and kept beside the database's files, readable by us alone. The sandbox's
 * first API key is there too, so that what was printed yesterday still works today.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const hex = z.string().regex(/^[0-9a-f]{64}$/)
const shape = z.strictObject({
  idempotencyKey: hex,
  grantKey: hex,
  linkKey: hex,
  // Older files hold more here; the simulators' keys are in a file of their own by now.
  sandbox: z.object({ apiKey: z.string() }),
})

export type DeploymentSecrets = {
  readonly idempotencyKey: Buffer
  readonly grantKey: Buffer
  /** Proves the server to the vault and the vault to the server. */
  readonly linkKey: Buffer
  readonly sandbox: z.output<typeof shape>['sandbox']
}

export const secretsFile = 'server-keys.json'

/** Throws when the file is there and is not what we wrote: half a key is worse than none. `newApiKey` makes the sandbox's first key. */
export function deploymentSecrets(folder: string, random: (count: number) => Buffer, newApiKey: () => string): DeploymentSecrets {
  const path = join(folder, secretsFile)
  if (!existsSync(path)) {
    const draw = () => random(32).toString('hex')
    const fresh = {
      idempotencyKey: draw(),
      grantKey: draw(),
      linkKey: draw(),
      sandbox: { apiKey: newApiKey() },
    }
    writeFileSync(`${path}.new`, JSON.stringify(fresh, null, 2), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  const read = shape.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (!read.success)
    throw new Error(`${path} is damaged. Restore it from a backup: without it grants and Idempotency-Keys given out before are void.`)
  const { idempotencyKey, grantKey, linkKey, sandbox } = read.data
  const bytes = (text: string) => Buffer.from(text, 'hex')
  return { idempotencyKey: bytes(idempotencyKey), grantKey: bytes(grantKey), linkKey: bytes(linkKey), sandbox }
}

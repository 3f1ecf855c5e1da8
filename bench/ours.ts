/** Ours, in a process of its own: everything `npm start` starts (server, worker, vault), with a channel that answers from memory and no log line a request. */
import { z } from 'zod'
import { readConfig } from '../src/config.ts'
import { createKey, createTenant } from '../src/http/auth.ts'
import { type Parts, type Running, start } from '../src/main.ts'
import { createLog } from '../src/world/log.ts'
import { type Ready, settingsOf } from './child.ts'
import { memoryChannel } from './memory-channel.ts'

export type Ours = { readonly running: Running; readonly ready: Ready; readonly databaseUrl: string }

/** As the settings say that the parent gave. `parts`: what differs from `npm start` beside. */
export async function startOurs(parts: Partial<Parts> = {}): Promise<Ours> {
  const settings = settingsOf(z.object({ databaseUrl: z.string(), folder: z.string() }))
  const config = readConfig(
    {
      DATABASE_URL: settings.databaseUrl,
      DATA_FOLDER: settings.folder,
      PORT: '0',
      VAULT_CAPTURE_PORT: '0',
      SANDBOX: 'false',
      LOG_LEVEL: 'warn',
      STRIPE_TEST_SECRET_KEY: 'sk_test_bench',
      STRIPE_TEST_ADDRESS: 'https://api.stripe.example',
    },
    [memoryChannel],
  )
  const channels = new Map([[memoryChannel.name, memoryChannel]])
  const running = await start(config, createLog(config.logLevel), { channels, limits: { logRequests: false }, ...parts })
  return { running, ready: await readyOf(running), databaseUrl: settings.databaseUrl }
}

/** A tenant with a key, and where it is reached. */
export async function readyOf({ world, address, captureUrl }: Running): Promise<Ready> {
  const tenant = await createTenant(world, { name: 'Benchmark' })
  const { key } = await createKey(world, { tenant, mode: 'test', kind: 'secret' })
  return { address, captureUrl, apiKey: key, tenant, grantKey: world.settings.grantKey.toString('hex') }
}

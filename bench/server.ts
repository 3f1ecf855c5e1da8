/**
 * Ours: everything `npm start` starts (server, worker, vault process), with two differences: the channel answers from memory, and a request
 * writes no line into the log. Started by bind.ts.
 */
import { z } from 'zod'
import { readConfig } from '../src/config.ts'
import { createKey, createTenant } from '../src/http/auth.ts'
import { start } from '../src/main.ts'
import { createLog } from '../src/world/log.ts'
import { announce, settingsOf } from './child.ts'
import { memoryChannel } from './memory-channel.ts'

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
const running = await start(config, createLog(config.logLevel), {
  channels: new Map([[memoryChannel.name, memoryChannel]]),
  limits: { logRequests: false },
})
const tenant = await createTenant(running.world, { name: 'Benchmark' })
const { key } = await createKey(running.world, { tenant, mode: 'test', kind: 'secret' })
const { address, captureUrl, world } = running
announce({ address, captureUrl, apiKey: key, tenant, grantKey: world.settings.grantKey.toString('hex') }, () => running.stop())

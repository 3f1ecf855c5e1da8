/** The server whose overhead is measured: all that `npm start` starts, the channel's adapter included, against the upstream of overhead.ts. */
import { z } from 'zod'
import { channels } from '../src/channels/index.ts'
import { noSpecs } from '../src/channels/judge.ts'
import { readConfig } from '../src/config.ts'
import { start } from '../src/main.ts'
import { createLog } from '../src/world/log.ts'
import { announce, settingsOf } from './child.ts'
import { readyOf } from './ours.ts'

const settings = settingsOf(
  z.object({ databaseUrl: z.string(), folder: z.string(), account: z.record(z.string(), z.string()), route: z.string() }),
)
const config = readConfig(
  {
    DATABASE_URL: settings.databaseUrl,
    DATA_FOLDER: settings.folder,
    PORT: '0',
    VAULT_CAPTURE_PORT: '0',
    // Simulators of its own start too and are not used; plain http to loopback is allowed in the sandbox only.
    SANDBOX: 'true',
    SPECS_DIR: noSpecs,
    ROUTE: settings.route,
    LOG_LEVEL: 'warn',
    ...settings.account,
  },
  [...channels.values()],
)
const running = await start(config, createLog(config.logLevel), { channels, limits: { logRequests: false } })
announce(await readyOf(running), () => running.stop())

/** What the vault process is told by whoever starts it: one environment variable each. `start.ts` writes them, `serve.ts` reads them. */
import { z } from 'zod'
import type { ClientCertificates } from '../world/certificates.ts'
import type { DetokenizeQuota } from './detokenize.ts'
import type { WalletSettings } from './device-token/keys.ts'

const secretHex = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be 32 bytes in hex')
  .transform(text => Buffer.from(text, 'hex'))
const fromJson = z.string().transform((text, context) => {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' })
    return z.NEVER
  }
})
const quota = z.int().min(0).max(100_000)
const port = z.coerce.number().int().min(0).max(65_535)

const database = z.object({
  host: z.string().optional(),
  port: z.number().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  database: z.string().optional(),
  connectionString: z.string().optional(),
  options: z.string().optional(),
  ssl: z.union([z.boolean(), z.record(z.string(), z.unknown())]).optional(),
})

const apple = z.object({
  roots: z.array(z.string()).min(1),
  merchants: z.array(z.object({ certificate: z.string(), privateKey: z.string() })).min(1),
})
const googleRoot = z.object({ keyValue: z.string(), protocolVersion: z.string(), keyExpiration: z.string().exactOptional() })
const google = z.object({ roots: z.array(googleRoot).min(1), recipientId: z.string(), privateKeys: z.array(z.string()).min(1) })
const wallets = z.object({ apple: apple.exactOptional(), google: google.exactOptional() })

const certificates = z.array(
  z.tuple([z.string(), z.object({ certificate: z.string(), key: z.string(), authority: z.string().exactOptional() })]),
)

/** The 32 bytes of an X25519 key, in base64url. */
const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url')
export const keyPairShape = z.strictObject({ own: key, other: key })
const updatersShape = z.array(z.tuple([z.string().min(1).max(40), keyPairShape])).max(20)
/** By the updater's name: our private key and its public one. */
export type UpdaterSettings = z.output<typeof updatersShape>

const shape = z.object({
  VAULT_SOCKET: z.string().min(1).max(100),
  VAULT_LINK_KEY: secretHex,
  VAULT_GRANT_KEY: secretHex,
  VAULT_CAPTURE_HOST: z.string().default('127.0.0.1'),
  VAULT_CAPTURE_PORT: port,
  VAULT_DATABASE: fromJson.pipe(database),
  VAULT_DATA: z.string().min(1),
  VAULT_ORIGINS: fromJson.pipe(z.array(z.string())),
  VAULT_ALLOW_LOOPBACK: z.enum(['yes', 'no']),
  VAULT_PUBLIC_URL: z.string(),
  VAULT_WALLETS: fromJson.pipe(wallets).optional(),
  VAULT_WALLET_KEYS_FILE: z.string().min(1).optional(),
  VAULT_CERTIFICATES: fromJson.pipe(certificates).optional(),
  VAULT_UPDATERS: fromJson.pipe(updatersShape).optional(),
  VAULT_UPDATER_KEYS_FILE: z.string().min(1).optional(),
  VAULT_ROOT_FILE: z.string().min(1).optional(),
  VAULT_SHRED_LOG: z.string().min(1).optional(),
  VAULT_DETOKENIZE: fromJson.pipe(z.object({ perPerson: quota, perTenant: quota })).optional(),
  VAULT_LIVE: z.enum(['yes', 'no']).optional(),
  NODE_ENV: z.string().optional(),
})

export type VaultSettings = {
  /** Path of the Unix socket: at most 100 characters (the kernel's own limit is 107 on Linux, 103 on macOS). */
  readonly socketPath: string
  readonly linkKey: Buffer
  readonly grantKey: Buffer
  readonly captureHost: string
  /** 0: any free one. */
  readonly capturePort: number
  /** As `pg` takes it; the role `bindery_vault` is set in its options by whoever starts the vault. */
  readonly database: Readonly<Record<string, unknown>>
  /** Where the development root key lies. */
  readonly dataFolder: string
  /** The log of shreddings. Without it, `shreds.log` in `dataFolder`. */
  readonly shredLog?: string | undefined
  /** Origins of the configured channel accounts. */
  readonly origins: readonly string[]
  readonly allowLoopback: boolean
  readonly publicUrl: string
  /** Keys that open tokens of Apple Pay and Google Pay; without them none is taken. The sandbox's own: live ones come in a file. */
  readonly wallets?: WalletSettings | undefined
  /** Where live ones lie: read by the vault alone. They take the place of `wallets`. */
  readonly walletKeysFile?: string | undefined
  /** What is shown of us to channels that let nobody else in, by origin. */
  readonly certificates?: ClientCertificates | undefined
  /** Keys of account updaters; without them no file of card numbers is written. */
  readonly updaters?: UpdaterSettings | undefined
  /** Where live ones lie: read by the vault alone. */
  readonly updaterKeysFile?: string | undefined
  /** Which root (`root-settings.ts`): read by the vault alone. Without it, the development file's. */
  readonly rootFile?: string | undefined
  /** There are accounts of live mode: it is as strict with itself as in production. */
  readonly live?: boolean | undefined
  /** How often a day numbers may be given out in the clear. */
  readonly detokenize?: DetokenizeQuota | undefined
}

/** Throws an Error that lists every mistake, without the values. */
export function readSettings(env: NodeJS.ProcessEnv): VaultSettings & { readonly production: boolean } {
  const result = shape.safeParse(env)
  if (!result.success) throw new Error(result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
  const read = result.data
  return {
    socketPath: read.VAULT_SOCKET,
    linkKey: read.VAULT_LINK_KEY,
    grantKey: read.VAULT_GRANT_KEY,
    captureHost: read.VAULT_CAPTURE_HOST,
    capturePort: read.VAULT_CAPTURE_PORT,
    database: read.VAULT_DATABASE,
    dataFolder: read.VAULT_DATA,
    origins: read.VAULT_ORIGINS,
    allowLoopback: read.VAULT_ALLOW_LOOPBACK === 'yes',
    publicUrl: read.VAULT_PUBLIC_URL,
    wallets: read.VAULT_WALLETS,
    walletKeysFile: read.VAULT_WALLET_KEYS_FILE,
    certificates: read.VAULT_CERTIFICATES === undefined ? undefined : new Map(read.VAULT_CERTIFICATES),
    updaters: read.VAULT_UPDATERS,
    updaterKeysFile: read.VAULT_UPDATER_KEYS_FILE,
    rootFile: read.VAULT_ROOT_FILE,
    shredLog: read.VAULT_SHRED_LOG,
    detokenize: read.VAULT_DETOKENIZE,
    live: read.VAULT_LIVE === 'yes',
    production: read.NODE_ENV === 'production',
  }
}

export function writeSettings(settings: VaultSettings): Record<string, string> {
  return {
    VAULT_SOCKET: settings.socketPath,
    VAULT_LINK_KEY: settings.linkKey.toString('hex'),
    VAULT_GRANT_KEY: settings.grantKey.toString('hex'),
    VAULT_CAPTURE_HOST: settings.captureHost,
    VAULT_CAPTURE_PORT: String(settings.capturePort),
    VAULT_DATABASE: JSON.stringify(settings.database),
    VAULT_DATA: settings.dataFolder,
    VAULT_ORIGINS: JSON.stringify(settings.origins),
    VAULT_ALLOW_LOOPBACK: settings.allowLoopback ? 'yes' : 'no',
    VAULT_PUBLIC_URL: settings.publicUrl,
    ...(settings.wallets === undefined ? {} : { VAULT_WALLETS: JSON.stringify(settings.wallets) }),
    ...(settings.walletKeysFile === undefined ? {} : { VAULT_WALLET_KEYS_FILE: settings.walletKeysFile }),
    ...(settings.updaterKeysFile === undefined ? {} : { VAULT_UPDATER_KEYS_FILE: settings.updaterKeysFile }),
    ...(settings.shredLog === undefined ? {} : { VAULT_SHRED_LOG: settings.shredLog }),
    ...(settings.live === true ? { VAULT_LIVE: 'yes' } : {}),
    ...(settings.detokenize === undefined ? {} : { VAULT_DETOKENIZE: JSON.stringify(settings.detokenize) }),
    ...(settings.rootFile === undefined ? {} : { VAULT_ROOT_FILE: settings.rootFile }),
    ...(settings.updaters === undefined ? {} : { VAULT_UPDATERS: JSON.stringify(settings.updaters) }),
    ...(settings.certificates === undefined ? {} : { VAULT_CERTIFICATES: JSON.stringify([...settings.certificates]) }),
  }
}

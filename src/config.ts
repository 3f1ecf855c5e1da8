/**
 * The environment, read once into one frozen, typed object. All mistakes are reported at once, each with the variable's name, what is
 * wrong and an example. `configReference` prints the same table for people. Values of secrets are never repeated in a message.
 */
import { existsSync } from 'node:fs'
import { z } from 'zod'
import type { ChannelName } from './channels/channel.ts'
import { type AccountNeeds, type Accounts, accountReference, readAccounts } from './config-accounts.ts'
import { Secret } from './core/secret.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export type Config = {
  readonly production: boolean
  /** Absent: the embedded server in `dataFolder`. Holds a password. */
  readonly databaseUrl: Secret | undefined
  readonly dataFolder: string
  /** Where the embedded server's log and the log of shreddings are kept for restores. */
  readonly archiveFolder: string | undefined
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Without a closing slash. Absent: to be made of host and port once the server listens. */
  readonly publicUrl: string | undefined
  readonly vaultCapturePort: number
  /** Where browsers reach the capture port. Absent: where it listens. */
  readonly captureUrl: string | undefined
  readonly sandbox: boolean
  readonly specsFolder: string
  /** How many proxies in front of us write X-Forwarded-For. */
  readonly trustedProxies: number
  readonly bodyLimitBytes: number
  readonly channelTimeoutMs: number
  readonly route: readonly ChannelName[]
  readonly customersPerInstrument: number
  /** How long a second person has to approve a sensitive act, and whether test mode asks for one. */
  readonly fourEyes: { readonly minutes: number; readonly inTest: boolean }
  readonly detokenize: { readonly perPerson: number; readonly perTenant: number }
  readonly logLevel: z.output<typeof shape>['LOG_LEVEL']
  readonly rootKeyFile: string | undefined
  /** Which root key the vault has: read by the vault, and by nobody else. */
  readonly vaultRootFile: string | undefined
  /** Read by the vault, and by nobody else. */
  readonly walletKeysFile: string | undefined
  /** The account updater of live mode, by the name of its keys in the file, which the vault alone reads. */
  readonly updater: string | undefined
  readonly updaterKeysFile: string | undefined
  /** What an operator adds to the safeguards: a captcha's service, a table of autonomous systems. */
  readonly captchaFile: string | undefined
  readonly systemsFile: string | undefined
  readonly accounts: Accounts
}

/** The message has one mistake a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
    super(`The configuration has ${count}:\n${mistakes.map(one => `  - ${one}`).join('\n')}`)
    this.mistakes = mistakes
  }
}

/** From the process's environment and from `.env` in the current folder, which sets only what is not set already. */
export function loadConfig(channels: readonly AccountNeeds[]): Config {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return readConfig(process.env, channels)
}

/** Throws `ConfigError`. A variable that is empty counts as not set. */
export function readConfig(environment: Environment, channels: readonly AccountNeeds[]): Config {
  const entries = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || value.trim() === '' ? [] : [[name, value.trim()]],
  )
  const set: Readonly<Record<string, string>> = Object.fromEntries(entries)
  const known = channels.map(channel => channel.name)
  const parsed = shape.safeParse(set)
  const accounts = readAccounts(set, channels, isSandbox(set))
  const route = readRoute(set, known)
  const mistakes = [
    ...(parsed.success ? [] : parsed.error.issues.map(issue => complaint(issue, set))),
    ...together(set),
    ...route.mistakes,
    ...accounts.mistakes,
  ]
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(mistakes)
  const read = parsed.data
  return Object.freeze({
    production: read.NODE_ENV === 'production',
    databaseUrl: read.DATABASE_URL === undefined ? undefined : new Secret(read.DATABASE_URL),
    dataFolder: read.DATA_FOLDER,
    archiveFolder: read.ARCHIVE_FOLDER,
    host: read.HOST,
    port: read.PORT,
    publicUrl: read.PUBLIC_URL,
    vaultCapturePort: read.VAULT_CAPTURE_PORT,
    captureUrl: read.CAPTURE_URL,
    sandbox: isSandbox(set),
    specsFolder: read.SPECS_DIR,
    trustedProxies: read.TRUSTED_PROXIES,
    bodyLimitBytes: read.BODY_LIMIT_BYTES,
    channelTimeoutMs: read.CHANNEL_TIMEOUT_MS,
    route: route.route,
    customersPerInstrument: read.CUSTOMERS_PER_INSTRUMENT ?? (isSandbox(set) ? sandboxCustomers : 2),
    fourEyes: { minutes: read.APPROVAL_MINUTES, inTest: read.APPROVALS_IN_TEST === 'true' },
    detokenize: { perPerson: read.DETOKENIZE_PER_PERSON, perTenant: read.DETOKENIZE_PER_TENANT },
    logLevel: read.LOG_LEVEL,
    rootKeyFile: read.ROOT_KEY_FILE,
    vaultRootFile: read.VAULT_ROOT_FILE,
    walletKeysFile: read.WALLET_KEYS_FILE,
    updater: read.UPDATER,
    updaterKeysFile: read.UPDATER_KEYS_FILE,
    captchaFile: read.CAPTCHA_FILE,
    systemsFile: read.SYSTEMS_FILE,
    accounts: accounts.accounts,
  })
}

/** Everybody tries the few test cards there are. */
const sandboxCustomers = 100

const whole = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,12}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine(value => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)
    .default(fallback)

const address = z
  .url({ protocol: /^https?$/, error: 'must be an address that begins with https:// (or http://)' })
  .refine(text => !/[?#]/.test(text), 'must have no ? or #')
  .transform(text => text.replace(/\/+$/, ''))

const logLevels = ['info', 'warn', 'error', 'silent'] as const
const environments = ['development', 'test', 'production'] as const
const oneOf = (values: readonly string[]): string => `must be one of ${values.join(', ')}`

const shape = z.object({
  NODE_ENV: z.enum(environments, oneOf(environments)).default('development'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/./, 'must begin with postgres://')
    .refine(URL.canParse, 'is not an address (are special characters in the password written as %40 and the like?)')
    .optional(),
  DATA_FOLDER: z.string().default('.bindery'),
  ARCHIVE_FOLDER: z.string().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65_535, 8080),
  PUBLIC_URL: address.optional(),
  VAULT_CAPTURE_PORT: whole(0, 65_535, 8081),
  CAPTURE_URL: address.refine(text => text.endsWith('/capture'), 'must end with /capture').optional(),
  SANDBOX: z.enum(['true', 'false'], 'must be true or false').optional(),
  SPECS_DIR: z.string().default('../shared/specs'),
  TRUSTED_PROXIES: whole(0, 10, 0),
  BODY_LIMIT_BYTES: whole(1024, 10_485_760, 65_536),
  CHANNEL_TIMEOUT_MS: whole(100, 60_000, 5000),
  ROUTE: z.string().optional(),
  CUSTOMERS_PER_INSTRUMENT: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .optional(),
  APPROVAL_MINUTES: whole(15, 1_440, 30),
  APPROVALS_IN_TEST: z.enum(['true', 'false'], 'must be true or false').optional(),
  DETOKENIZE_PER_PERSON: whole(0, 1_000, 20),
  DETOKENIZE_PER_TENANT: whole(0, 10_000, 100),
  LOG_LEVEL: z.enum(logLevels, oneOf(logLevels)).default('info'),
  ROOT_KEY_FILE: z.string().optional(),
  VAULT_ROOT_FILE: z.string().refine(existsSync, 'names a file that is not there').optional(),
  WALLET_KEYS_FILE: z.string().refine(existsSync, 'names a file that is not there').optional(),
  UPDATER: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,39}$/, 'must be a name of lower-case letters, digits and _')
    .optional(),
  UPDATER_KEYS_FILE: z.string().refine(existsSync, 'names a file that is not there').optional(),
  CAPTCHA_FILE: z.string().refine(existsSync, 'names a file that is not there').optional(),
  SYSTEMS_FILE: z.string().refine(existsSync, 'names a file that is not there').optional(),
})

type Name = keyof typeof shape.shape

/** What each variable is for, with an example that is valid. */
const described: Readonly<Record<Name, { readonly example: string; readonly about: string }>> = {
  NODE_ENV: { example: 'production', about: 'development (default), test or production' },
  DATABASE_URL: {
    example: 'postgres://bindery:secret@db.internal:5432/bindery',
    about: 'PostgreSQL 15 or later; without it an embedded one in DATA_FOLDER',
  },
  DATA_FOLDER: { example: '/var/lib/bindery', about: 'where the embedded database and development keys are kept; default .bindery' },
  ARCHIVE_FOLDER: {
    example: '/backup/bindery',
    about: 'on another disk: where the log of the embedded database and the log of shreddings are kept, for restores to a second',
  },
  HOST: { example: '0.0.0.0', about: 'address to listen on; default 127.0.0.1' },
  PORT: { example: '8080', about: 'port of the API; 0 takes any free one; default 8080' },
  PUBLIC_URL: { example: 'https://pay.example.com', about: 'where browsers and channels reach this server; required in production' },
  VAULT_CAPTURE_PORT: { example: '8081', about: 'port where the vault takes card numbers; 0 takes any free one; default 8081' },
  CAPTURE_URL: {
    example: 'https://vault.pay.example.com/capture',
    about: 'where browsers reach that port, which also serves the hosted page (/bind); default: where it listens',
  },
  SANDBOX: { example: 'true', about: 'start simulated channels for test mode; default true, in production false' },
  SPECS_DIR: {
    example: '../shared/specs',
    about: "folder of the channels' official specifications, by which the simulators are judged; `none`: without a judge",
  },
  TRUSTED_PROXIES: { example: '1', about: 'how many proxies in front of this server write X-Forwarded-For; default 0' },
  BODY_LIMIT_BYTES: { example: '65536', about: 'largest request body; default 65536' },
  CHANNEL_TIMEOUT_MS: { example: '5000', about: 'how long a channel may take to answer, in milliseconds; default 5000' },
  ROUTE: { example: 'stripe,adyen', about: 'channels to try, in order, when the caller names none; default: all that there are' },
  CUSTOMERS_PER_INSTRUMENT: {
    example: '2',
    about:
      'how many customers of one tenant may have the same card or account, unless the tenant says otherwise; default 2, in the sandbox 100',
  },
  APPROVAL_MINUTES: { example: '30', about: 'how long a second person has to approve a sensitive act, 15 to 1440; default 30' },
  APPROVALS_IN_TEST: { example: 'true', about: 'whether sensitive acts take two persons in test mode too; in live mode they always do' },
  DETOKENIZE_PER_PERSON: { example: '20', about: 'how many numbers one person may be given in the clear in a day; 0: none; default 20' },
  DETOKENIZE_PER_TENANT: { example: '100', about: 'how many numbers a tenant’s people may be given in the clear in a day; default 100' },
  LOG_LEVEL: { example: 'info', about: `${logLevels.join(', ')}; default info` },
  ROOT_KEY_FILE: { example: '.bindery/root.key', about: "the vault's root key as a file: for development only" },
  VAULT_ROOT_FILE: {
    example: '/etc/bindery/vault-root.json',
    about: "where the vault's root key is: in shares, in a key store (transit) or in a token (PKCS#11); required in production",
  },
  WALLET_KEYS_FILE: {
    example: '/etc/bindery/wallet-keys.json',
    about: "keys that open tokens of Apple Pay and Google Pay, read by the vault alone; they take the place of the sandbox's own wallet",
  },
  UPDATER: {
    example: 'visa',
    about: 'the account updater of live mode, by its name in UPDATER_KEYS_FILE; without it live cards are not asked about',
  },
  UPDATER_KEYS_FILE: {
    example: '/etc/bindery/updater-keys.json',
    about: 'keys by which files to and from account updaters are sealed, read by the vault alone',
  },
  CAPTCHA_FILE: {
    example: '/etc/bindery/captcha.json',
    about: 'verify_url and secret of a captcha service, in place of the proof of work',
  },
  SYSTEMS_FILE: { example: '/etc/bindery/ip2asn.tsv', about: 'which autonomous system an address belongs to (docs/safeguards.md)' },
}

const secretNames: readonly string[] = ['DATABASE_URL']

function complaint(issue: z.core.$ZodIssue, set: Readonly<Record<string, string>>): string {
  const name = String(issue.path[0])
  const example = Object.entries(described).find(([key]) => key === name)?.[1].example ?? ''
  const given = secretNames.includes(name) ? '' : ` (it is ${JSON.stringify(set[name])})`
  return `${name} ${issue.message}${given}, for example ${name}=${example}`
}

/** Unless said otherwise, simulated channels belong to development and not to production. */
const isSandbox = (set: Readonly<Record<string, string>>): boolean =>
  (set.SANDBOX ?? (set.NODE_ENV === 'production' ? 'false' : 'true')) !== 'false'

/** What is wrong only because of another variable. Judged by the texts, so that it is said beside all other mistakes. */
function together(set: Readonly<Record<string, string>>): string[] {
  const mistakes: string[] = []
  if ((set.UPDATER === undefined) !== (set.UPDATER_KEYS_FILE === undefined))
    mistakes.push('UPDATER and UPDATER_KEYS_FILE go together, for example UPDATER=visa UPDATER_KEYS_FILE=/etc/bindery/updater-keys.json')
  const port = set.PORT ?? '8080'
  if (port !== '0' && port === (set.VAULT_CAPTURE_PORT ?? '8081'))
    mistakes.push(`VAULT_CAPTURE_PORT must differ from PORT (both are ${port}), for example VAULT_CAPTURE_PORT=8081`)
  if (set.NODE_ENV !== 'production') return mistakes
  if (set.PUBLIC_URL === undefined) mistakes.push('PUBLIC_URL is required in production, for example PUBLIC_URL=https://pay.example.com')
  else if (set.PUBLIC_URL.startsWith('http://'))
    mistakes.push('PUBLIC_URL must begin with https:// in production, for example PUBLIC_URL=https://pay.example.com')
  if (set.ROOT_KEY_FILE !== undefined) mistakes.push('ROOT_KEY_FILE is for development: remove it when NODE_ENV=production')
  return mistakes
}

function readRoute(
  set: Readonly<Record<string, string>>,
  known: readonly ChannelName[],
): { route: readonly ChannelName[]; mistakes: string[] } {
  if (set.ROUTE === undefined) return { route: known, mistakes: [] }
  const asked = set.ROUTE.split(',').map(one => one.trim())
  const route = asked.flatMap(one => known.filter(name => name === one))
  const example = `for example ROUTE=${known.join(',')}`
  const unknown = asked
    .filter(one => !known.some(name => name === one))
    .map(one => `ROUTE names ${JSON.stringify(one)}, which is no channel, ${example}`)
  const twice = new Set(asked.filter((one, i) => asked.indexOf(one) !== i))
  return { route, mistakes: [...unknown, ...[...twice].map(one => `ROUTE names ${one} twice, ${example}`)] }
}

/** Every variable with what it is for: what `--help` prints. */
export function configReference(channels: readonly AccountNeeds[]): string {
  const rows = [
    ...Object.entries(described).map(([name, { example, about }]) => [`${name}=${example}`, about] as const),
    ...accountReference(channels),
  ]
  const width = Math.max(...rows.map(([left]) => left.length))
  return `${rows.map(([left, about]) => `${left.padEnd(width)}  ${about}`).join('\n')}\n`
}

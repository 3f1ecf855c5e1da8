import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { createCertificate } from './channels/certificate.ts'
import { ConfigError, configReference, type Environment, readConfig } from './config.ts'
import type { AccountNeeds } from './config-accounts.ts'
import { newKeyPair } from './world/keypair.ts'

const channels: readonly AccountNeeds[] = [
  { name: 'stripe', account: { secrets: ['secretKey'], settings: [] }, webhook: true },
  { name: 'adyen', account: { secrets: ['apiKey'], settings: ['merchantAccount'] }, webhook: true },
]
const read = (environment: Environment = {}): ReturnType<typeof readConfig> => readConfig(environment, channels)

function mistakesOf(environment: Environment): readonly string[] {
  try {
    read(environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.mistakes
  }
  assert.fail('no mistake was found')
}

const stripeTest = {
  STRIPE_TEST_SECRET_KEY: 'sk_test_abc',
  STRIPE_TEST_ADDRESS: 'https://api.stripe.com/',
  STRIPE_TEST_WEBHOOK_SECRETS: 'whsec_new, whsec_old',
}

test('an empty environment is a complete development configuration', () => {
  const config = read()
  assert.deepEqual(
    { ...config, accounts: undefined },
    {
      production: false,
      customersPerInstrument: 100,
      fourEyes: { minutes: 30, inTest: false },
      detokenize: { perPerson: 20, perTenant: 100 },
      databaseUrl: undefined,
      dataFolder: '.bindery',
      archiveFolder: undefined,
      host: '127.0.0.1',
      port: 8080,
      publicUrl: undefined,
      vaultCapturePort: 8081,
      captureUrl: undefined,
      sandbox: true,
      specsFolder: '../shared/specs',
      trustedProxies: 0,
      bodyLimitBytes: 65_536,
      channelTimeoutMs: 5000,
      route: ['stripe', 'adyen'],
      logLevel: 'info',
      rootKeyFile: undefined,
      vaultRootFile: undefined,
      updater: undefined,
      updaterKeysFile: undefined,
      captchaFile: undefined,
      systemsFile: undefined,
      walletKeysFile: undefined,
      accounts: undefined,
    },
  )
  assert.deepEqual(config.accounts.get('stripe'), {})
  assert.ok(Object.isFrozen(config))
})

test('all mistakes are reported at once, each with its name and an example', () => {
  const wrong: Environment = {
    NODE_ENV: 'prod',
    DATABASE_URL: 'mysql://root:hunter2@db/x',
    PORT: '80800',
    VAULT_CAPTURE_PORT: '-1',
    CAPTURE_URL: 'https://vault.example/cards',
    PUBLIC_URL: 'pay.example.com',
    SANDBOX: 'yes',
    TRUSTED_PROXIES: '1.5',
    BODY_LIMIT_BYTES: '64k',
    CHANNEL_TIMEOUT_MS: '1e3',
    ROUTE: 'stripe,paypal,stripe',
    LOG_LEVEL: 'loud',
    STRIPE_LIVE_SECRET_KEY: 'sk_live_xyz',
    ADYEN_LIVE_ADDRESS: 'http://127.0.0.1:9000',
  }
  const mistakes = mistakesOf(wrong)
  for (const name of Object.keys(wrong).filter(key => key !== 'STRIPE_LIVE_SECRET_KEY'))
    assert.ok(
      mistakes.some(one => one.startsWith(`${name} `)),
      `${name} is not in\n${mistakes.join('\n')}`,
    )
  for (const name of ['STRIPE_LIVE_ADDRESS', 'STRIPE_LIVE_WEBHOOK_SECRETS', 'ADYEN_LIVE_API_KEY', 'ADYEN_LIVE_MERCHANT_ACCOUNT'])
    assert.ok(
      mistakes.some(one => one.startsWith(`${name} is required`)),
      name,
    )
  assert.equal(mistakes.length, 19, mistakes.join('\n'))
  for (const one of mistakes) assert.match(one, /for example [A-Z_]+=\S/)
  assert.doesNotMatch(mistakes.join('\n'), /hunter2|sk_live/, 'a secret is not repeated')
})

test('every example in the reference is valid', () => {
  const reference = configReference(channels)
  const environment = Object.fromEntries(
    reference
      .trim()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).split('  ')[0] ?? '']),
  )
  assert.ok(Object.keys(environment).length > 20)
  const { ROOT_KEY_FILE, VAULT_ROOT_FILE, WALLET_KEYS_FILE, UPDATER_KEYS_FILE, UPDATER, CAPTCHA_FILE, SYSTEMS_FILE, ...rest } = environment
  assert.deepEqual([CAPTCHA_FILE, SYSTEMS_FILE], ['/etc/bindery/captcha.json', '/etc/bindery/ip2asn.tsv'])
  assert.deepEqual([UPDATER, UPDATER_KEYS_FILE], ['visa', '/etc/bindery/updater-keys.json'])
  assert.equal(WALLET_KEYS_FILE, '/etc/bindery/wallet-keys.json')
  assert.equal(ROOT_KEY_FILE, '.bindery/root.key')
  assert.equal(VAULT_ROOT_FILE, '/etc/bindery/vault-root.json')
  assert.equal(read(rest).production, true)
})

test('production wants a public address over https, no simulators and no key in a file', () => {
  const base = { NODE_ENV: 'production', PUBLIC_URL: 'https://pay.example.com' }
  assert.equal(read(base).sandbox, false)
  assert.equal(read({ ...base, SANDBOX: 'true' }).sandbox, true)
  assert.match(mistakesOf({ NODE_ENV: 'production' }).join(), /PUBLIC_URL is required/)
  assert.match(mistakesOf({ ...base, PUBLIC_URL: 'http://pay.example.com' }).join(), /PUBLIC_URL must begin with https/)
  assert.match(mistakesOf({ ...base, ROOT_KEY_FILE: 'key' }).join(), /ROOT_KEY_FILE is for development/)
})

test('an account is read under the names its channel gives, optional ones included, and its secrets do not show', () => {
  const { accounts } = read({
    ...stripeTest,
    ADYEN_TEST_API_KEY: 'AQE-secret',
    ADYEN_TEST_MERCHANT_ACCOUNT: 'BinderyECOM',
    ADYEN_TEST_ADDRESS: 'http://127.0.0.1:9000',
    ADYEN_TEST_WEBHOOK_SECRETS: '44782DEF',
    ADYEN_TEST_WEBHOOK_USER: 'adyen',
    ADYEN_TEST_WEBHOOK_PASSWORD: 'hunter2',
  })
  const stripe = accounts.get('stripe')
  assert.equal(stripe?.live, undefined)
  assert.equal(stripe?.test?.address, 'https://api.stripe.com')
  assert.equal(stripe?.test?.secrets.secretKey?.reveal(), 'sk_test_abc')
  assert.deepEqual(
    stripe?.test?.webhookSecrets.map(secret => secret.reveal()),
    ['whsec_new', 'whsec_old'],
  )
  const adyen = accounts.get('adyen')?.test
  assert.deepEqual(adyen?.settings, { merchantAccount: 'BinderyECOM', webhookUser: 'adyen' })
  assert.equal(adyen?.secrets.webhookPassword?.reveal(), 'hunter2')
  assert.doesNotMatch(inspect(accounts, { depth: 9 }) + JSON.stringify([...accounts]), /sk_test|hunter2|AQE|whsec|44782DEF/)
})

test('a client certificate is a secret in PEM, in one line or several, and half of one or another’s key is a mistake', () => {
  const made = (serial: number) => {
    const keyPair = newKeyPair('ec-p256')
    const validity = { notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2126, 0, 1) }
    return { pem: createCertificate({ keyPair, commonName: 'merchant', serial, ...validity }).pem, key: keyPair.privateKey }
  }
  const [mine, other] = [made(1), made(2)]
  const folded = (pem: string): string => pem.replaceAll('\n', '\\n')
  const given = { ...stripeTest, STRIPE_TEST_CLIENT_CERTIFICATE: folded(mine.pem), STRIPE_TEST_CLIENT_KEY: mine.key }
  const account = read({ ...given, STRIPE_TEST_SERVER_AUTHORITY: other.pem }).accounts.get('stripe')?.test
  assert.equal(account?.secrets.clientCertificate?.reveal().trim(), mine.pem.trim())
  assert.equal(account?.secrets.serverAuthority?.reveal().trim(), other.pem.trim())
  const { STRIPE_TEST_CLIENT_KEY: _key, ...half } = given
  assert.match(mistakesOf(half).join(), /STRIPE_TEST_CLIENT_KEY is needed beside STRIPE_TEST_CLIENT_CERTIFICATE/)
  assert.match(mistakesOf({ ...given, STRIPE_TEST_CLIENT_KEY: other.key }).join(), /is not the key of STRIPE_TEST_CLIENT_CERTIFICATE/)
  const wrong = mistakesOf({ ...given, STRIPE_TEST_CLIENT_CERTIFICATE: 'hunter2', STRIPE_TEST_SERVER_AUTHORITY: 'hunter2' })
  assert.equal(wrong.length, 2)
  assert.doesNotMatch(wrong.join(), /hunter2/)
})

test('a file of wallet keys is named by its path, and has to be there', () => {
  assert.equal(read({ WALLET_KEYS_FILE: 'package.json' }).walletKeysFile, 'package.json')
  assert.equal(read({ UPDATER: 'visa', UPDATER_KEYS_FILE: 'package.json' }).updater, 'visa')
  assert.match(mistakesOf({ UPDATER: 'visa' }).join(), /go together/)
  assert.match(mistakesOf({ WALLET_KEYS_FILE: '/nowhere/keys.json' }).join(), /WALLET_KEYS_FILE names a file that is not there/)
})

test('card data does not leave in the clear', () => {
  assert.match(mistakesOf({ ...stripeTest, STRIPE_TEST_ADDRESS: 'http://api.stripe.com' }).join(), /must begin with https/)
  assert.match(
    mistakesOf({ ...stripeTest, STRIPE_TEST_ADDRESS: 'http://127.0.0.1:9000', SANDBOX: 'false' }).join(),
    /must begin with https/,
  )
  assert.match(mistakesOf({ ...stripeTest, STRIPE_TEST_ADDRESS: 'ftp://x' }).join(), /must be an address/)
})

test('two servers cannot have one port, but each can have any', () => {
  assert.match(mistakesOf({ PORT: '9000', VAULT_CAPTURE_PORT: '9000' }).join(), /VAULT_CAPTURE_PORT must differ from PORT/)
  assert.equal(read({ PORT: '0', VAULT_CAPTURE_PORT: '0' }).port, 0)
})

test('an empty variable counts as not set, and blanks around a value do not count', () => {
  assert.equal(read({ PORT: '', DATABASE_URL: '  ' }).port, 8080)
  assert.equal(read({ PORT: ' 9000 ' }).port, 9000)
})

test('the database address is a secret, since it holds a password', () => {
  const config = read({ DATABASE_URL: 'postgres://u:hunter2@db/x' })
  assert.equal(config.databaseUrl?.reveal(), 'postgres://u:hunter2@db/x')
  assert.doesNotMatch(inspect(config), /hunter2/)
})

/**
 * Accounts at channels, one for test and one for live, from variables named after what each channel says it needs:
 * `STRIPE_LIVE_SECRET_KEY`, `ADYEN_TEST_MERCHANT_ACCOUNT`, …, with `_ADDRESS` and `_WEBHOOK_SECRETS` for every channel. An account
 * exists when any of its variables is set, and is then complete or a mistake. Further variables of an account are its optional settings.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Channel, ChannelAccount, ChannelName } from './channels/channel.ts'
import { Secret } from './core/secret.ts'

export type AccountNeeds = Pick<Channel, 'name' | 'account'> & { readonly webhook?: unknown }
export type Accounts = ReadonlyMap<ChannelName, Readonly<Partial<Record<(typeof modes)[number], ChannelAccount>>>>

const modes = ['test', 'live'] as const
type Set = Readonly<Record<string, string>>

export function readAccounts(
  set: Set,
  channels: readonly AccountNeeds[],
  sandbox: boolean,
): { readonly accounts: Accounts; readonly mistakes: readonly string[] } {
  const mistakes: string[] = []
  const accounts = new Map(
    channels.map(channel => {
      const [test, live] = modes.map(mode => readAccount(set, channel, mode, sandbox, mistakes))
      return [channel.name, Object.freeze({ ...(test === undefined ? {} : { test }), ...(live === undefined ? {} : { live }) })] as const
    }),
  )
  return { accounts, mistakes }
}

const prefixOf = (channel: AccountNeeds, mode: string): string => `${channel.name}_${mode}_`.toUpperCase()
/** `merchantAccount` → `MERCHANT_ACCOUNT` */
const upper = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
const camel = (name: string): string => name.toLowerCase().replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
/** An optional variable that is named like a secret is kept as one. */
const looksSecret = (name: string): boolean => /(KEY|SECRET|PASSWORD|TOKEN|CERTIFICATE|AUTHORITY)$/.test(name)
/** PEM in one line, as environments like it: its line breaks written as \\n. */
const unfolded = (value: string): string => (value.startsWith('-----BEGIN ') ? value.replaceAll('\\n', '\n') : value)

function readAccount(set: Set, channel: AccountNeeds, mode: string, sandbox: boolean, mistakes: string[]): ChannelAccount | undefined {
  const prefix = prefixOf(channel, mode)
  const own = Object.fromEntries(
    Object.entries(set).flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), unfolded(value)]] : [])),
  )
  if (Object.keys(own).length === 0) return undefined
  for (const { name, example } of required(channel))
    if (own[name] === undefined)
      mistakes.push(`${prefix}${name} is required once any ${prefix}… is set, for example ${prefix}${name}=${example}`)
  mistakes.push(...certificateMistakes(prefix, own))
  const { ADDRESS: address = '', WEBHOOK_SECRETS: webhookSecrets = '', ...rest } = own
  if (address !== '') mistakes.push(...addressMistakes(`${prefix}ADDRESS`, address, mode === 'test' && sandbox))
  const wanted = channel.account.secrets.map(upper)
  const isSecret = (name: string): boolean =>
    wanted.includes(name) || (looksSecret(name) && !channel.account.settings.map(upper).includes(name))
  const pairs = Object.entries(rest)
  return Object.freeze({
    address: address.replace(/\/+$/, ''),
    secrets: Object.freeze(
      Object.fromEntries(pairs.flatMap(([name, value]) => (isSecret(name) ? [[camel(name), new Secret(value)]] : []))),
    ),
    settings: Object.freeze(Object.fromEntries(pairs.flatMap(([name, value]) => (isSecret(name) ? [] : [[camel(name), value]])))),
    webhookSecrets: Object.freeze(listOf(webhookSecrets).map(value => new Secret(value))),
  })
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map(one => one.trim())
    .filter(one => one !== '')

function required(channel: AccountNeeds): readonly { readonly name: string; readonly example: string; readonly about: string }[] {
  return [
    ...channel.account.secrets.map(name => ({ name: upper(name), example: '…', about: 'secret' })),
    ...channel.account.settings.map(name => ({ name: upper(name), example: '…', about: 'setting' })),
    { name: 'ADDRESS', example: `https://api.${channel.name}.example`, about: "where the channel's API is" },
    ...(channel.webhook === undefined
      ? []
      : [
          {
            name: 'WEBHOOK_SECRETS',
            example: 'current,previous',
            about: 'secrets that its webhooks are signed with, the current one first',
          },
        ]),
  ]
}

/** Both halves of what is shown to a channel that lets nobody else in, and fitting each other. */
function certificateMistakes(prefix: string, own: Set): string[] {
  const { CLIENT_CERTIFICATE: certificate, CLIENT_KEY: key, SERVER_AUTHORITY: authority } = own
  const pem = (name: string): string => `for example ${prefix}${name}='-----BEGIN …-----\\n…'`
  const parts = [
    { name: 'CLIENT_CERTIFICATE', value: certificate, read: (text: string) => new X509Certificate(text), what: 'certificate' },
    { name: 'CLIENT_KEY', value: key, read: (text: string) => createPrivateKey(text), what: 'private key' },
    { name: 'SERVER_AUTHORITY', value: authority, read: (text: string) => new X509Certificate(text), what: 'certificate' },
  ]
  const mistakes = parts.flatMap(({ name, value, read, what }) =>
    value === undefined || reads(value, read) ? [] : [`${prefix}${name} is no ${what} in PEM, ${pem(name)}`],
  )
  if (certificate === undefined && key !== undefined)
    mistakes.push(`${prefix}CLIENT_CERTIFICATE is needed beside ${prefix}CLIENT_KEY, ${pem('CLIENT_CERTIFICATE')}`)
  if (certificate !== undefined && key === undefined)
    mistakes.push(`${prefix}CLIENT_KEY is needed beside ${prefix}CLIENT_CERTIFICATE, ${pem('CLIENT_KEY')}`)
  const fits = (text: string) => assertFits(new X509Certificate(certificate ?? ''), createPrivateKey(text))
  if (mistakes.length === 0 && certificate !== undefined && key !== undefined && !reads(key, fits))
    mistakes.push(`${prefix}CLIENT_KEY is not the key of ${prefix}CLIENT_CERTIFICATE`)
  return mistakes
}

function assertFits(certificate: X509Certificate, key: KeyObject): void {
  if (!certificate.checkPrivateKey(key)) throw new TypeError('another key')
}

function reads(value: string, read: (text: string) => unknown): boolean {
  try {
    read(value)
    return true
  } catch {
    return false
  }
}

/** Card data and keys travel there: encrypted, unless it is a simulator on this machine. */
function addressMistakes(name: string, address: string, plainAllowed: boolean): string[] {
  const example = `for example ${name}=https://api.example.com`
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    return [`${name} must be an address that begins with https:// (it is ${JSON.stringify(address)}), ${example}`]
  const { protocol, hostname } = new URL(address)
  const loopback = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
  if (protocol === 'http:' && !(plainAllowed && loopback))
    return [`${name} must begin with https:// (http:// is for simulators on this machine, in the sandbox's test mode), ${example}`]
  return []
}

export function accountReference(channels: readonly AccountNeeds[]): readonly (readonly [string, string])[] {
  return channels.flatMap(channel =>
    modes.flatMap(mode =>
      required(channel).map(
        ({ name, example, about }) => [`${prefixOf(channel, mode)}${name}=${example}`, `${channel.name}, ${mode}: ${about}`] as const,
      ),
    ),
  )
}

/** The other way round: the variables that make this account, for whoever starts a server against simulators of its own. */
export function accountVariables(
  channel: ChannelName,
  mode: (typeof modes)[number],
  of: { readonly secrets: Set; readonly settings: Set; readonly verifying: string },
  address: string,
): readonly (readonly [name: string, value: string])[] {
  const variable = (name: string): string => `${channel}_${mode}_${upper(name)}`.toUpperCase()
  return [
    ...Object.entries({ ...of.secrets, ...of.settings }).map(([name, value]) => [variable(name), value] as const),
    [variable('address'), address],
    ...(of.verifying === '' ? [] : [[variable('webhookSecrets'), of.verifying] as const]),
  ]
}

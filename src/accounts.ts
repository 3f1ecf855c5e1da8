/** Which account stands for which channel and mode: configured ones, and in the sandbox the simulators. */
import type { Channel, ChannelAccount, ChannelName } from './channels/channel.ts'
import type { Credentials } from './channels/sandbox-channel.ts'
import type { Sandbox, SandboxSettings } from './channels/sandbox-client.ts'
import type { Config } from './config.ts'
import { Secret } from './core/secret.ts'

export type AllCredentials = ReadonlyMap<ChannelName, Credentials>

/** What the simulators know and sign with. */
export const sandboxSettings = (all: AllCredentials): SandboxSettings =>
  Object.fromEntries([...all].map(([name, credentials]) => [name, { credentials }]))

/** Configured accounts; in the sandbox the simulators take the place of every test account that is not configured. */
export function accountsOf(config: Config, sandbox: Sandbox | undefined, all: AllCredentials): ReadonlyMap<string, ChannelAccount> {
  const accounts = new Map<string, ChannelAccount>()
  for (const [name, modes] of config.accounts) {
    if (modes.test !== undefined) accounts.set(`${name} test`, modes.test)
    if (modes.live !== undefined) accounts.set(`${name} live`, modes.live)
  }
  for (const [name, credentials] of all) {
    const address = sandbox?.addresses.get(name)
    if (address !== undefined && !accounts.has(`${name} test`)) accounts.set(`${name} test`, simulated(credentials, address))
  }
  return accounts
}

export const simulated = (credentials: Credentials, address: string): ChannelAccount => ({
  address,
  secrets: Object.fromEntries(Object.entries(credentials.secrets).map(([name, value]) => [name, new Secret(value)])),
  settings: credentials.settings,
  webhookSecrets: [new Secret(credentials.verifying)],
})

/** Where requests to channels may go: each account's address, and what its channel says it speaks to beside. */
export const originsOf = (accounts: ReadonlyMap<string, ChannelAccount>, channels: ReadonlyMap<ChannelName, Channel>): string[] => [
  ...new Set(
    [...accounts].flatMap(([name, account]) => [
      new URL(account.address).origin,
      ...(channels.get(name.split(' ')[0] ?? '')?.origins?.(account) ?? []),
    ]),
  ),
]

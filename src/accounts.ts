/** Which account stands for which channel and mode: configured ones, and in the sandbox the simulators. */
import type { ChannelAccount, ChannelName } from './channels/channel.ts'
import { channels } from './channels/index.ts'
import type { Sandbox } from './channels/sandbox-client.ts'
import type { Config } from './config.ts'
import { Secret } from './core/secret.ts'
import type { DeploymentSecrets } from './secrets.ts'

/** What the simulators sign their webhooks with. */
export const sandboxSettings = (secrets: DeploymentSecrets) => ({
  stripe: { webhookSecrets: [secrets.sandbox.stripeWebhookSecret] },
  adyen: { webhookSecrets: [secrets.sandbox.adyenWebhookKey] },
})

/** Configured accounts; in the sandbox the simulators take the place of every test account that is not configured. */
export function accountsOf(config: Config, sandbox: Sandbox | undefined, secrets: DeploymentSecrets): ReadonlyMap<string, ChannelAccount> {
  const accounts = new Map<string, ChannelAccount>()
  for (const [name, modes] of config.accounts) {
    if (modes.test !== undefined) accounts.set(`${name} test`, modes.test)
    if (modes.live !== undefined) accounts.set(`${name} live`, modes.live)
  }
  const simulated: Readonly<Record<ChannelName, Omit<ChannelAccount, 'address'>>> = {
    stripe: {
      secrets: { secretKey: new Secret('sk_test_sandbox') },
      settings: {},
      webhookSecrets: [new Secret(secrets.sandbox.stripeWebhookSecret)],
    },
    adyen: {
      secrets: { apiKey: new Secret('AQE_sandbox') },
      settings: { merchantAccount: 'BinderyECOM' },
      webhookSecrets: [new Secret(secrets.sandbox.adyenWebhookKey)],
    },
  }
  for (const name of channels.keys()) {
    const address = sandbox?.addresses.get(name)
    if (address !== undefined && !accounts.has(`${name} test`)) accounts.set(`${name} test`, { ...simulated[name], address })
  }
  return accounts
}

/** Where requests to channels may go. */
export const originsOf = (accounts: ReadonlyMap<string, ChannelAccount>): string[] => [
  ...new Set([...accounts.values()].map(one => new URL(one.address).origin)),
]

/** Where the simulated channels stand, and as whom we call them: made once for a process, since key pairs take a while and a seed must replay. */
import { createHash } from 'node:crypto'
import { simulated } from '../src/accounts.ts'
import type { ChannelAccount, ChannelName } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import type { Credentials } from '../src/channels/sandbox-channel.ts'
import { loadSandboxes } from '../src/channels/sandbox-list.ts'
import { Secret } from '../src/core/secret.ts'
import { sandboxWallet } from '../src/sandbox-wallet.ts'
import { newKeyPair, type Pair } from '../src/world/keypair.ts'

export const sandboxes = await loadSandboxes()
export const addressOf = (channel: ChannelName): string => `https://${channel.replaceAll('_', '-')}.sim`
export const channelAt = (url: string): ChannelName | undefined => [...channels.keys()].find(name => url.startsWith(`${addressOf(name)}/`))

const pairs: Pair[] = []
let taken = 0
const making = {
  random: (count: number) => createHash('sha512').update('simulation').digest().subarray(0, count),
  keyPair: (type: 'rsa-2048' | 'ec-p256') => {
    taken += 1
    const pair = pairs[taken] ?? newKeyPair(type)
    pairs[taken] = pair
    return pair
  },
}
const made: ReadonlyMap<ChannelName, Credentials> = new Map([...sandboxes].map(([name, sandbox]) => [name, sandbox.credentials(making)]))
export function credentialsAt(channel: ChannelName): Credentials {
  const found = made.get(channel)
  if (found === undefined) throw new TypeError(`no credentials for ${channel}`)
  return found
}

/** The customers' devices: Apple Pay and Google Pay of our own. */
export const wallet = sandboxWallet(Buffer.alloc(32, 9))

export type Accounts = {
  readonly open: ReadonlyMap<ChannelName, ChannelAccount>
  /** With keys that no channel knows; a key pair stays, since with half of one nothing can be said at all. */
  readonly lockedOut: ReadonlyMap<ChannelName, ChannelAccount>
}

/** New objects for every run: what an adapter remembers of an account must not pass from one run to the next. */
export function createAccounts(): Accounts {
  const open = new Map([...channels.keys()].map(name => [name, simulated(credentialsAt(name), addressOf(name))]))
  const blank = (secret: Secret): Secret => (secret.reveal().startsWith('-----') ? secret : new Secret('locked out'))
  const lockedOut = [...open].map(([name, account]): readonly [ChannelName, ChannelAccount] => [
    name,
    { ...account, secrets: Object.fromEntries(Object.entries(account.secrets).map(([key, secret]) => [key, blank(secret)])) },
  ])
  return { open, lockedOut: new Map(lockedOut) }
}

/**
 * Mutual TLS outwards: some channels let nobody in who does not show a client certificate (banks of Pix, by regulation). Which certificate
 * is shown where is decided by origin, and each origin has connections of its own, so a certificate is never shown elsewhere.
 */
import { Agent, Pool } from 'undici'
import type { ChannelAccount } from '../channels/channel.ts'

/** PEM. `authority`: who signed the server's certificate, where no public authority did (a sandbox, a bank's own). */
export type ClientCertificate = { readonly certificate: string; readonly key: string; readonly authority?: string }
/** By origin: `https://pix.example.com`. */
export type ClientCertificates = ReadonlyMap<string, ClientCertificate>

/**
 * From `secrets.clientCertificate` and `clientKey` (and `serverAuthority`) of each account, for the origins of its address and, where it
 * stands elsewhere, its token endpoint. Throws when one is there without the other, or when two accounts differ about one origin: the
 * operator's mistake, told before anything is sent.
 */
export function clientCertificatesOf(accounts: Iterable<ChannelAccount>): ClientCertificates {
  const out = new Map<string, ClientCertificate>()
  for (const { address, secrets, settings } of accounts) {
    const { clientCertificate, clientKey, serverAuthority } = secrets
    if (clientCertificate === undefined && clientKey === undefined) continue
    if (clientCertificate === undefined || clientKey === undefined)
      throw new TypeError(`the account at ${address} has half a client certificate: both clientCertificate and clientKey are needed`)
    const shown: ClientCertificate = {
      certificate: clientCertificate.reveal(),
      key: clientKey.reveal(),
      ...(serverAuthority === undefined ? {} : { authority: serverAuthority.reveal() }),
    }
    for (const url of [address, settings.tokenUrl]) {
      if (url === undefined) continue
      const { origin } = new URL(url)
      const known = out.get(origin)
      if (known !== undefined && known.certificate !== shown.certificate)
        throw new TypeError(`two accounts show different client certificates at ${origin}; give one of them an address of its own`)
      out.set(origin, shown)
    }
  }
  return out
}

type Connecting = Exclude<Agent.Options['connect'], undefined | ((...of: never[]) => unknown)>

/** An agent as `options` say, that shows our certificate where we have one. */
export function createCertifiedAgent(
  options: Omit<Agent.Options, 'connect'> & { readonly connect?: Connecting },
  certificates: ClientCertificates,
): Agent {
  return new Agent({
    ...options,
    factory(origin) {
      const ours = certificates.get(new URL(origin).origin)
      if (ours === undefined) return new Pool(origin, options)
      const { certificate, key, authority } = ours
      const connect = { ...options.connect, cert: certificate, key, ...(authority === undefined ? {} : { ca: authority }) }
      return new Pool(origin, { ...options, connect })
    },
  })
}

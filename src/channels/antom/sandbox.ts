/** Antom in the sandbox: its simulator, two pairs of keys, and the customer's hands at the wallet. */
import type { Hands, SandboxChannel } from '../sandbox-channel.ts'
import { createAntomSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: credentials =>
    createAntomSimulator({
      clientId: credentials.settings.clientId ?? '',
      webhookPath: credentials.settings.webhookPath ?? '',
      merchantKey: credentials.simulator?.merchantKey ?? '',
      antomKey: credentials.signing,
    }),
  credentials(making) {
    const ours = making.keyPair('rsa-2048')
    const theirs = making.keyPair('rsa-2048')
    return {
      secrets: { privateKey: ours.privateKey },
      settings: { clientId: `SANDBOX_5Y${making.random(9).toString('hex').toUpperCase()}`, webhookPath: '/v1/channels/antom/test/webhook' },
      verifying: theirs.publicKey,
      signing: theirs.privateKey,
      simulator: { merchantKey: ours.publicKey },
    }
  },
  async play({ action }, pass, hands) {
    if (action.type === 'qr') return scan(action.payload, pass, hands)
    if (action.type !== 'redirect' && action.type !== 'app_link')
      throw new TypeError(`a wallet is reached by link or code, not ${action.type}`)
    const back = await press(action.url, pass, hands)
    return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
  },
}

/** The phone's browser stays where it is; what the wallet hands to Antom, and Antom to us by notification, stands on its page. */
async function scan(url: string, pass: boolean, hands: Hands): Promise<Readonly<Record<string, string>>> {
  const { body } = await press(url, pass, hands)
  const [, authCode, authState] = /data-code="(\w+)" data-state="([\w.]+)"/.exec(body) ?? []
  return authCode === undefined || authState === undefined ? {} : { authCode, authState }
}

async function press(url: string, pass: boolean, hands: Hands) {
  const page = await hands.browse('GET', url)
  const button = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'})"`).exec(page.body)?.[1] ?? ''
  return hands.browse('POST', new URL(button, url).href)
}

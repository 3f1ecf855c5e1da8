/** Adyen in the sandbox: its simulator, its judge, a deployment's credentials, and the customer at the issuer's page. */
import type { Hands, SandboxChannel } from '../sandbox-channel.ts'
import { judgeAdyen } from './judged.ts'
import { createAdyenSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: ({ secrets, settings }) =>
    createAdyenSimulator({
      ...(secrets.apiKey === undefined ? {} : { apiKey: secrets.apiKey }),
      ...(settings.merchantAccount === undefined ? {} : { merchantAccount: settings.merchantAccount }),
    }),
  judge: judgeAdyen,
  credentials({ random }) {
    // As Adyen makes them: 32 bytes in hex, the same on both sides.
    const key = random(32).toString('hex').toUpperCase()
    return {
      secrets: { apiKey: `AQE${random(24).toString('base64url')}` },
      settings: { merchantAccount: 'BinderyECOM' },
      verifying: key,
      signing: key,
    }
  },
  play({ action }, pass, hands) {
    if (action.type === 'redirect') return press(action.url, pass ? 'complete' : 'fail', hands)
    throw new TypeError(`adyen's simulator gives no ${action.type}`)
  },
}

/** Opens the page, presses the button, and reads where the browser is sent back to. */
async function press(url: string, button: 'complete' | 'fail', { browse }: Hands): Promise<Readonly<Record<string, string>>> {
  const page = await browse('GET', url)
  const action = new RegExp(`action="([^"]*/${button})"`).exec(page.body)?.[1] ?? ''
  const back = await browse('POST', new URL(action, url).href)
  return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
}

/** Adyen in the sandbox: its simulator, its judge, a deployment's credentials, and the customer at the issuer's page. */
import type { Hands, SandboxChannel } from '../sandbox-channel.ts'
import type { SimulatorAnswer } from '../simulator.ts'
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
      settings: { merchantAccount: 'BinderyECOM', nativeThreeDS: 'preferred' },
      verifying: key,
      signing: key,
    }
  },
  async play({ action, references }, pass, hands) {
    const button = pass ? 'complete' : 'fail'
    switch (action.type) {
      case 'redirect':
        return press(action.url, button, hands)
      case 'three_ds':
        // Nobody is asked while the device is looked at.
        if (action.stage === 'challenge') return press(action.url ?? '', button, hands)
        return brought(await hands.browse('GET', action.url ?? ''))
      case 'qr':
      case 'app_link':
      case 'await':
        await hands.act(pass ? 'approve' : 'decline', references.psp_reference ?? references.merchant_reference ?? '')
        return undefined
      default:
        throw new TypeError(`adyen's simulator gives no ${action.type}`)
    }
  },
}

/** Opens the page, presses the button, and reads where the browser is sent back to. */
async function press(url: string, button: 'complete' | 'fail', { browse }: Hands): Promise<Readonly<Record<string, string>>> {
  const page = await browse('GET', url)
  const action = new RegExp(`action="([^"]*/${button})"`).exec(page.body)?.[1] ?? ''
  return brought(await browse('POST', new URL(action, url).href))
}

const brought = (answer: SimulatorAnswer): Readonly<Record<string, string>> =>
  Object.fromEntries(new URL(answer.headers.location ?? '').searchParams)

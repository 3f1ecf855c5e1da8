/** What GoCardless brings for the sandbox. There is no specification to judge by: the official library is, in `sdk.test.ts`. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { createGoCardlessSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: credentials => createGoCardlessSimulator(credentials.secrets.accessToken ?? ''),
  credentials({ random }) {
    const secret = random(24).toString('base64url')
    return {
      secrets: { accessToken: `sandbox_${random(24).toString('base64url')}` },
      settings: { paymentPages: 'own' },
      verifying: secret,
      signing: secret,
    }
  },
  async play({ action }, pass, hands) {
    if (action.type !== 'redirect') throw new TypeError(`gocardless never asks for ${action.type}`)
    const page = await hands.browse('GET', action.url)
    const form = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'})"`).exec(page.body)?.[1] ?? ''
    const back = await hands.browse('POST', new URL(form, action.url).href)
    return Object.fromEntries(new URL(back.headers.location ?? action.url).searchParams)
  },
}

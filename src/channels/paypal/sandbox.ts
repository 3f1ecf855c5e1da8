/** PayPal in the sandbox: its simulator, its judge, credentials as PayPal writes them, and the payer's hands. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { judgePayPal } from './judged.ts'
import { createPayPalSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: createPayPalSimulator,
  judge: judgePayPal,
  credentials({ random, keyPair }) {
    const webhook = random(13).toString('hex').toUpperCase()
    return {
      secrets: { clientId: `A${random(39).toString('hex').toUpperCase()}`, clientSecret: `E${random(39).toString('hex').toUpperCase()}` },
      settings: {},
      verifying: webhook,
      signing: webhook,
      simulator: { ...keyPair('rsa-2048') },
    }
  },
  async play({ action }, pass, hands) {
    if (action.type !== 'redirect') throw new TypeError(`PayPal challenges by redirect, not ${action.type}`)
    const page = await hands.browse('GET', action.url)
    const button = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'}[^"]*)"`).exec(page.body)?.[1] ?? ''
    const back = await hands.browse('POST', new URL(button, action.url).href)
    return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
  },
}

/** Checkout.com in the sandbox: its simulator, its judge, a deployment's credentials, and the customer at the issuer's page. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { judgeCheckout } from './judged.ts'
import { createCheckoutSimulator } from './simulator.ts'

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const letters = (bytes: Buffer): string => [...bytes].map(byte => alphabet[byte % alphabet.length]).join('')

export const sandbox: SandboxChannel = {
  createSimulator: ({ secrets, settings }) =>
    createCheckoutSimulator({ secretKey: secrets.secretKey ?? '', processingChannelId: settings.processingChannelId ?? '' }),
  judge: judgeCheckout,
  credentials({ random }) {
    const secret = random(32).toString('hex')
    return {
      // The form that the official library takes for a key of the sandbox.
      secrets: { secretKey: `sk_sbox_${letters(random(27))}` },
      settings: { processingChannelId: `pc_${letters(random(26))}`, currency: 'USD', threeDs: 'on_demand' },
      verifying: secret,
      signing: secret,
    }
  },
  async play({ action }, pass, { browse }) {
    if (action.type !== 'redirect') throw new TypeError(`checkout never asks for ${action.type}`)
    const page = await browse('GET', action.url)
    const button = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'})"`).exec(page.body)?.[1] ?? ''
    // Nobody is asked where the issuer is content: the page leads on at once.
    const back = page.headers.location === undefined ? await browse('POST', new URL(button, action.url).href) : page
    return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
  },
}

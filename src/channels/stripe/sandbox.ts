/** Stripe in the sandbox: its simulator, its judge, credentials as Stripe writes them, and the customer's hands. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { judgeStripe } from './judged.ts'
import { createStripeSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: credentials => createStripeSimulator(credentials.secrets.secretKey ?? ''),
  judge: judgeStripe,
  credentials(making) {
    const secret = `whsec_${making.random(16).toString('hex')}`
    return { secrets: { secretKey: `sk_test_${making.random(24).toString('hex')}` }, settings: {}, verifying: secret, signing: secret }
  },
  async play({ action }, pass, hands) {
    // The values of Stripe's page: the right answer, and the one that was one try too many.
    if (action.type === 'micro_deposits')
      return action.by === 'amounts' ? { amounts: pass ? '32,45' : '10,11' } : { descriptor_code: pass ? 'SM11AA' : 'SM33CC' }
    if (action.type !== 'redirect') throw new TypeError(`Stripe challenges by redirect or micro-deposits, not ${action.type}`)
    const page = await hands.browse('GET', action.url)
    const button = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'}[^"]*)"`).exec(page.body)?.[1] ?? ''
    const back = await hands.browse('POST', new URL(button, action.url).href)
    return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
  },
}

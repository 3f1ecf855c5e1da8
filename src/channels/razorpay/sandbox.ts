/** Razorpay in the sandbox: its simulator, credentials as Razorpay writes them, and the customer's hands. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { createRazorpaySimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: credentials =>
    createRazorpaySimulator({
      keyId: credentials.settings.keyId ?? '',
      keySecret: credentials.secrets.keySecret ?? '',
      hashKey: credentials.simulator?.hashKey ?? '',
    }),
  credentials(making) {
    const secret = making.random(16).toString('hex')
    return {
      secrets: { keySecret: making.random(12).toString('hex') },
      settings: {
        keyId: `rzp_test_${making.random(7).toString('hex')}`,
        contactEmail: 'payments@example.com',
        contactPhone: '+919876543210',
      },
      verifying: secret,
      signing: secret,
      simulator: { hashKey: making.random(16).toString('hex') },
    }
  },
  async play({ action, references }, pass, hands) {
    switch (action.type) {
      case 'app_link':
      case 'qr':
        await hands.act(pass ? 'approve' : 'decline', references.payment ?? references.order ?? '')
        return undefined
      case 'otp':
        return { otp: pass ? '123456' : '123' }
      case 'redirect': {
        const shown = await hands.browse('GET', action.url)
        const button = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'})"`).exec(shown.body)?.[1] ?? ''
        const back = await hands.browse('POST', new URL(button, action.url).href)
        return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
      }
      default:
        throw new TypeError(`Razorpay asks no customer by ${action.type}`)
    }
  },
}

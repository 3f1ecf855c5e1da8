/** Square in the sandbox: its simulator, its judge, and a deployment's credentials. Nobody is ever asked anything. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { judgeSquare } from './judged.ts'
import { createSquareSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: ({ secrets, settings }) =>
    createSquareSimulator({ accessToken: secrets.accessToken ?? '', notificationUrl: settings.notificationUrl ?? '' }),
  judge: judgeSquare,
  credentials({ random }) {
    // As Square makes them: 22 letters and digits, the same on both sides.
    const key = random(16).toString('base64url')
    return {
      secrets: { accessToken: `EAAA${random(32).toString('base64url')}` },
      // Signed with every webhook, wherever the sandbox delivers it.
      settings: { notificationUrl: 'https://bindery.example/webhooks/square' },
      verifying: key,
      signing: key,
    }
  },
  play({ action }) {
    throw new TypeError(`square's simulator gives no ${action.type}`)
  },
}

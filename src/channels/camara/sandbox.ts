/** What CAMARA brings for the sandbox. */
import type { SandboxChannel } from '../sandbox-channel.ts'
import { judgeCamara } from './judged.ts'
import { sandboxCode } from './magic.ts'
import { createCamaraSimulator } from './simulator.ts'

export const sandbox: SandboxChannel = {
  createSimulator: credentials => createCamaraSimulator(credentials.secrets.accessToken ?? ''),
  judge: judgeCamara,
  // Nothing is told by webhook, so nothing is signed.
  credentials: ({ random }) => ({
    secrets: { accessToken: random(24).toString('base64url') },
    settings: { sender: 'Bindery sandbox' },
    verifying: '',
    signing: '',
  }),
  play({ action }, pass) {
    if (action.type !== 'otp') throw new TypeError(`camara never asks for ${action.type}`)
    return Promise.resolve({ otp: pass ? sandboxCode : '000000' })
  },
}

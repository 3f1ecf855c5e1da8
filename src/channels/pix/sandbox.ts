/** Pix Automático in the sandbox: a bank that knows our certificate, and whose certificate we know. */
import { createCertificate, derOf } from '../certificate.ts'
import type { SandboxChannel } from '../sandbox-channel.ts'
import { judgePix } from './judged.ts'
import { createPixSimulator } from './simulator.ts'
import { fingerprintOf } from './webhook.ts'

/** 2026-01-01 to 2126-01-01: a sandbox's certificates outlive it, whatever its clock says. */
const validity = { notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2126, 0, 1) }

export const sandbox: SandboxChannel = {
  createSimulator: createPixSimulator,
  judge: judgePix,
  credentials(making) {
    const ours = making.keyPair('ec-p256')
    const theirs = making.keyPair('rsa-2048')
    const bank = createCertificate({
      keyPair: theirs,
      commonName: 'Sandbox bank',
      serial: 1,
      ...validity,
      hosts: ['localhost', '127.0.0.1'],
    })
    const client = createCertificate({ keyPair: ours, commonName: 'Sandbox receiver', serial: 2, ...validity })
    return {
      secrets: {
        clientSecret: making.random(24).toString('hex'),
        clientCertificate: client.pem,
        clientKey: ours.privateKey,
      },
      settings: { clientId: `client_${making.random(8).toString('hex')}` },
      verifying: fingerprintOf(derOf(bank.pem) ?? Buffer.alloc(0)),
      signing: bank.pem,
      simulator: { certificate: bank.pem, key: theirs.privateKey },
    }
  },
  async play({ references }, pass, hands) {
    await hands.act(pass ? 'approve' : 'decline', references.recurrence ?? '')
    return undefined
  },
}

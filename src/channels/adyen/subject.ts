/** Adyen as the contract suite takes it. Tests only. */
import { Secret } from '../../core/secret.ts'
import type { Bench, Subject } from '../contract-bench.ts'
import { adyen } from './channel.ts'
import { judgeAtHand } from './rehearse.ts'
import { createAdyenSimulator } from './simulator.ts'

const visa = (number: string) => ({ number, brand: 'visa' })
const named = (holder: string) => ({ ...visa('4111111111111111'), holder })

export const adyenSubject: Subject = {
  channel: adyen,
  createSimulator: createAdyenSimulator,
  judge: judgeAtHand(),
  account: (address, webhookSecrets) => ({
    address,
    secrets: { apiKey: new Secret('AQE-contract') },
    settings: { merchantAccount: 'BinderyECOM' },
    webhookSecrets: webhookSecrets.map(one => new Secret(one)),
  }),
  secrets: ['A1'.repeat(32), 'B2'.repeat(32), 'C3'.repeat(32)],
  approved: visa('4111111111111111'),
  challenged: visa('4917610000000000'),
  declined: [
    { card: named('DECLINED'), category: 'do_not_honour' },
    { card: named('NOT_ENOUGH_BALANCE'), category: 'insufficient_funds' },
    { card: named('BLOCK_CARD'), category: 'lost_or_stolen' },
    { card: named('CARD_EXPIRED'), category: 'expired' },
    { card: named('CVC_DECLINED'), category: 'invalid_security_code' },
    { card: named('INVALID_CARD_NUMBER'), category: 'invalid_account' },
    { card: named('WITHDRAWAL_COUNT_EXCEEDED'), category: 'limit_exceeded' },
    { card: named('ISSUER_SUSPECTED_FRAUD'), category: 'fraud_suspected' },
    { card: named('AUTHENTICATION_REQUIRED'), category: 'authentication_failed' },
    { card: visa('4000000000000002'), category: 'do_not_honour' },
    { card: visa('4111111111111112'), category: 'invalid_account' },
  ],
  storePath: '/v71/payments',
  unknownRefusal: {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      pspReference: 'QFQTPCQ8HXSKGK82',
      merchantReference: 'opn_1',
      resultCode: 'Refused',
      refusalReason: 'Moon phase',
      refusalReasonCode: '999',
    }),
  },
  challenge,
  timestamped: false,
  // Eight fields of a standard item; token events are signed whole, see webhook.test.ts.
  signsBytes: false,
  boundEvent: 'AUTHORISATION',
  bodylessRevocation: true,
  endingIsTold: true,
}

/** Opens the page, presses the button, and reads where the browser is sent back to. */
function challenge(bench: Bench, outcome: Parameters<Subject['challenge']>[1], pass: boolean): Readonly<Record<string, string>> {
  const page = bench.browse('GET', outcome.action.url)
  const action = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'})"`).exec(page.body)?.[1] ?? ''
  const back = bench.browse('POST', new URL(action, outcome.action.url).href)
  return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
}

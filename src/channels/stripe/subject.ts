/** Stripe as the contract suite takes it. Tests only. */
import { Secret } from '../../core/secret.ts'
import type { Bench, Subject } from '../contract-bench.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { stripe } from './channel.ts'
import { judgeStripe } from './judged.ts'
import { createStripeSimulator } from './simulator.ts'

const specsDir = specsDirOf()
const visa = (number: string) => ({ number, brand: 'visa' })

export const stripeSubject: Subject = {
  channel: stripe,
  createSimulator: createStripeSimulator,
  judge: specJudge(specsDir) === 'on' ? judgeStripe(specsDir) : undefined,
  account: (address, webhookSecrets) => ({
    address,
    secrets: { secretKey: new Secret('sk_test_contract') },
    settings: {},
    webhookSecrets: webhookSecrets.map(one => new Secret(one)),
  }),
  secrets: ['whsec_current', 'whsec_former', 'whsec_foreign'],
  approved: visa('4242424242424242'),
  challenged: visa('4000002760003184'),
  declined: [
    { card: visa('4000000000000002'), category: 'do_not_honour' },
    { card: visa('4000000000009995'), category: 'insufficient_funds' },
    { card: visa('4000000000009987'), category: 'lost_or_stolen' },
    { card: visa('4000000000009979'), category: 'lost_or_stolen' },
    { card: visa('4000000000000069'), category: 'expired' },
    { card: visa('4000000000000127'), category: 'invalid_security_code' },
    { card: visa('4000000000000119'), category: 'try_later' },
    { card: visa('4000000000006975'), category: 'limit_exceeded' },
    { card: visa('4100000000000019'), category: 'fraud_suspected' },
    { card: visa('4242424242424241'), category: 'invalid_account' },
  ],
  storePath: '/v1/setup_intents',
  unknownRefusal: {
    status: 402,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: { type: 'card_error', code: 'card_declined', decline_code: 'moon_phase', message: 'Not tonight.' } }),
  },
  challenge,
  timestamped: true,
  signsBytes: true,
  boundEvent: 'setup_intent.succeeded',
}

/** Opens the page, presses the button, and reads where the browser is sent back to. */
function challenge(bench: Bench, outcome: Parameters<Subject['challenge']>[1], pass: boolean): Readonly<Record<string, string>> {
  const page = bench.browse('GET', outcome.action.url)
  const action = new RegExp(`action="([^"]*/${pass ? 'complete' : 'fail'}[^"]*)"`).exec(page.body)?.[1] ?? ''
  const back = bench.browse('POST', new URL(action, outcome.action.url).href)
  return Object.fromEntries(new URL(back.headers.location ?? '').searchParams)
}

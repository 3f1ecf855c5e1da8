/** Native 3-D Secure 2 of the simulator: the device is fingerprinted, then the issuer shows its frame, or is content. */
import type { SimulatorAnswer, SimulatorContext } from '../simulator.ts'
import { answer } from './simulator-answers.ts'
import { challengeUrl } from './simulator-page.ts'
import { note, type Payment, type State } from './simulator-state.ts'
import { fingerprintResult } from './three-ds-result.ts'

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')
const version = '2.2.0'

export function fingerprint(state: State, payment: Payment, frictionless: boolean, context: SimulatorContext): SimulatorAnswer {
  const name = context.random(16).toString('hex')
  state.challenges.set(name, { psp: payment.psp, stage: 'native', answered: undefined, frictionless })
  note(state, { effect: 'challenged', reference: payment.reference, key: payment.key, token: '', atMs: context.nowMs })
  const url = challengeUrl(name, context)
  return answer(200, {
    pspReference: payment.psp,
    merchantReference: payment.reference,
    resultCode: 'IdentifyShopper',
    action: {
      paymentData: dataOf(name),
      paymentMethodType: 'scheme',
      authorisationToken: name,
      subtype: 'fingerprint',
      token: base64({ threeDSMethodNotificationURL: `${url}/notified`, threeDSMethodURL: `${url}/method`, threeDSServerTransID: name }),
      type: 'threeDS2',
    },
  })
}

const dataPrefix = 'Ab02b4c0!'
const dataOf = (name: string): string => `${dataPrefix}${name}`

/** The challenge whose device this is. */
export function identified(state: State, shown: string, paymentData: string) {
  const name = paymentData.startsWith(dataPrefix) ? paymentData.slice(dataPrefix.length) : ''
  const found = state.challenges.get(name)
  const payment = found === undefined ? undefined : state.payments.get(found.psp)
  if (found === undefined || payment === undefined || shown !== fingerprintResult) return undefined
  return { name, payment, frictionless: found.frictionless === true }
}

/** The issuer's frame, where the address of the page is the access control server's. */
export function frame(payment: Payment, name: string, context: SimulatorContext): SimulatorAnswer {
  const url = challengeUrl(name, context)
  return answer(200, {
    pspReference: payment.psp,
    merchantReference: payment.reference,
    resultCode: 'ChallengeShopper',
    action: {
      paymentData: dataOf(name),
      paymentMethodType: 'scheme',
      authorisationToken: name,
      subtype: 'challenge',
      token: base64({
        acsReferenceNumber: 'ADYEN-ACS-SIMULATOR',
        acsTransID: name,
        acsURL: url,
        messageVersion: version,
        threeDSNotificationURL: `${url}/notified`,
        threeDSServerTransID: name,
      }),
      type: 'threeDS2',
    },
  })
}

/** What the issuer itself told of the challenge. The browser's word for it counts only as a name. */
export function authenticated(state: State, result: string): { readonly psp: string; readonly passed: boolean } | undefined {
  return state.results.get(result)
}

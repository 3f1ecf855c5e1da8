/** Adyen as the contract suite takes it. Tests only. */
import type { Subject } from '../contract-bench.ts'
import { adyen } from './channel.ts'
import { sandbox } from './sandbox.ts'

/** docs.adyen.com/development-resources/refusal-reasons: every code of its table; 43 to 45 are on …/testing/result-codes only. */
export const officialCodes: readonly string[] = [
  [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34, 35],
  [36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 50],
]
  .flat()
  .map(String)

export const subject: Subject = {
  channel: adyen,
  sandbox,
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
  timestamped: false,
  // Eight fields of a standard item; token events are signed whole, see webhook.test.ts.
  signsBytes: false,
  // Another id is another card's: ours is not on the list.
  goneWord: /"storedPaymentMethods":\[(\]|.*"id":"(x|constructor|__proto__)")/,
  boundEvent: 'AUTHORISATION',
  officialCodes,
  bodylessRevocation: true,
  namelessRefresh: true,
  endingIsTold: true,
}

/** Checkout.com for the contract suite. */
import type { Subject } from '../contract.ts'
import { checkout } from './channel.ts'
import { officialCodes } from './codes.seam.ts'
import { sandbox } from './sandbox.ts'

export const subject: Subject = {
  channel: checkout,
  sandbox,
  storePath: '/payments',
  unknownRefusal: {
    status: 422,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ request_id: '0HL80RJLS76I7', error_type: 'request_invalid', error_codes: ['never_heard_of'] }),
  },
  timestamped: false,
  signsBytes: true,
  declinesFirst: true,
  boundEvent: 'card_verified',
  officialCodes,
  bodylessRevocation: true,
}

/** GoCardless: bank-debit mandates (SEPA, Bacs, ACH) through billing requests, on GoCardless' pages or on ours. */
import type { Channel, Repeat } from '../channel.ts'
import { bind, resume } from './bind.ts'
import { lookUp, revoke } from './keep.ts'
import { listing } from './listing.ts'
import { sandboxValues } from './magic.ts'
import { refusals } from './refusals.ts'
import { readWebhook, signatureHeader } from './webhook.ts'

export const dayMs = 86_400_000
/**
 * A key stands for the one resource that was made under it; a repetition is answered 409 with that resource's id, which is success
 * (gocardless.com/blog/idempotency-keys; the official library fetches it). For how long is not published where we could read it, nor how
 * long a key may be beyond "too long": a day is less than anybody has reported, and ours are 48 characters at most.
 */
export const keyWindowMs = dayMs
const keyed: Repeat = { kind: 'keyed', windowMs: keyWindowMs, keyLengthMax: 48 }

export const gocardless: Channel = {
  name: 'gocardless',
  title: 'GoCardless',
  proof: { rank: 'sdk', source: 'gocardless-nodejs 10.1.2 (API version 2015-07-06); event causes and error reasons by the API reference' },
  // Resuming reads, and ends what the payer left; cancelling what is cancelled changes nothing.
  repeat: { bind: keyed, resume: { kind: 'repeatable', times: 5 }, revoke: { kind: 'repeatable', times: 5 } },
  ways: [
    { kind: 'bank_account', shape: 'redirect', scheme: 'sepa_debit' },
    { kind: 'bank_account', shape: 'redirect', scheme: 'bacs', countries: ['GB'] },
    { kind: 'bank_account', shape: 'redirect', scheme: 'ach', countries: ['US'] },
    // With `paymentPages` set to `own`, for accounts that GoCardless lets collect the payer's details themselves.
    { kind: 'bank_account', shape: 'direct', scheme: 'sepa_debit' },
    { kind: 'bank_account', shape: 'direct', scheme: 'bacs', countries: ['GB'] },
  ],
  currencies: new Map([
    ['EUR', 2],
    ['GBP', 2],
    ['USD', 2],
  ]),
  refusals,
  // "No collection attempts were made against the mandate for over 13 months. As a result it has expired" (API reference, the event
  // `expired`), whatever the scheme; and it sends the notices of each collection to the payer itself, unless an account turns them off.
  mandates: { dormantAfterMonths: 13, tellsPayer: true },
  // "Webhooks with an invalid signature must return a 498 Token Invalid error" (API reference, Webhooks; the SDK's README does so).
  webhookScheme: { algorithm: 'hmac-sha256', over: 'the raw body, in hex', header: signatureHeader, rejectStatus: 498 },
  sandboxValues,
  // 1,000 a minute is what is commonly reported; the true limit stands in each answer's `RateLimit-Limit`.
  requestsPerSecondMax: 16,
  account: { secrets: ['accessToken'], settings: [] },
  bind,
  resume,
  lookUp,
  revoke,
  list: listing,
  webhook: readWebhook,
}

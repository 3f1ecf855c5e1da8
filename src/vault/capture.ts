/**
 * Reads what was handed in, whatever it is: a card (`{"number": …}`), a payer (`{"payer": {…}}`) or a wallet's token of a device
 * (`{"apple_pay": {…}}`, `{"google_pay": {…}}`: the JSON as the wallet gave it, Apple's `paymentData` or Google's `tokenizationData.token`).
 */
import { binLength, brandOf } from '../core/pan.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Facts, type Secrets, tailOf } from './content.ts'
import { payerIdentity } from './fingerprint.ts'
import { captureBytesMax, scanCapture } from './scan.ts'
import { scanPayer } from './scan-payer.ts'
import { endAfterSole, objectEnd, soleField } from './tokens.ts'

export type Wallet = 'apple_pay' | 'google_pay'
/** What a wallet's token held once it was opened. The buffers are of their own: whoever holds them zeroes them. */
export type OpenedToken = {
  /** ASCII digits. `card`: the card's own number, to be treated as one that was typed in. */
  readonly number: Buffer
  readonly numberIs: 'device' | 'card'
  readonly expiryMonth: number
  readonly expiryYear: number
  /** Base64 as ASCII. */
  readonly cryptogram: Buffer | undefined
  readonly eci: string | undefined
}
/** Throws a `Problem` that does not quote the token. */
export type OpenToken = (wallet: Wallet, token: Buffer, nowMs: number) => Promise<OpenedToken>

export type Reading = {
  readonly facts: Facts
  readonly secrets: Secrets
  readonly once: Buffer | undefined
  /** What the fingerprint is made of; zeroed by whoever made it unless it is the number itself. */
  readonly identity: ReturnType<typeof payerIdentity>
}

/** Bytes of a wallet's token: real ones have two to five thousand, most of them certificates. */
export const tokenBodyBytesMax = 16 * 1024

const forms = ['payer', 'apple_pay', 'google_pay'] as const

/** Throws a `Problem`. The caller zeroes `body`. A card, which is most of them, is read at once. */
export function readCapture(body: Buffer, nowMs: number, openToken: OpenToken | undefined): Reading | Promise<Reading> {
  const sole = soleField(body, forms)
  if (sole === undefined) return readCard(body, nowMs)
  return sole.name === 'payer' ? readPayer(body, sole.at) : readToken(body, sole.name, sole.at, nowMs, openToken)
}

function readCard(body: Buffer, nowMs: number): Reading {
  const { number, securityCode, holder, expiryMonth, expiryYear, ...shown } = scanCapture(body, nowMs)
  return {
    facts: { kind: 'card', ...shown, expiryMonth, expiryYear, holder: holder !== undefined },
    secrets: { number, holder, expiryMonth, expiryYear },
    once: securityCode,
    identity: { label: 'card', bytes: number },
  }
}

function readPayer(body: Buffer, at: number): Reading {
  const payer = scanPayer(body, at)
  const { kind, scheme, country, values } = payer
  return {
    facts: { kind, scheme, country, held: [...values.keys()], tail: tailOf(values) },
    secrets: { values },
    once: undefined,
    identity: payerIdentity(payer),
  }
}

async function readToken(body: Buffer, wallet: Wallet, from: number, nowMs: number, openToken: OpenToken | undefined): Promise<Reading> {
  if (body.length > tokenBodyBytesMax) throw new Problem('body_too_large', `the body is at most ${tokenBodyBytesMax} bytes`)
  if (body[from] !== 0x7b) throw fieldProblem(`/${wallet}`, "must be the wallet's token as a JSON object")
  const to = objectEnd(body, from)
  endAfterSole(body, to, wallet)
  if (openToken === undefined) throw fieldProblem(`/${wallet}`, 'this vault has no keys to open it with', 'unprocessable')
  const opened = await openToken(wallet, body.subarray(from, to), nowMs)
  const { number, expiryMonth, expiryYear, cryptogram, eci } = opened
  const brand = brandOf(number)
  const shown = {
    brand,
    bin: number.toString('latin1', 0, binLength(brand, number.length)),
    last4: number.toString('latin1', number.length - 4),
    expiryMonth,
    expiryYear,
    holder: false,
  }
  const secrets = { number, holder: undefined, expiryMonth, expiryYear }
  if (opened.numberIs === 'device') {
    return {
      facts: { kind: 'device_token', ...shown, wallet, eci },
      secrets,
      once: cryptogram,
      identity: { label: 'device_token', bytes: number },
    }
  }
  cryptogram?.fill(0)
  return { facts: { kind: 'card', ...shown }, secrets, once: undefined, identity: { label: 'card', bytes: number } }
}

/** Bytes that a body may have by how it begins; more is not even read. */
export const bodyBytesMax = Math.max(captureBytesMax, tokenBodyBytesMax)

/** Shapes of the names under which a payer is reached: telephone, e-mail, UPI address. A shape only: whether there is one, others know. */
import { isDigits } from './account.ts'

/** ITU-T E.164: a plus and at most 15 digits, the first of them not 0. No country has fewer than 7 with its code. ASCII codes. */
export function isPhone(codes: ArrayLike<number>): boolean {
  return codes[0] === 0x2b && codes[1] !== 0x30 && isDigits(Array.from(codes).slice(1), 7, 15)
}

/** What browsers take for an e-mail address (HTML Living Standard 4.10.5.1.5), with a dot in its domain. */
const email =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+$/

/** At most 254 characters (RFC 5321 4.5.3.1.3, less the brackets). */
export const isEmail = (text: string): boolean => text.length <= 254 && email.test(text)

/**
 * A UPI address: `name@handle`, and `account@ifsc.npci` for an account without one. NPCI publishes no grammar that we could find; this is
 * the widest that Indian libraries agree on.
 */
const vpa = /^[a-zA-Z0-9][a-zA-Z0-9._-]{1,255}@[a-zA-Z][a-zA-Z0-9]{1,63}(?:\.[a-zA-Z0-9]{2,64}){0,2}$/

export const isVpa = (text: string): boolean => text.length <= 255 && vpa.test(text)

/** Pieces of which endpoints build their shapes. Each has a limit, and a message that says what to write and shows nothing sent. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { opensPlaceholder } from '../channels/placeholder.ts'
import { isCurrency } from '../core/currency.ts'
import { type IdPrefix, idPattern, prefixes } from '../core/id.ts'
import { formatAmount, type Money } from '../core/money.ts'
import { checkPublicUrl } from '../world/address.ts'

export const id = (prefix: IdPrefix) =>
  z
    .string(`must be the id of a ${prefixes[prefix]}`)
    .regex(idPattern(prefix), `must be the id of a ${prefixes[prefix]}: ${prefix}_ and 26 letters`)

/**
 * What no text for people may hold: control characters (C0, C1), bidirectional overrides and isolates (they make a text read as
 * another), zero-width space and joiner, byte order mark, noncharacters. Joiners that scripts need (U+200C, U+200D) are left.
 */
const unseen = /[\p{Cc}\u061C\u200B\u200E\u200F\u2028\u2029\u202A-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB\uFFFE\uFFFF]/u

/** One line for people to read, kept in Unicode's composed form (NFC) so that equal texts are equal bytes. */
export const text = (max: number, min = 1) =>
  z
    .string('must be a text')
    .min(min, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine(value => !unseen.test(value), 'must not hold control, invisible or direction-changing characters')
    .normalize('NFC')

/** What goes into requests to channels, where two braces open a placeholder of the vault's. */
const notFillable = 'must not hold {{'
/** A text that goes to channels. */
export const textForChannels = (max: number) => text(max).refine(value => !opensPlaceholder(value), notFillable)

/** A name; spreadsheets take what starts with one of these for a formula. */
export const name = (max = 200) =>
  text(max).refine(value => !/^\s*[=+\-@]/.test(value) && value.trim() !== '', 'must not be blank or start with =, +, - or @')

/** A reference of the caller's own: what order numbers and database keys are made of. */
export const reference = (max = 200) =>
  z
    .string('must be a text')
    .max(max, `must have at most ${max} characters`)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/, 'must be made of letters, digits and _ . : / - and start with a letter or digit')

export const currency = z
  .string('must be a currency code')
  .refine(isCurrency, 'must be an active ISO 4217 code of three capital letters, such as EUR')
  .describe('ISO 4217, three capital letters.')

/** Minor units as digits. */
export const amount = z
  .string('must be a string of digits: minor units, such as "1250" for 12.50 EUR')
  .regex(/^(?:0|[1-9][0-9]{0,17})$/, 'must be 1 to 18 digits of minor units, without sign, point, exponent or leading zero')

/** Read as `Money` with a bigint. */
export const money = z
  .strictObject(
    { amount, currency },
    { error: issue => (issue.code === 'invalid_type' ? 'must be { "amount": "1250", "currency": "EUR" }' : undefined) },
  )
  .transform((value): Money => ({ amount: BigInt(value.amount), currency: value.currency }))
/** Above zero. */
export const positiveMoney = money.refine(value => value.amount > 0n, { path: ['amount'], message: 'must be above zero' })

/** As money goes out. */
export const moneyShape = z.object({ amount: z.string(), currency: z.string() }).meta({ id: 'Money' })
export const showMoney = (value: Money): z.output<typeof moneyShape> => ({ amount: formatAmount(value.amount), currency: value.currency })

const urlIssue = (allowLoopback: boolean) => (context: z.core.$RefinementCtx<string>) => {
  const wrong = checkPublicUrl(context.value, { allowLoopback })
  if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
}
/** An address on the public Internet, by https; what a server of ours may call. Names are judged again when they are resolved. */
export const url = z
  .string('must be a URL')
  .max(2048, 'must have at most 2048 characters')
  .superRefine((_value, context) => urlIssue(false)(context))
/** The same, and loopback by http: where a browser on a developer's machine may be sent, or a sandbox may call. */
export const urlOrLoopback = z
  .string('must be a URL')
  .max(2048, 'must have at most 2048 characters')
  .superRefine((_value, context) => urlIssue(true)(context))

export const ip = z
  .string('must be an IP address')
  .refine(value => isIP(value) !== 0 && !value.includes('%'), 'must be an IPv4 or IPv6 address')
export const userAgent = z
  .string('must be a text')
  .min(1, 'must not be empty')
  .max(500, 'must have at most 500 characters')
  .regex(/^[ -~]*$/, 'must be printable ASCII')
  .refine(value => !opensPlaceholder(value), notFillable)

const metadataEntriesMax = 50
/** Up to 50 texts of the caller's own, by name. */
export const metadata = z
  .record(
    z.string().regex(/^[A-Za-z0-9_.-]{1,40}$/, 'a name must have 1 to 40 letters, digits, _ . or -'),
    text(500, 0),
    'must be an object of texts',
  )
  .refine(value => Object.keys(value).length <= metadataEntriesMax, `must have at most ${metadataEntriesMax} entries`)

/** A moment as it comes in: RFC 3339 with Z or an offset. Read as Unix milliseconds. */
export const timestamp = z.iso
  .datetime({ offset: true, message: 'must be a time such as 2026-11-22T10:00:00Z' })
  .max(40, 'must have at most 40 characters')
  .transform(value => Date.parse(value))
  .refine(value => Number.isFinite(value), 'must be a time that exists')
/** A moment as it goes out. */
export const timestampShape = z.iso.datetime()
export const showTime = (ms: number): string => new Date(ms).toISOString()

export const month = z.int('must be a whole number').min(1, 'must be 1 to 12').max(12, 'must be 1 to 12')
export const year = z.int('must be a whole number').min(2000, 'must have four digits').max(2099, 'must have four digits')

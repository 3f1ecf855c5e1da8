/**
 * Money: whole minor units and a currency. No floats anywhere: amounts travel as strings of digits, rates are ratios of whole numbers,
 * every rounding has a name and gives back what it rounded away, to be posted.
 */
import { decimalPlaces } from './currency.ts'

export type Money = { readonly amount: bigint; readonly currency: string }
/** Exact. The denominator is above zero. */
export type Ratio = { readonly numerator: bigint; readonly denominator: bigint }
/** half_even: to the nearest, a tie to the even neighbour · down: towards zero · up: away from zero */
export type Rounding = 'half_even' | 'down' | 'up'

/** What an account can hold: PostgreSQL's bigint. */
export const amountMax = 2n ** 63n - 1n
/** Digits an amount may have on the wire; eighteen always fit a bigint column. */
export const amountDigitsMax = 18

export function money(amount: bigint, currency: string): Money {
  decimalPlaces(currency)
  return { amount: bounded(amount), currency }
}

function bounded(amount: bigint): bigint {
  if (amount > amountMax || amount < -amountMax) throw new RangeError('an amount beyond what an account can hold')
  return amount
}

/** Minor units from a string of ASCII digits without sign of plus, leading zero, point, exponent or space; undefined if it is not one. */
export function parseAmount(text: string): bigint | undefined {
  return /^(?:0|-?[1-9][0-9]{0,17})$/.test(text) ? BigInt(text) : undefined
}

export const formatAmount = (amount: bigint): string => amount.toString()

/** `12.34` for people and for channels that want decimals: as many places as the currency has, always. */
export function formatDecimal({ amount, currency }: Money): string {
  const places = decimalPlaces(currency)
  const sign = amount < 0n ? '-' : ''
  const digits = (amount < 0n ? -amount : amount).toString().padStart(places + 1, '0')
  return places === 0 ? sign + digits : `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`
}

/** The reverse of `formatDecimal`; fewer places are filled up, more are refused (undefined), even zeros. */
export function parseDecimal(text: string, currency: string): Money | undefined {
  const places = decimalPlaces(currency)
  const parts = /^(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?$/.exec(text)
  const fraction = parts?.[3] ?? ''
  if (parts === null || fraction.length > places) return undefined
  const amount = BigInt(parts[2] + fraction.padEnd(places, '0'))
  if (amount > amountMax || (amount === 0n && parts[1] === '-')) return undefined
  return { amount: parts[1] === '-' ? -amount : amount, currency }
}

function same(a: Money, b: Money): void {
  if (a.currency !== b.currency) throw new TypeError(`${a.currency} and ${b.currency} do not add up`)
}

export function add(a: Money, b: Money): Money {
  same(a, b)
  return { amount: bounded(a.amount + b.amount), currency: a.currency }
}

export function subtract(a: Money, b: Money): Money {
  same(a, b)
  return { amount: bounded(a.amount - b.amount), currency: a.currency }
}

export const negate = ({ amount, currency }: Money): Money => ({ amount: -amount, currency })

/** Below, at or above zero, as a sort wants it. */
export function compare(a: Money, b: Money): -1 | 0 | 1 {
  same(a, b)
  return a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0
}

const isEven = (value: bigint): boolean => value % 2n === 0n

/** `numerator / denominator`, rounded, with what is left: `quotient * denominator + remainder = numerator`. */
export function divide(
  numerator: bigint,
  denominator: bigint,
  rounding: Rounding,
): { readonly quotient: bigint; readonly remainder: bigint } {
  if (denominator <= 0n) throw new RangeError('a denominator must be above zero')
  const down = numerator / denominator
  const left = numerator - down * denominator
  const away = numerator < 0n ? -1n : 1n
  const twice = (left < 0n ? -left : left) * 2n
  const further =
    left !== 0n && (rounding === 'up' || (rounding === 'half_even' && (twice > denominator || (twice === denominator && !isEven(down)))))
  const quotient = further ? down + away : down
  return { quotient, remainder: numerator - quotient * denominator }
}

/** An amount times an exact ratio. `remainder`: what rounding took away (below zero: added), in minor units, exact. */
export function multiply(of: Money, ratio: Ratio, rounding: Rounding): { readonly money: Money; readonly remainder: Ratio } {
  const { quotient, remainder } = divide(of.amount * ratio.numerator, ratio.denominator, rounding)
  return {
    money: { amount: bounded(quotient), currency: of.currency },
    remainder: { numerator: remainder, denominator: ratio.denominator },
  }
}

/**
 * Splits an amount by weights so that the parts add up to it exactly: each gets its share rounded down, the units left over go one each
 * to the largest remainders, the earlier part first.
 */
export function allocate(of: Money, weights: readonly bigint[]): readonly Money[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n)
  if (total <= 0n || weights.some(weight => weight < 0n)) throw new RangeError('weights must not be below zero, and one must be above')
  const sign = of.amount < 0n ? -1n : 1n
  const size = of.amount * sign
  const shares = weights.map((weight, index) => ({ index, ...divide(size * weight, total, 'down') }))
  let left = size - shares.reduce((sum, share) => sum + share.quotient, 0n)
  const order = shares.toSorted((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1))
  const amounts = shares.map(share => share.quotient)
  for (const { index, quotient } of order) {
    if (left === 0n) break
    amounts[index] = quotient + 1n
    left -= 1n
  }
  return amounts.map(amount => ({ amount: amount * sign, currency: of.currency }))
}

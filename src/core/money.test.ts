import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { currencies, decimalPlaces, isCurrency } from './currency.ts'
import {
  add,
  allocate,
  amountMax,
  compare,
  divide,
  formatDecimal,
  money,
  multiply,
  parseAmount,
  parseDecimal,
  type Rounding,
  subtract,
} from './money.ts'

const eur = (amount: bigint) => money(amount, 'EUR')
const amounts = fc.bigInt({ min: -amountMax, max: amountMax })
const codes = fc.constantFrom(...currencies.keys())

test('every currency has the decimal places of the standard, not of a locale', () => {
  const expected = { JPY: 0, KRW: 0, CLP: 0, UYI: 0, EUR: 2, HUF: 2, IDR: 2, MGA: 2, MRU: 2, COP: 2, KWD: 3, TND: 3, CLF: 4, UYW: 4 }
  for (const [code, places] of Object.entries(expected)) assert.equal(decimalPlaces(code), places, code)
  assert.equal(currencies.size, 165)
})

test('withdrawn codes, metals, test codes and small letters are no currencies', () => {
  for (const code of ['HRK', 'BGN', 'ANG', 'ZWL', 'XAU', 'XDR', 'XTS', 'XXX', 'eur', '', 'EURO', '978'])
    assert.equal(isCurrency(code), false, code)
  assert.throws(() => money(1n, 'XXX'), TypeError)
})

test('only plain digits are an amount', () => {
  const bad = [
    '-0',
    '1e3',
    '1e21',
    '0.1',
    '1.0',
    '+1',
    ' 1',
    '1 ',
    '01',
    '',
    '-',
    '0x1',
    '1_000',
    '1,000',
    'NaN',
    'Infinity',
    '９',
    '０１２',
    '٣',
  ]
  for (const text of [...bad, '9223372036854775808', '1'.repeat(19), '1\n'])
    assert.equal(parseAmount(text), undefined, JSON.stringify(text))
  assert.equal(parseAmount('0'), 0n)
  assert.equal(parseAmount('9007199254740993'), 9007199254740993n)
  assert.equal(parseAmount('-999999999999999999'), -999999999999999999n)
})

test('decimals come back as the same amount in every currency', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), codes, (amount, code) => {
      assert.deepEqual(parseDecimal(formatDecimal(money(amount, code)), code), { amount, currency: code })
    }),
  )
})

test('a decimal with more places than the currency has is refused', () => {
  assert.equal(parseDecimal('1.5', 'JPY'), undefined)
  assert.equal(parseDecimal('1.005', 'EUR'), undefined)
  assert.equal(parseDecimal('-0.00', 'EUR'), undefined)
  assert.equal(parseDecimal('99999999999999999999', 'EUR'), undefined)
  assert.deepEqual(parseDecimal('1.2345', 'CLF'), { amount: 12345n, currency: 'CLF' })
  assert.equal(formatDecimal(money(-5n, 'KWD')), '-0.005')
})

test('currencies do not mix, and sums stay within an account', () => {
  assert.throws(() => add(eur(1n), money(1n, 'USD')), TypeError)
  assert.throws(() => compare(eur(1n), money(1n, 'USD')), TypeError)
  assert.throws(() => add(eur(amountMax), eur(1n)), RangeError)
  assert.throws(() => subtract(eur(-amountMax), eur(1n)), RangeError)
})

test('rounding is what its name says, on both sides of zero', () => {
  const rows: [bigint, bigint, Rounding, bigint][] = [
    [5n, 2n, 'half_even', 2n],
    [7n, 2n, 'half_even', 4n],
    [-5n, 2n, 'half_even', -2n],
    [-7n, 2n, 'half_even', -4n],
    [8n, 3n, 'half_even', 3n],
    [7n, 3n, 'half_even', 2n],
    [5n, 2n, 'down', 2n],
    [-5n, 2n, 'down', -2n],
    [5n, 2n, 'up', 3n],
    [-5n, 2n, 'up', -3n],
    [4n, 2n, 'up', 2n],
  ]
  for (const [numerator, denominator, rounding, quotient] of rows) assert.equal(divide(numerator, denominator, rounding).quotient, quotient)
})

test('nothing is lost to rounding: result and remainder make the exact product', () => {
  const small = fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n })
  const rounding = fc.constantFrom<Rounding>('half_even', 'down', 'up')
  fc.assert(
    fc.property(small, small, fc.bigInt({ min: 1n, max: 10n ** 9n }), rounding, (amount, numerator, denominator, how) => {
      const { money: result, remainder } = multiply(eur(amount), { numerator, denominator }, how)
      assert.equal(result.amount * denominator + remainder.numerator, amount * numerator)
      const size = remainder.numerator < 0n ? -remainder.numerator : remainder.numerator
      assert.ok(how === 'half_even' ? size * 2n <= denominator : size < denominator)
    }),
  )
})

test('parts add up to the whole and differ from their exact share by less than one unit', () => {
  const weights = fc
    .array(fc.bigInt({ min: 0n, max: 10n ** 6n }), { minLength: 1, maxLength: 20 })
    .filter(list => list.some(weight => weight > 0n))
  fc.assert(
    fc.property(amounts, weights, (amount, list) => {
      const parts = allocate(eur(amount), list)
      assert.equal(
        parts.reduce((sum, part) => sum + part.amount, 0n),
        amount,
      )
      const total = list.reduce((sum, weight) => sum + weight, 0n)
      for (const [index, part] of parts.entries()) {
        const off = part.amount * total - amount * (list[index] ?? 0n)
        assert.ok((off < 0n ? -off : off) < total)
      }
    }),
  )
  assert.deepEqual(
    allocate(eur(100n), [1n, 1n, 1n]).map(part => part.amount),
    [34n, 33n, 33n],
  )
})

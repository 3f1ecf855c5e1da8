import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { newId } from './id.ts'
import { binLength, brandOf, cardSpans, findCardNumbers, passesLuhn } from './pan.ts'

/** Published test numbers: Stripe's and Adyen's documentation, and numbers made up to fit the ranges of NPCI and others. */
const numbers: readonly (readonly [number: string, brand: string])[] = [
  ['4242424242424242', 'visa'],
  ['4000056655665556', 'visa'],
  ['4222222222222', 'visa'],
  ['4000000000000000006', 'visa'],
  ['5555555555554444', 'mastercard'],
  ['2223003122003222', 'mastercard'],
  ['378282246310005', 'amex'],
  ['371449635398431', 'amex'],
  ['6011111111111117', 'discover'],
  ['6445644564456445', 'discover'],
  ['3056930009020004', 'diners'],
  ['36227206271667', 'diners'],
  ['3566002020360505', 'jcb'],
  ['6200000000000005', 'unionpay'],
  ['6205500000000000004', 'unionpay'],
  ['6304000000000000', 'maestro'],
  ['6759649826438453', 'maestro'],
  ['2200000000000004', 'mir'],
  ['6074820000000007', 'rupay'],
  ['6521500000000003', 'rupay'],
  ['6362970000457013', 'elo'],
  ['5066991111111118', 'elo'],
  ['6062828888666688', 'hipercard'],
  ['9792030000000000', 'troy'],
  ['5061260000000000003', 'verve'],
  ['5019555544445555', 'dankort'],
]
const ascii = (digits: string): Uint8Array => Buffer.from(digits)

/** The number with its last digit made to fit. */
function fitted(digits: string): string {
  for (let last = 0; last < 10; last += 1) {
    const candidate = digits.slice(0, -1) + String(last)
    if (passesLuhn(ascii(candidate))) return candidate
  }
  throw new Error('no digit fits')
}
const fittedNumbers = numbers.map(([digits, brand]) => [fitted(digits), brand] as const)

test('each scheme is known by range and length, its islands in other ranges included', () => {
  for (const [digits, brand] of fittedNumbers) assert.equal(brandOf(ascii(digits)), brand, digits)
  assert.equal(brandOf(ascii('42424242424242')), 'unknown')
  assert.equal(brandOf(ascii('1234567890123456')), 'unknown')
})

test('the check digit is the one that fits, and no other', () => {
  for (const [digits] of fittedNumbers) {
    for (let last = 0; last < 10; last += 1) {
      const candidate = digits.slice(0, -1) + String(last)
      assert.equal(passesLuhn(ascii(candidate)), candidate === digits, candidate)
    }
  }
})

test('eight leading digits may be seen only where the scheme allows it', () => {
  assert.equal(binLength('visa', 16), 8)
  assert.equal(binLength('visa', 13), 6)
  assert.equal(binLength('amex', 15), 6)
  assert.equal(binLength('maestro', 16), 6)
})

const fullWidth = (digits: string): string => [...digits].map(one => String.fromCharCode(0xff10 + Number(one))).join('')
const arabic = (digits: string): string => [...digits].map(one => String.fromCharCode(0x660 + Number(one))).join('')
const grouped = (digits: string, separator: string): string => digits.replace(/(.{4})(?=.)/g, `$1${separator}`)

test('a card number is found however it is written by hand', () => {
  for (const [digits] of fittedNumbers) {
    const written = [
      digits,
      fullWidth(digits),
      arabic(digits),
      ...[' ', '-', '\u00a0', '.', ' - '.slice(0, 2)].map(one => grouped(digits, one)),
    ]
    for (const text of written) {
      for (const around of [
        text,
        `my card is ${text}, thanks`,
        `"${text}"`,
        `pan=${text}&x=1`,
        `PAN${text}`,
        `%B${text}^DOE/JOHN^2512`,
        `;${text}=25121011234`,
        `12 ${text} 2026`,
      ]) {
        assert.equal(findCardNumbers(around), true, around)
      }
    }
  }
})

test('ids, digests, times, phone numbers and IBANs pass', () => {
  const passing = [
    '',
    '1763800000000',
    '1763800000000000',
    '1763800000000000000',
    '2026-11-22T10:02:33.123456Z',
    '2026.11.22 10.02.33.123',
    '+62 812 3456 78901',
    '+4915112345678',
    '0049 151 12345678',
    'FR76 3000 6000 0112 3456 7890 189',
    'DE89 3704 0044 0532 0130 00',
    'GB82 WEST 1234 5698 7654 32',
    '4242424242424241',
    '42424242424242424242424242424242',
    '99999999999999999999',
    '4242 4242 4242',
  ]
  for (const text of passing) assert.equal(findCardNumbers(text), false, text)
  let bytes = createHash('sha256').update('seed').digest()
  for (let i = 0; i < 20_000; i += 1) {
    bytes = createHash('sha256').update(bytes).digest()
    for (const id of [newId('ins', 1_763_800_000_000 + i, bytes), bytes.toString('hex'), randomUUID()]) {
      assert.equal(findCardNumbers(id), false, id)
    }
  }
})

test('random sixteen-digit numbers are rarely taken for cards', () => {
  let taken = 0
  let seed = 42
  for (let i = 0; i < 20_000; i += 1) {
    let digits = ''
    for (let j = 0; j < 16; j += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      digits += String(Math.floor(seed / 65_536) % 10)
    }
    if (findCardNumbers(digits)) taken += 1
  }
  assert.ok(taken / 20_000 < 0.05, `${taken} of 20000`)
})

test('a hostile text costs little', () => {
  const started = process.hrtime.bigint()
  for (const text of ['1 '.repeat(32_768), '4'.repeat(65_536), '42 '.repeat(21_845), 'ab12'.repeat(16_384)]) findCardNumbers(text)
  assert.ok(process.hrtime.bigint() - started < 1_000_000_000n)
})

test('spans tell where the number stands in bytes', () => {
  const bytes = Buffer.from('{"a":"4242 4242 4242 4242","b":1}')
  const [span] = cardSpans(bytes)
  assert.deepEqual(span, { from: 6, to: 25 })
})

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { passesLuhn } from '../core/pan.ts'
import { Problem } from '../core/problem.ts'
import { gather } from './door.ts'
import { captureBytesMax, forget, scanCapture } from './scan.ts'

const now = Date.UTC(2026, 10, 22)
const number = '4242424242424242'
const rest = '"expiry_month":3,"expiry_year":2030'
const json = (numberText: string, more = rest): Buffer => Buffer.from(`{"number":${numberText},${more}}`)

/** The problem of a body, after the rule that holds for every refusal: nothing of the value is repeated. */
function refusal(body: Buffer | string, secret = number): Problem {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body)
  try {
    scanCapture(bytes, now)
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    const shown = JSON.stringify([error.message, error.detail, error.errors])
    assert.equal(shown.includes(secret), false, shown)
    assert.equal(/[0-9]{5}/.test(shown.replaceAll('0 to 9', '')), false, shown)
    return error
  }
  assert.fail(`accepted: ${bytes.toString().slice(0, 60)}`)
}
const pointerOf = (body: Buffer | string): string | undefined => refusal(body).errors[0]?.pointer

/** Numbers of every length, made to fit their check digit. */
function fitted(prefix: string, length: number): string {
  const base = prefix.padEnd(length - 1, '0')
  for (let last = 0; last < 10; last += 1) if (passesLuhn(Buffer.from(base + last))) return base + last
  return assert.fail('no digit fits')
}

test('every scheme and every length from 12 to 19 is read, with spaces and dashes', () => {
  const prefixes = [
    '4',
    '51',
    '2221',
    '34',
    '37',
    '6011',
    '644',
    '30',
    '36',
    '3528',
    '62',
    '81',
    '50',
    '6304',
    '2200',
    '508500',
    '6521',
    '636297',
    '9792',
    '999999',
  ]
  for (const prefix of prefixes) {
    for (let length = 12; length <= 19; length += 1) {
      const digits = fitted(prefix, length)
      for (const written of [digits, digits.replace(/(.{4})(?=.)/g, '$1 '), digits.replace(/(.{4})(?=.)/g, '$1-'), ` ${digits} `]) {
        const card = scanCapture(json(`"${written}"`), now)
        assert.equal(card.number.toString(), digits)
        assert.equal(card.last4, digits.slice(-4))
        assert.ok(digits.startsWith(card.bin))
        forget(card)
        assert.ok(card.number.every(byte => byte === 0))
      }
    }
    for (const length of [11, 20, 24]) assert.equal(pointerOf(json(`"${fitted(prefix, length)}"`)), '/number')
  }
})

test('one digit beside the check digit is refused', () => {
  for (let last = 0; last < 10; last += 1) {
    const body = json(`"${number.slice(0, -1)}${last}"`)
    if (last === 2) assert.equal(scanCapture(body, now).last4, '4242')
    else assert.equal(pointerOf(body), '/number')
  }
})

test('digits must be digits: no escapes, no full-width or Arabic ones, no other separators, no number type', () => {
  const written = [
    `"\\u0034${number.slice(1)}"`,
    `"${number}\\u0020"`,
    `"${number.replaceAll('4', '４')}"`,
    `"${number.replaceAll('4', '٤')}"`,
    `"4242\u00a04242\u00a04242\u00a04242"`,
    `"4242.4242.4242.4242"`,
    `"4242_4242_4242_4242"`,
    `"4242\\t4242\\t4242\\t4242"`,
    `"+${number}"`,
    `"${number}e0"`,
    `"${number.split('').join('   ')}"`,
    number,
    `-${number}`,
    '4.242424242424242e15',
    'null',
    'true',
    `["${number}"]`,
    `{"a":"${number}"}`,
    '""',
    '"    "',
    '"----------------"',
  ]
  for (const one of written) assert.equal(pointerOf(json(one)), '/number', one)
})

test('a refusal never repeats an unknown field, which may be a card number itself', () => {
  assert.equal(pointerOf(`{"${number}":1}`), '/')
  assert.equal(pointerOf(`{"pan":"${number}"}`), '/pan')
  assert.equal(pointerOf(`{"__proto__":"${number}"}`), '/__proto__')
  assert.equal(pointerOf(`{"nu\\u006dber":"${number}"}`), '/')
  assert.equal(pointerOf(`{"Number":"${number}"}`), '/')
})

test('a field appears once', () => {
  assert.equal(pointerOf(`{"number":"${number}","number":"${number}",${rest}}`), '/number')
  assert.equal(pointerOf(`{"number":"${number}",${rest},"expiry_year":2031}`), '/expiry_year')
})

test('what is not one JSON object is malformed', () => {
  const bodies = [
    '',
    ' ',
    '[]',
    '"x"',
    `\ufeff{"number":"${number}",${rest}}`,
    `{"number":"${number}",${rest}`,
    `{"number":"${number}",${rest}}}`,
    `{"number":"${number}",${rest},}`,
    `{"number" "${number}"}`,
    `{number:"${number}"}`,
    `{'number':'${number}'}`,
    `{"number":"${number}`,
    `{"number":"${number}\n",${rest}}`,
    `{"number":"${number}"}{"number":"${number}"}`,
    `{"number":,${rest}}`,
    '{"a',
    '{"number":"\\',
  ]
  for (const body of bodies) assert.equal(refusal(body).code, 'malformed_body', body)
  assert.equal(refusal(Buffer.from(`{"number":"${number}"}`, 'utf16le')).code, 'malformed_body')
})

test('nothing deep and nothing large is read', () => {
  assert.equal(pointerOf(json('['.repeat(2000))), '/number')
  assert.equal(refusal(Buffer.alloc(captureBytesMax + 1, 0x20)).code, 'body_too_large')
  assert.equal(pointerOf(json(`"${' '.repeat(3900)}"`)), '/number')
})

test('a card is good until the end of its month everywhere', () => {
  const at = (month: unknown, year: unknown, when: number) =>
    scanCapture(json(`"${number}"`, `"expiry_month":${month},"expiry_year":${year}`), when)
  assert.equal(at(11, 2026, Date.UTC(2026, 11, 1, 11, 59)).expiryMonth, 11)
  assert.throws(() => at(11, 2026, Date.UTC(2026, 11, 1, 12)), Problem)
  assert.equal(at('"12"', '"2026"', Date.UTC(2026, 11, 31)).expiryYear, 2026)
  assert.equal(at('"01"', 2027, now).expiryMonth, 1)
  for (const month of [0, 13, '"1 "', 1.5, '1e0', -1, 'null', '"١"', '001', '""'])
    assert.throws(() => at(month, 2030, now), Problem, String(month))
  for (const year of [25, '"30"', 2025, 2057, 20_300, '2030.0', 'true']) assert.throws(() => at(1, year, now), Problem, String(year))
})

test('every field at fault is named at once', () => {
  const problem = refusal('{"number":"1","expiry_month":13,"security_code":"12","holder":""}')
  assert.deepEqual(
    problem.errors.map(one => one.pointer),
    ['/number', '/security_code', '/holder', '/expiry_month', '/expiry_year'],
  )
})

test('a security code is three or four digits in a string', () => {
  for (const code of ['123', '0000'])
    assert.equal(scanCapture(json(`"${number}"`, `${rest},"security_code":"${code}"`), now).securityCode?.toString(), code)
  for (const code of ['"12"', '"12345"', '"12a"', '123', 'null', '"\\u0031"', '"１２３"', '""']) {
    assert.equal(pointerOf(json(`"${number}"`, `${rest},"security_code":${code}`)), '/security_code', code)
  }
})

test('a holder is a name, not a card number and not a trick', () => {
  const holderOf = (text: string) => scanCapture(json(`"${number}"`, `${rest},"holder":${text}`), now).holder?.toString()
  assert.equal(holderOf('"Zoë \\"Z\\" O\'Brien"'), 'Zoë "Z" O\'Brien')
  assert.equal(holderOf('"\\u00e9"'), 'é')
  const refused = [
    `"${number}"`,
    '"4242 4242 4242 4242"',
    '"4242\u00a04242\u00a04242\u00a04242"',
    '"\\u00342424242424242 42"',
    '""',
    '" "',
    '"a\\u0000b"',
    '"\\ud800"',
    '"a\\nb"',
    '"\u202eevil"',
    `"${'x'.repeat(101)}"`,
    '7',
    '"\\x"',
    '[]',
  ]
  for (const text of refused) assert.equal(pointerOf(json(`"${number}"`, `${rest},"holder":${text}`)), '/holder', text)
  const broken = Buffer.concat([Buffer.from(`{"number":"${number}",${rest},"holder":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
  assert.equal(pointerOf(broken), '/holder')
})

test('a body that arrives in pieces is the same body, and no piece keeps it', async () => {
  const whole = json(`"${number}"`, `${rest},"security_code":"123"`)
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const pieces = [Buffer.from(whole.subarray(0, cut)), Buffer.from(whole.subarray(cut))].filter(one => one.length > 0)
    const card = scanCapture(await gather(Readable.from(pieces)), now)
    assert.equal(card.number.toString(), number)
    for (const piece of pieces) assert.ok(piece.every(byte => byte === 0))
  }
  const bytewise = [...whole].map(byte => Buffer.from([byte]))
  assert.equal(scanCapture(await gather(Readable.from(bytewise)), now).securityCode?.toString(), '123')
  await assert.rejects(gather(Readable.from([Buffer.alloc(4000), Buffer.alloc(4000)])), Problem)
})

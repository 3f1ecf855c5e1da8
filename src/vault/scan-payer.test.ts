import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PayerField, payerFields } from '../channels/source.ts'
import { Problem } from '../core/problem.ts'
import { readCapture } from './capture.ts'
import { captureBytesMax, forget, scanCapture } from './scan.ts'

const now = Date.UTC(2026, 10, 24)

/** Read as the door's body is: kind, country, scheme and every value as text. */
async function read(body: Buffer | string | Record<string, unknown>) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify({ payer: body }))
  const { facts, secrets, once } = await readCapture(bytes, now, undefined)
  assert.equal(once, undefined)
  if (facts.kind === 'card' || facts.kind === 'device_token' || !('values' in secrets)) assert.fail('not a payer')
  return { ...facts, values: Object.fromEntries(Array.from(secrets.values, ([field, value]) => [field, value.toString()])) }
}

/** The problem of a body, after the rule that holds for every refusal: nothing of what was sent is repeated. */
async function refusal(body: Buffer | string | Record<string, unknown>, secret?: string): Promise<Problem> {
  const error = await read(body).then(
    () => assert.fail(`accepted: ${JSON.stringify(body)}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Problem, String(error))
  const shown = JSON.stringify([error.message, error.detail, error.errors])
  if (secret !== undefined && secret.length > 2) assert.equal(shown.includes(secret), false, shown)
  return error
}
const pointersOf = async (body: Record<string, unknown> | string): Promise<readonly string[]> =>
  (await refusal(body)).errors.map(one => one.pointer)

const german = { kind: 'bank_account', scheme: 'sepa_debit', country: 'DE', iban: 'DE89370400440532013000' }

test('every kind of payer is read, and numbers are kept without what people write between them', async () => {
  const cases: readonly (readonly [Record<string, unknown>, Record<string, string>, tail: string])[] = [
    [{ ...german, iban: 'de89 3704 0044 0532 0130 00', name: 'Zoë "Z" Doe' }, { name: 'Zoë "Z" Doe', iban: german.iban }, '3000'],
    [
      { kind: 'bank_account', scheme: 'ach', country: 'US', routingNumber: '110000000', accountNumber: '000123456789' },
      { accountNumber: '000123456789', routingNumber: '110000000' },
      '6789',
    ],
    [
      { kind: 'bank_account', scheme: 'bacs', country: 'GB', routingNumber: '20-00-00', accountNumber: '5577 9911' },
      { accountNumber: '55779911', routingNumber: '200000', branch: '200000' },
      '9911',
    ],
    [{ kind: 'wallet', scheme: 'gcash', country: 'PH', phone: '+63 (917) 123-4567' }, { phone: '+639171234567' }, '4567'],
    [{ kind: 'wallet', country: 'US', email: 'a.b+c@shop.example' }, { email: 'a.b+c@shop.example' }, ''],
    [
      {
        kind: 'instant_mandate',
        scheme: 'pix_automatico',
        country: 'BR',
        taxId: '12.abc.345/01de-35',
        bank: '60746948',
        branch: '1234',
        accountNumber: '12345-6',
      },
      { taxId: '12ABC34501DE35', accountNumber: '123456', branch: '1234', bank: '60746948' },
      '',
    ],
    [{ kind: 'instant_mandate', scheme: 'upi_autopay', country: 'IN', vpa: 'gaurav.kumar@okaxis' }, { vpa: 'gaurav.kumar@okaxis' }, ''],
    [{ kind: 'carrier_account', country: 'ES', phone: '+34 600 123 456' }, { phone: '+34600123456' }, '3456'],
    [
      { kind: 'bank_account', country: 'NZ', accountNumber: '123456789012345', line1: '1 Queen St', city: 'Auckland', postalCode: '1010' },
      { accountNumber: '123456789012345', line1: '1 Queen St', city: 'Auckland', postalCode: '1010' },
      '2345',
    ],
  ]
  for (const [body, values, tail] of cases) {
    const payer = await read(body)
    assert.deepEqual(payer.values, values)
    assert.deepEqual(
      payer.held,
      payerFields.filter(field => field in values),
    )
    assert.deepEqual([payer.kind, payer.country, payer.scheme, payer.tail], [body.kind, body.country, body.scheme, tail])
  }
})

/** What is refused in each field, of payers who are otherwise good. */
const bad: Readonly<Record<PayerField, readonly (readonly [country: string, value: unknown])[]>> = {
  iban: [
    ['DE', 'DE89370400440532013001'],
    ['DE', 'DE8937040044053201300'],
    ['DE', 'ZZ89370400440532013000'],
    ['DE', 'DE89_3704_0044_0532_0130_00'],
    ['DE', 'DE８９370400440532013000'],
    ['DE', 'DE89370400440532013000'.padEnd(70)],
    ['DE', 89_370_400],
    ['DE', null],
    ['DE', ''],
  ],
  routingNumber: [
    ['US', '110000001'],
    ['US', '11000000'],
    ['US', '990000000'],
    ['GB', '2000000'],
    ['GB', '2O0000'],
    ['AU', '12'],
    ['AU', '1234567890123'],
  ],
  accountNumber: [
    ['US', '123'],
    ['US', '123456789012345678'],
    ['GB', '5577991'],
    ['GB', '5577991a'],
    ['SE', '1'],
    ['SE', '1'.repeat(35)],
    ['SE', '1234\u0000'],
  ],
  taxId: [
    ['BR', '52998224726'],
    ['BR', '11111111111'],
    ['BR', '12ABC34501DE36'],
    ['BR', '5299822472'],
    ['MX', 'ABC'],
    ['MX', '1'.repeat(21)],
  ],
  bank: [
    ['BR', '6074694'],
    ['DE', 'x'],
    ['DE', '1234567890123'],
  ],
  branch: [
    ['BR', '12345'],
    ['DE', ''],
    ['DE', '1234567890123'],
  ],
  phone: [
    ['US', '4155550123'],
    ['US', '0014155550123'],
    ['US', '+0155550100'],
    ['US', '+14155550123123456'],
    ['US', '++14155550123'],
    ['US', '+1415555OIOO'],
    ['US', 14_155_550_123],
  ],
  email: [
    ['US', 'nobody'],
    ['US', 'a@b'],
    ['US', 'a b@c.example'],
    ['US', 'a@b.example\n'],
    ['US', `${'a'.repeat(65)}@b.example`],
    ['US', {}],
  ],
  vpa: [
    ['IN', 'gaurav'],
    ['IN', '@okaxis'],
    ['IN', 'gaurav kumar@okaxis'],
    ['IN', 'gaurav@okaxis@okaxis'],
  ],
  name: [
    ['DE', ''],
    ['DE', ' '],
    ['DE', 'x'.repeat(101)],
    ['DE', '4242 4242 4242 4242'],
    ['DE', 'a\u0000b'],
    ['DE', '\u202eevil'],
    ['DE', ['a']],
  ],
  line1: [
    ['DE', 'x'.repeat(201)],
    ['DE', 'a\tb'],
  ],
  city: [
    ['DE', 'x'.repeat(101)],
    ['DE', true],
  ],
  postalCode: [
    ['DE', 'x'.repeat(17)],
    ['DE', ''],
  ],
}

test('bad input is refused with the field’s name, and nothing of it is repeated', async () => {
  for (const field of payerFields) {
    for (const [country, value] of bad[field]) {
      const partner =
        field === 'accountNumber' ? { routingNumber: country === 'US' ? '110000000' : '200000' } : { accountNumber: '55779911' }
      const pair = (country === 'US' || country === 'GB') && (field === 'routingNumber' || field === 'accountNumber') ? partner : {}
      const problem = await refusal(
        { kind: 'bank_account', country, ...pair, [field]: value },
        typeof value === 'string' ? value : undefined,
      )
      assert.deepEqual(
        problem.errors.map(one => one.pointer),
        [`/payer/${field}`],
        `${field} ${JSON.stringify(value)}`,
      )
    }
  }
})

test('kind, scheme and country are words we know', async () => {
  assert.deepEqual(await pointersOf({ ...german, kind: 'card' }), ['/payer/kind'])
  assert.deepEqual(await pointersOf({ country: 'DE', iban: german.iban }), ['/payer/kind'])
  for (const country of ['de', 'DEU', 'D', 49, undefined]) assert.deepEqual(await pointersOf({ ...german, country }), ['/payer/country'])
  assert.deepEqual(await pointersOf({ ...german, scheme: 'visa' }), ['/payer/scheme'])
  assert.deepEqual(await pointersOf({ kind: 'instant_mandate', scheme: 'ach', country: 'BR', taxId: '52998224725' }), ['/payer/scheme'])
  assert.deepEqual(await pointersOf({ kind: 'wallet', scheme: 'GCash!', country: 'PH', phone: '+639171234567' }), ['/payer/scheme'])
  assert.deepEqual(await pointersOf({ kind: 'carrier_account', scheme: 'x', country: 'ES', phone: '+34600123456' }), ['/payer/scheme'])
})

test('both numbers of a British or American account are needed, and something of every payer', async () => {
  assert.deepEqual(await pointersOf({ kind: 'bank_account', country: 'US', accountNumber: '000123456789' }), ['/payer/routingNumber'])
  assert.deepEqual(await pointersOf({ kind: 'bank_account', country: 'GB', routingNumber: '200000' }), ['/payer/accountNumber'])
  assert.deepEqual(await pointersOf({ kind: 'wallet', country: 'US' }), ['/payer'])
})

test('a British sort code is taken under either name, and known under both', async () => {
  const british = { kind: 'bank_account', scheme: 'bacs', country: 'GB', accountNumber: '55779911' }
  const values = { accountNumber: '55779911', routingNumber: '200000', branch: '200000' }
  for (const given of [{ branch: '20 00 00' }, { routingNumber: '200000' }, { routingNumber: '20-00-00', branch: '200000' }])
    assert.deepEqual((await read({ ...british, ...given })).values, values)
  assert.deepEqual(await pointersOf({ ...british, branch: '20000' }), ['/payer/branch'])
  assert.deepEqual(await pointersOf({ ...british, routingNumber: '20000' }), ['/payer/routingNumber'])
  assert.deepEqual(await pointersOf({ ...british, routingNumber: '200000', branch: '200001' }), ['/payer/branch'])
})

test('every field at fault is named at once', async () => {
  const body = { kind: 'x', country: 'x', iban: 'x', email: 'x', phone: 'x' }
  assert.deepEqual(await pointersOf(body), ['/payer/kind', '/payer/country', '/payer/email', '/payer/phone', '/payer/iban'])
})

test('the grammar is as strict as a card’s', async () => {
  assert.deepEqual(await pointersOf({ ...german, bic: 'COBADEFF' }), ['/payer/bic'])
  assert.deepEqual(await pointersOf({ ...german, DE89370400440532013000: 1 }), ['/payer/'])
  assert.deepEqual(await pointersOf('{"payer":{"kind":"wallet","kind":"wallet"}}'), ['/payer/kind'])
  assert.deepEqual(await pointersOf('{"payer":{"name":{"first":"x"}}}'), ['/payer/name'])
  assert.deepEqual(await pointersOf(`{"payer":${JSON.stringify(german)},"number":"4242424242424242"}`), ['/payer'])
  const malformed = [
    '{"payer":[]}',
    '{"payer":"x"}',
    '{"payer":{',
    '{"payer":{}',
    '{"payer":{}}}',
    '{"payer"}',
    '{"payer":{"kind":}}',
    '{"payer":{},}',
  ]
  for (const body of malformed) assert.ok(['malformed_body', 'invalid_request'].includes((await refusal(body)).code), body)
  assert.equal((await refusal(`{"payer":${JSON.stringify(german)}}`.padEnd(captureBytesMax + 1))).code, 'body_too_large')
  const escaped = `{"payer":{"kind":"bank_account","country":"DE","iban":"DE\\u00389370400440532013000"}}`
  assert.deepEqual(await pointersOf(escaped), ['/payer/iban'])
  assert.equal((await refusal('{"x":1,"payer":{}}')).errors[0]?.pointer, '/x', 'a card’s body has no payer')
})

test('telling the forms apart costs a card nearly nothing', { timeout: 60_000 }, () => {
  const body = Buffer.from('{"number":"4242 4242 4242 4242","expiry_month":3,"expiry_year":2030,"security_code":"123","holder":"Zoe Doe"}')
  const rounds = { scan: Number.POSITIVE_INFINITY, read: Number.POSITIVE_INFINITY }
  const timed = (act: () => void): number => {
    const start = performance.now()
    for (let i = 0; i < 5000; i += 1) act()
    return performance.now() - start
  }
  for (let round = 0; round < 12; round += 1) {
    rounds.scan = Math.min(
      rounds.scan,
      timed(() => forget(scanCapture(body, now))),
    )
    rounds.read = Math.min(
      rounds.read,
      timed(() => void readCapture(body, now, undefined)),
    )
  }
  assert.ok(rounds.read < rounds.scan * 1.5, `${(rounds.read / rounds.scan).toFixed(2)} times the scan alone`)
})

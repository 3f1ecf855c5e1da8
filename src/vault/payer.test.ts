/** Payers and device tokens from capture to channel; what holds for everything that is captured is in `vault.test.ts`, shown on cards. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ChannelRequest } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { createMemoryStore } from '../world/memory.ts'
import { inputs, outputs } from './calls.ts'
import type { OpenedToken } from './capture.ts'
import { captureLifeMs, codeLifeMs, hotLifeMs } from './captures.ts'
import { checked } from './checked.ts'
import type { SendBytes } from './forward.ts'
import { createReplays } from './replays.ts'
import { keyRoot } from './root.ts'
import { sweepOwnerless } from './sweep.ts'
import { deks, openedTokens, records, vaultTables } from './tables.ts'
import { createVault, type VaultPorts } from './vault.ts'

const root = keyRoot('file', createSecretKey(Buffer.alloc(32, 1)), randomBytes)
const grant = { tenant: 'ten_1', mode: 'test' } as const
const iban = 'DE89370400440532013000'
const german = { kind: 'bank_account', scheme: 'sepa_debit', country: 'DE', iban, name: 'Zoë "Z" Doe', email: 'zoe+pay@shop.example' }
const dpan = '4895370012003478'
const cryptogram = 'AK+/zcBQgu8yAAKJbRN4AoABFA=='

function stage(more: Partial<VaultPorts> = {}) {
  const clock = { now: Date.UTC(2026, 10, 24) }
  const sent: string[] = []
  const opened: OpenedToken[] = []
  const send: SendBytes = async request => {
    sent.push(request.body?.toString() ?? '')
    return { status: 200, headers: {}, body: Buffer.from('{}') }
  }
  const store = createMemoryStore(vaultTables)
  const ports: VaultPorts = {
    now: () => clock.now,
    random: randomBytes,
    store,
    root,
    send,
    origins: new Set(['https://api.channel.example']),
    allowLoopback: false,
    // A token in these tests is what would come out of a real one.
    openToken: async (wallet, token) => {
      const told: unknown = JSON.parse(token.toString())
      const pan = typeof told === 'object' && told !== null && 'pan' in told
      opened.push({
        number: Buffer.from(dpan),
        numberIs: pan ? 'card' : 'device',
        expiryMonth: 12,
        expiryYear: 2030,
        cryptogram: pan ? undefined : Buffer.from(cryptogram),
        eci: wallet === 'apple_pay' ? '07' : undefined,
      })
      return opened.at(-1) ?? assert.fail()
    },
    ...more,
  }
  return { clock, sent, store, ports, opened, vault: createVault(ports) }
}

const bodyOf = (payer: Record<string, unknown>): Buffer => Buffer.from(JSON.stringify({ payer }))
const tokenBody = (name: 'apple_pay' | 'google_pay', token: unknown = { data: 'x}"{', nested: { a: [1, '}'] } }): Buffer =>
  Buffer.from(JSON.stringify({ [name]: token }))
const adoption = (reference: string) => ({ ...grant, reference, instrument: 'ins_1', instrumentVersion: 1, operation: 'opn_1' })
const forwarding = (body: string, type = 'application/json') => {
  const { reference: _, ...owner } = adoption('')
  const request: ChannelRequest = {
    method: 'POST',
    url: 'https://api.channel.example/mandates',
    headers: { 'content-type': type },
    body,
    placeholders: true,
  }
  return { ...owner, timeoutMs: 1000, request }
}
const gone = (error: unknown): boolean => error instanceof Problem && error.code === 'gone'

test('a payer is told by kind, scheme, country, what is held and a tail, at the door as inside', async () => {
  const { vault } = stage()
  const { reference, ...answer } = await vault.capture(grant, bodyOf(german))
  const shown = { kind: 'bank_account', scheme: 'sepa_debit', country: 'DE', held: ['name', 'email', 'iban'], tail: '3000' }
  assert.deepEqual(answer, { ...shown, expires_at: '2026-11-24T00:15:00.000Z' })
  const peeked = await vault.peek({ ...grant, reference })
  assert.ok(peeked?.kind === 'bank_account')
  assert.deepEqual([peeked.scheme, peeked.payer], ['sepa_debit', { held: ['name', 'email', 'iban'], tail: '3000', country: 'DE' }])
  assert.match(peeked.fingerprint ?? '', /^ifp_[0-9a-z]{32}$/)
  assert.deepEqual(checked(outputs.peek, JSON.parse(JSON.stringify(peeked))), peeked, 'the socket carries it as it is')
  assert.equal(await vault.peek({ ...grant, tenant: 'ten_2', reference }), undefined)
})

test('an account, a telephone, a Pix payer and a UPI address are known again within their tenant and mode, and never taken for each other', async () => {
  const { vault } = stage()
  const printOf = async (payer: Record<string, unknown>, where: { tenant: string; mode: 'test' | 'live' } = grant) => {
    const { reference } = await vault.capture(where, bodyOf(payer))
    return (await vault.peek({ ...where, reference }))?.fingerprint
  }
  const british = { kind: 'bank_account', country: 'GB', routingNumber: '60-16-13', accountNumber: '31926819' }
  const brazilian = { country: 'BR', taxId: '52998224725', bank: '60746948', branch: '1234', accountNumber: '123456' }
  const wallet = { kind: 'wallet', scheme: 'gcash', country: 'PH', phone: '+639171234567' }
  const upi = { kind: 'instant_mandate', scheme: 'upi_autopay', country: 'IN', vpa: 'gaurav@okaxis' }
  const one = await printOf(german)
  assert.equal(await printOf({ ...german, scheme: undefined, iban: 'de89 3704 0044 0532 0130 00', name: 'Another', email: undefined }), one)
  assert.equal(await printOf({ kind: 'bank_account', country: 'GB', iban: 'GB29NWBK60161331926819' }), await printOf(british))
  assert.equal(await printOf({ ...british, routingNumber: undefined, branch: '601613' }), await printOf(british))
  assert.equal(await printOf({ ...upi, vpa: 'Gaurav@OKAXIS' }), await printOf(upi))
  const all = [
    one,
    await printOf(german, { ...grant, mode: 'live' }),
    await printOf(german, { ...grant, tenant: 'ten_2' }),
    await printOf(british),
    await printOf({ ...british, accountNumber: '31926820' }),
    await printOf({ kind: 'instant_mandate', scheme: 'pix_automatico', ...brazilian }),
    await printOf({ kind: 'instant_mandate', scheme: 'pix_automatico', ...brazilian, taxId: '11144477735' }),
    await printOf({ kind: 'bank_account', ...brazilian }),
    await printOf(wallet),
    await printOf({ ...wallet, scheme: 'maya' }),
    await printOf({ kind: 'carrier_account', country: 'PH', phone: wallet.phone }),
    await printOf(upi),
  ]
  assert.equal(all.includes(undefined), false)
  assert.equal(new Set(all).size, all.length)
  for (const unknown of [
    { kind: 'wallet', country: 'US', email: 'zoe@shop.example' },
    { kind: 'bank_account', country: 'NZ', accountNumber: '123456' },
    { kind: 'instant_mandate', country: 'BR', taxId: '52998224725' },
    { kind: 'bank_account', country: 'US', phone: '+14155550100' },
  ]) {
    assert.equal(await printOf(unknown), undefined)
  }
})

test('a request goes out filled and escaped, from memory and from the sealed row alike', async () => {
  const { vault, sent, clock, ports } = stage()
  const { reference } = await vault.capture(grant, bodyOf(german))
  const adopted = await vault.adopt(adoption(reference))
  const body = '{"iban":"{{payer.iban}}","holder":"{{payer.name}}","to":"{{payer.email}}"}'
  const form = 'n={{payer.name}}&i={{payer.iban}}&e={{payer.email}}'
  const filled = `{"iban":"${iban}","holder":"Zoë \\"Z\\" Doe","to":"zoe+pay@shop.example"}`
  await vault.forward(forwarding(body))
  clock.now += hotLifeMs
  vault.forgetLapsed()
  await vault.forward(forwarding(body))
  await createVault(ports).forward(forwarding(form, 'application/x-www-form-urlencoded'))
  assert.deepEqual(sent, [filled, filled, `n=Zo%C3%AB%20%22Z%22%20Doe&i=${iban}&e=zoe%2Bpay%40shop.example`])
  assert.deepEqual(await createVault(ports).adopt(adoption(reference)), adopted)
  assert.deepEqual(checked(inputs.forward, forwarding(body)), forwarding(body))
})

test('what a form encoder has encoded is somebody’s text: nothing is filled into it, in a form or in JSON', async () => {
  const { vault, sent } = stage()
  const { reference } = await vault.capture(grant, bodyOf(german))
  await vault.adopt(adoption(reference))
  const text = new URLSearchParams({ note: '{{payer.iban}}' }).toString()
  await vault.forward(forwarding(`n={{payer.name}}&${text}`, 'application/x-www-form-urlencoded'))
  await vault.forward(forwarding('{"n":"{{payer.name}}","note":"%7B%7Bpayer.iban%7D%7D"}'))
  assert.deepEqual(sent, [
    'n=Zo%C3%AB%20%22Z%22%20Doe&note=%7B%7Bpayer.iban%7D%7D',
    '{"n":"Zoë \\"Z\\" Doe","note":"%7B%7Bpayer.iban%7D%7D"}',
  ])
})

test('every field is filled, and one that is not held sends nothing', async () => {
  const { vault, sent } = stage()
  const values = {
    ...{ name: 'A B', email: 'a@b.example', phone: '+5511998765432', taxId: '52998224725', iban: 'BR6699999A03000010009795493C1' },
    ...{ accountNumber: '123456', routingNumber: '001', branch: '0001', bank: '60746948', vpa: 'ab@upi' },
    ...{ line1: 'Av. Paulista 1\\2', city: 'São Paulo', postalCode: '01310-100' },
  }
  const { reference } = await vault.capture(grant, bodyOf({ kind: 'instant_mandate', country: 'BR', ...values }))
  await vault.adopt(adoption(reference))
  const template = Object.fromEntries(Object.keys(values).map(name => [name, `{{payer.${name}}}`]))
  await vault.forward(forwarding(JSON.stringify(template)))
  assert.deepEqual(JSON.parse(sent[0] ?? ''), values)
  for (const body of ['{"a":"{{payer.iban}}","b":"{{payer.iban}}"}', '{"a":"{{payer.pin}}"}', '{"a":"{{payee.iban}}{{payer.x}}"}'])
    await assert.rejects(vault.forward(forwarding(body)), TypeError, body)
  await assert.rejects(vault.forward(forwarding('{"a":"{{card.number}}"}')), gone)
  const other = await vault.capture(grant, bodyOf({ kind: 'wallet', country: 'US', email: 'a@b.example' }))
  await vault.adopt({ ...adoption(other.reference), instrument: 'ins_2' })
  await assert.rejects(vault.forward({ ...forwarding('{"a":"{{payer.phone}}"}'), instrument: 'ins_2' }), gone)
  assert.equal(sent.length, 1)
})

test('what the channel echoes comes back masked but for the last four; names and towns are left alone', async () => {
  const echo = {
    ...{ iban, printed: 'DE89 3704 0044 0532 0130 00', mail: 'to zoe+pay@shop.example', name: german.name, city: 'Berlin', short: '12345' },
    ...{
      phone: '+4915112345678',
      bare: '4915112345678',
      number: 4_915_112_345_678,
      tax: 'x52998224725y',
      id: 'md_1',
      other: '5555555555554444',
    },
  }
  const { vault } = stage({
    send: async () => ({ status: 201, headers: { location: `/accounts/${iban}` }, body: Buffer.from(JSON.stringify(echo)) }),
  })
  const more = { phone: '+49 151 12345678', taxId: '52998224725', city: 'Berlin', branch: '12345' }
  const { reference } = await vault.capture(grant, bodyOf({ ...german, ...more }))
  await vault.adopt(adoption(reference))
  const answer = await vault.forward(forwarding('{"iban":"{{payer.iban}}"}'))
  assert.equal(answer.headers.location, '/accounts/******************3000')
  assert.deepEqual(JSON.parse(answer.body), {
    ...{ iban: '******************3000', printed: '**** **** **** **** **30 00', mail: 'to ****************mple', name: german.name },
    ...{ city: 'Berlin', short: '12345', phone: '+*********5678', bare: '*********5678', number: 9_999_999_999_999, tax: 'x*******4725y' },
    ...{ id: 'md_1', other: '5555555555554444' },
  })
})

test('a channel that writes a number or an address in its own way does not tell it', async () => {
  const echo = {
    ...{
      mail: 'ZOE+pay@Shop.Example',
      phone: '+49 (151) 123-45678',
      tax: '529.982.247-25',
      account: '12-3456 78',
      iban: iban.toLowerCase(),
    },
    ...{ list: [12, 34, 56, 78], sums: '12,34,56,78', id: 'md_1' },
  }
  const { vault } = stage({ send: async () => ({ status: 400, headers: {}, body: Buffer.from(JSON.stringify(echo)) }) })
  const more = { phone: '+49 151 12345678', taxId: '52998224725', accountNumber: '12345678' }
  const { reference } = await vault.capture(grant, bodyOf({ ...german, ...more }))
  await vault.adopt(adoption(reference))
  const answer = await vault.forward(forwarding('{"iban":"{{payer.iban}}"}'))
  assert.deepEqual(JSON.parse(answer.body), {
    ...{ mail: '****************mple', phone: '+** (***) ***-*5678', tax: '***.***.*47-25', account: '**-**56 78' },
    ...{ iban: '******************3000', list: [12, 34, 56, 78], sums: '12,34,56,78', id: 'md_1' },
  })
})

test('what is captured lapses, and is zeroed when it does', async () => {
  const { vault, clock } = stage()
  const { reference } = await vault.capture(grant, bodyOf(german))
  const held = vault.captures.get({ ...grant, reference })
  if (held === undefined || !('values' in held.secrets)) assert.fail('a payer was expected')
  const values = [...held.secrets.values.values()]
  clock.now += captureLifeMs
  vault.forgetLapsed()
  assert.equal(await vault.adopt(adoption(reference)), undefined)
  assert.ok(values.every(value => value.every(byte => byte === 0)))
  const second = await vault.capture(grant, bodyOf(german))
  const again = vault.captures.get({ ...grant, reference: second.reference })
  await vault.adopt(adoption(second.reference))
  clock.now += hotLifeMs
  vault.forgetLapsed()
  assert.ok(again !== undefined && 'values' in again.secrets)
  for (const value of again.secrets.values.values()) assert.ok(value.every(byte => byte === 0))
})

test('nothing that names a payer is in the database, and nothing of what never may be', async () => {
  const { vault, store } = stage()
  const payer = {
    ...{ kind: 'instant_mandate', scheme: 'pix_automatico', country: 'BR', name: 'Maria Canary', email: 'canary@shop.example' },
    ...{ phone: '+5511998765432', taxId: '52998224725', iban, accountNumber: '9876543210', bank: '60746948', vpa: 'canary@okaxis' },
    ...{ line1: 'Canary Wharf 1', city: 'Canaryville', postalCode: '01310-100' },
  }
  const { reference } = await vault.capture(grant, bodyOf(payer))
  await vault.adopt(adoption(reference))
  const token = await vault.capture(grant, tokenBody('apple_pay'))
  await vault.adopt({ ...adoption(token.reference), instrument: 'ins_2' })
  const { kind: _, scheme: __, country: ___, ...secrets } = payer
  const hidden = [...Object.values(secrets), dpan, cryptogram, reference, token.reference]
  const rows = Object.values(store.snapshot()).flat()
  assert.ok(rows.length >= 6)
  for (const row of rows) {
    for (const value of Object.values(row)) {
      const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value) ?? '')
      for (const secret of hidden) assert.equal(bytes.includes(secret), false, secret)
    }
  }
})

test('a payer nobody owns is removed after an hour, envelope and key', async () => {
  const { vault, store, clock } = stage()
  const { reference } = await vault.capture(grant, bodyOf(german))
  await vault.adopt(adoption(reference))
  clock.now += 3_600_000
  assert.equal(await sweepOwnerless(vault, () => Promise.resolve(true), 100), 0)
  const other = await vault.capture(grant, bodyOf(german))
  await vault.adopt({ ...adoption(other.reference), instrument: 'ins_2' })
  clock.now += 3_600_000
  assert.equal(await sweepOwnerless(vault, () => Promise.resolve(false), 100), 1)
  assert.deepEqual([store.count(records), store.count(deks)], [1, 1], 'the one that was confirmed stays')
})

test('a device token is captured as a card with its wallet, and its cryptogram goes out with one operation', async () => {
  const { vault, sent, clock, ports, opened } = stage()
  const { reference, ...answer } = await vault.capture(grant, tokenBody('apple_pay'))
  const shown = { kind: 'device_token', wallet: 'apple_pay', brand: 'visa', last4: '3478', expiry_month: 12, expiry_year: 2030 }
  assert.deepEqual(answer, { ...shown, expires_at: '2026-11-24T00:15:00.000Z' })
  const adopted = await vault.adopt(adoption(reference))
  assert.ok(adopted?.kind === 'device_token')
  assert.deepEqual([adopted.wallet, adopted.eci, adopted.cryptogram, adopted.card.securityCode], ['apple_pay', '07', true, false])
  assert.deepEqual(checked(outputs.adopt, JSON.parse(JSON.stringify(adopted))), adopted)
  const body = '{"number":"{{card.number}}","cryptogram":"{{card.cryptogram}}"}'
  await vault.forward(forwarding(body))
  await vault.forward(forwarding('n={{card.number}}&c={{card.cryptogram}}', 'application/x-www-form-urlencoded'))
  assert.deepEqual(sent, [`{"number":"${dpan}","cryptogram":"${cryptogram}"}`, `n=${dpan}&c=${encodeURIComponent(cryptogram)}`])
  await assert.rejects(vault.forward({ ...forwarding(body), operation: 'opn_2' }), gone)
  await assert.rejects(vault.forward(forwarding('{"c":"{{card.securityCode}}"}')), gone, 'a cryptogram is no security code')
  assert.deepEqual(await createVault(ports).adopt(adoption(reference)), { ...adopted, cryptogram: false }, 'never durable')
  clock.now += codeLifeMs
  vault.forgetLapsed()
  await assert.rejects(vault.forward(forwarding(body)), gone)
  assert.ok(opened[0]?.cryptogram?.every(byte => byte === 0))
  await vault.forward(forwarding('{"number":"{{card.number}}"}'))
  assert.equal(sent.length, 3)
})

test('a wallet that gives the card itself has captured a card', async () => {
  const { vault } = stage()
  const token = await vault.capture(grant, tokenBody('google_pay', { pan: true }))
  const typed = await vault.capture(grant, Buffer.from(JSON.stringify({ number: dpan, expiry_month: 1, expiry_year: 2031 })))
  const device = await vault.capture(grant, tokenBody('google_pay'))
  const [one, two, three] = await Promise.all([token, typed, device].map(({ reference }) => vault.peek({ ...grant, reference })))
  assert.equal(one?.kind, 'card')
  assert.equal(one?.fingerprint, two?.fingerprint)
  assert.equal(three?.kind, 'device_token')
  assert.notEqual(three?.fingerprint, one?.fingerprint)
})

test('what cannot be opened is refused with the wallet’s name', async () => {
  const { vault } = stage()
  const refused = async (body: Buffer, of = vault): Promise<string | undefined> => {
    const error = await of.capture(grant, body).catch((reason: unknown) => reason)
    assert.ok(error instanceof Problem)
    return error.errors[0]?.pointer ?? error.code
  }
  assert.equal(await refused(tokenBody('apple_pay', 'text')), '/apple_pay')
  assert.equal(await refused(Buffer.from('{"google_pay":{},"number":"4242424242424242"}')), '/google_pay')
  assert.equal(await refused(Buffer.from('{"google_pay":{"a":"}"')), 'malformed_body')
  assert.equal(await refused(Buffer.from(`{"apple_pay":{"a":"${'x'.repeat(16 * 1024)}"}}`)), 'body_too_large')
  assert.equal(await refused(tokenBody('apple_pay'), stage({ openToken: undefined }).vault), '/apple_pay')
  assert.equal(vault.captures.count(), 0)
})

test('a token is opened once, until it would be refused as stale anyway', async () => {
  const { store, clock } = stage()
  const now = () => clock.now
  const replays = createReplays({ store, now })
  const until = clock.now + 300_000
  const firsts = await Promise.all([1, 2].map(() => replays.isFirst('apple_pay', 'id', until)))
  assert.deepEqual(firsts.toSorted(), [false, true])
  assert.equal(await replays.isFirst('google_pay', 'id', until), true)
  await replays.forget()
  assert.equal(store.count(openedTokens), 2)
  clock.now = until
  await createReplays({ store, now }).forget()
  assert.equal(store.count(openedTokens), 0)
})

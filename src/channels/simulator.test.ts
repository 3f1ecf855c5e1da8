import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyStore, maskCards, maskPayers } from './simulator.ts'

test('a recording keeps the last four of a card number, however it is written, and no security code', () => {
  for (const number of [
    '4242424242424242',
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '4242%204242%204242%204242',
    '4242+4242+4242+4242',
  ]) {
    assert.equal(maskCards(`card[number]=${number}&card[cvc]=123&x=1`), 'card[number]=************4242&card[cvc]=***&x=1')
    assert.equal(maskCards(`{"number":"${number}","cvc":"123","x":1}`), '{"number":"************4242","cvc":"***","x":1}')
  }
  assert.equal(maskCards('card%5Bcvc%5D=1234&exp=2030'), 'card%5Bcvc%5D=***&exp=2030')
  assert.equal(maskCards('{"securityCode": 737, "number": 378282246310005}'), '{"securityCode": ***, "number": ************0005}')
})

test('a recording keeps of a payer the last two characters at most, in JSON and in forms', () => {
  const json = {
    customer: { given_name: 'Frida', email: 'frida@example.com', phone: 4915112345678, address: { city: 'Berlin' } },
    bank: [{ iban: 'DE89370400440532013000', accountNumber: '55779911', account_holder_name: 'Frida "F" Kahlo' }],
    devedor: { cpf: '45164632454', nome: 'Ana' },
    msisdn: '+919876543210',
    vpa: 'ok@upi',
    contact: '+919876543210',
    scheme: 'sepa_core',
  }
  assert.deepEqual(JSON.parse(maskPayers(JSON.stringify(json))), {
    customer: { given_name: '***da', email: '***om', phone: '***78', address: { city: 'Berlin' } },
    bank: [{ iban: '***00', accountNumber: '***11', account_holder_name: '***lo' }],
    devedor: { cpf: '***54', nome: '***' },
    msisdn: '***10',
    vpa: '***pi',
    contact: '***10',
    scheme: 'sepa_core',
  })
  assert.equal(
    maskPayers('type=us_bank_account&us_bank_account[account_number]=000123456789&billing_details%5Bname%5D=Jos%C3%A9+%C3%91and%C3%BA&x=1'),
    'type=us_bank_account&us_bank_account[account_number]=***89&billing_details%5Bname%5D=***d%C3%BA&x=1',
  )
  for (const text of ['', 'plain text', '{"email":"cut off in the mid', '[]']) assert.equal(maskPayers(text), text)
})

test('a key is remembered for its window and not a millisecond longer', () => {
  const keys = createKeyStore(1_000)
  const answer = { status: 200, headers: {}, body: 'a' }
  assert.equal(keys.recall('k', 'one', 0).kind, 'fresh')
  keys.remember('k', 'one', answer, 0)
  assert.deepEqual(keys.recall('k', 'one', 999), { kind: 'same', answer, atMs: 0 })
  assert.equal(keys.recall('k', 'two', 999).kind, 'other')
  assert.equal(keys.recall('k', 'one', 1_000).kind, 'fresh')
})

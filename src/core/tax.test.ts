import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCnpj, isCpf } from './tax.ts'

const codes = (text: string): Buffer => Buffer.from(text)

test('a CPF has eleven digits, the last two of which follow from the others', () => {
  for (const one of ['52998224725', '11144477735', '12345678909', '00000000191']) assert.equal(isCpf(codes(one)), true, one)
  for (const one of [
    '',
    '5299822472',
    '529982247250',
    '529.982.247-25',
    '52998224726',
    '52998224715',
    '11111111111',
    '00000000000',
    '5299822472A',
  ])
    assert.equal(isCpf(codes(one)), false, one)
})

test('a CNPJ may hold letters since July 2026, but not in its check digits', () => {
  // The first is the example of the Receita Federal; Banco do Brasil and Petrobras have digits only.
  for (const one of ['12ABC34501DE35', '00000000000191', '33000167000101', '11222333000181']) assert.equal(isCnpj(codes(one)), true, one)
  const refused = [
    '',
    '12ABC34501DE3',
    '12ABC34501DE36',
    '12ABC34501DE25',
    '12abc34501de35',
    '12.ABC.345/01DE-35',
    '12ABC34501DE3A',
    '00000000000000',
  ]
  for (const one of refused) assert.equal(isCnpj(codes(one)), false, one)
})

test('one wrong digit never passes', () => {
  for (const [number, fits] of [
    ['52998224725', isCpf],
    ['11222333000181', isCnpj],
  ] as const) {
    for (let at = 0; at < number.length; at += 1) {
      const passing = [...'0123456789'].filter(digit => fits(codes(number.slice(0, at) + digit + number.slice(at + 1))))
      // Remainders 0 and 1 share the check digit 0, so now and then a second digit fits; here none does.
      assert.deepEqual(passing, [number[at]], `${number} at ${at}`)
    }
  }
})

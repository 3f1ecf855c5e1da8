import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ibanCountries, isAbaRouting, isIban, isSortCode, isUkAccount, isUsAccount } from './account.ts'

const codes = (text: string): Buffer => Buffer.from(text)

/** Published examples of the IBAN registry, one a country where we have one. */
const ibans =
  'AD1200012030200359100100 AE070331234567890123456 AL47212110090000000235698741 AT611904300234573201 BE68539007547034 ' +
  'BI4210000100010000332045181 BR6699999A03000010009795493C1 CH9300762011623852957 CY17002001280000001200527600 DE89370400440532013000 ' +
  'DJ2100010000000154000100186 DK5000400440116243 EE382200221020145685 ES9121000418450200051332 FI2112345600000785 FK88SC123456789012 ' +
  'FR1420041010050500013M02606 GB29NWBK60161331926819 GR1601101250000000012300695 HN88CABF00000000000250005469 IE29AIBK93115212345678 ' +
  'IS140159260076545510730339 IT60X0542811101000000123456 LC55HEMM000100010012001200023015 LT121000011101001000 LU280019400644750000 ' +
  'MC5811222000010123456789030 MN121234123456789123 MT84MALT011000012345MTLCAST001S NI45BAPR00000013000003558124 NL91ABNA0417164300 ' +
  'NO9386011117947 OM810180000001299123456 PL61109010140000071219812874 PT50000201231234567890154 QA58DOHB00001234567890ABCDEFG ' +
  'RU0304452522540817810538091310419 SC18SSCB11010000000000001497USD SE4550000000058398257466 SO211000001001000100141 ' +
  'TR330006100519786457841326 VA59001123000012345678 XK051212012345678906 YE15CBYE0001018861234567891234'

test('the registry has 89 countries, and its examples are IBANs', () => {
  assert.equal(ibanCountries.length, 89)
  for (const iban of ibans.split(' ')) assert.equal(isIban(codes(iban)), true, iban)
})

test('no single slip and no two neighbouring digits exchanged pass for an IBAN', () => {
  for (const iban of ibans.split(' ')) {
    for (let at = 0; at < iban.length; at += 1) {
      const code = iban.charCodeAt(at)
      const slipped = String.fromCharCode(code === 57 ? 48 : code === 90 ? 65 : code + 1)
      assert.equal(isIban(codes(iban.slice(0, at) + slipped + iban.slice(at + 1))), false, `${iban} at ${at}`)
      const next = iban[at + 1]
      if (next !== undefined && next !== iban[at] && /^[0-9]{2}$/.test(iban.slice(at, at + 2)))
        assert.equal(isIban(codes(iban.slice(0, at) + next + iban[at] + iban.slice(at + 2))), false, `${iban} at ${at}`)
    }
  }
})

test('an IBAN has its country’s length, upper-case letters, and check digits that are given out', () => {
  const refused = [
    '',
    'DE',
    'DE8937040044053201300',
    'DE893704004405320130000',
    'de89370400440532013000',
    'DE89 3704 0044 0532 0130 00',
    'US89370400440532013000',
    'ZZ89370400440532013000',
    'DEX9370400440532013000',
    '89DE370400440532013000',
  ]
  for (const one of refused) assert.equal(isIban(codes(one)), false, one)
  const twin = Array.from({ length: 97 }, (_, index) => `NL${String(index + 2).padStart(2, '0')}ABNA0417164300`).find(one =>
    isIban(codes(one)),
  )
  assert.equal(twin, 'NL91ABNA0417164300')
  for (let account = 0; account < 300; account += 1) {
    const bban = `ABNA${String(account).padStart(10, '0')}`
    const passing = Array.from({ length: 100 }, (_, check) => check).filter(check =>
      isIban(codes(`NL${String(check).padStart(2, '0')}${bban}`)),
    )
    assert.equal(passing.length, 1, 'one pair of check digits, never two')
  }
})

test('a routing number has nine digits in use whose weighed sum is a multiple of ten', () => {
  // Federal Reserve Bank of Boston, JPMorgan Chase, Stripe’s test bank, Bank of America.
  for (const one of ['011000015', '021000021', '110000000', '026009593']) assert.equal(isAbaRouting(codes(one)), true, one)
  for (const one of ['', '02100002', '0210000210', '021000022', '021O00021', '000000000', '999999992', '130000006', '021000 21'])
    assert.equal(isAbaRouting(codes(one)), false, one)
})

test('accounts of the US and the UK have their shapes', () => {
  for (const one of ['1234', '000123456789', '12345678901234567']) assert.equal(isUsAccount(codes(one)), true, one)
  for (const one of ['', '123', '123456789012345678', '1234-5678']) assert.equal(isUsAccount(codes(one)), false, one)
  assert.equal(isSortCode(codes('200000')), true)
  for (const one of ['', '20000', '2000000', '20-00-00', 'A00000']) assert.equal(isSortCode(codes(one)), false, one)
  assert.equal(isUkAccount(codes('55779911')), true)
  for (const one of ['', '5577991', '557799111', '5577991A']) assert.equal(isUkAccount(codes(one)), false, one)
})

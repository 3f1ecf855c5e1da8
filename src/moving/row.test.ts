import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cardNumbers, nearMisses, spellings, texts } from '../http/corpora.ts'
import { scripted, trial } from '../instruments/trial.seam.ts'
import { readPart } from './entries.ts'
import { unpack } from './pack.ts'
import { importReports } from './tables.ts'
import { importFile, linesOf } from './trial.seam.ts'

const reading = { encoding: 'utf-8', mapping: {}, columns: null, lines: 0, nowMs: Date.UTC(2026, 10, 24) } as const
const csv = async (text: string | Buffer, more: Partial<Parameters<typeof readPart>[1]> = {}) =>
  (await readPart(Buffer.from(text), { ...reading, format: 'csv', ...more }, async () => {})).entries
const faults = async (text: string | Buffer, more = {}) => (await csv(text, more)).map(one => ('fault' in one ? one.fault.field : 'taken'))
const jsonl = async (...rows: readonly unknown[]) =>
  (
    await readPart(
      Buffer.from(rows.map(row => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('')),
      { ...reading, format: 'jsonl' },
      async () => {},
    )
  ).entries.map(one => ('fault' in one ? one.fault.field : 'taken'))

test('a card number in any field of a row refuses the row, whatever the column is called, and is kept nowhere', async () => {
  const one = await trial([scripted('aa', {})])
  const rows = cardNumbers.flatMap(number => spellings(number).map(text => `"${text.replaceAll('"', '""')}"`))
  const text = `customer,token,bank,remark\n${rows.map((cell, at) => (at % 2 === 0 ? `c${at},t${at},,${cell}` : `c${at},t${at},${cell},`)).join('\n')}\n`
  const { id } = await importFile(one, { channel: 'aa', format: 'csv' }, [text])
  const report = await linesOf(one, id)
  assert.equal(report.length, rows.length)
  assert.deepEqual([...new Set(report.map(line => line.outcome))], ['refused'])
  const kept = [JSON.stringify(one.store.snapshot()), ...(await Promise.all(one.rows(importReports).map(row => unpack(row.content))))].join(
    '\n',
  )
  for (const number of cardNumbers) assert.ok(!kept.includes(number), number)
})

test('digits that are no card number are taken', async () => {
  const rows = nearMisses.map((digits, at) => ({ customer: `c${at}`, token: `t${at}`, metadata: { order: digits } }))
  assert.deepEqual([...new Set(await jsonl(...rows))], ['taken'])
})

test('a text that cannot be kept, or would be a formula, is refused by its field', async () => {
  const taken = await jsonl({ customer: 'a', token: 't', bank: 'Banco José' })
  assert.deepEqual(taken, ['taken'])
  for (const bank of ['=1+1', '@SUM(A1)', '+1', '-1', 'a\u0000b', 'a\u202Eb', '\u001b[31m', 'x'.repeat(1_000)])
    assert.deepEqual(await jsonl({ customer: 'a', token: 't', bank }), ['bank'], JSON.stringify(bank))
  assert.deepEqual(await jsonl('{"customer":"a","token":"t","bank":"\\ud800"}'), ['bank'])
  assert.deepEqual(await jsonl(`{"customer":"a","token":"t","bank":"${'x'.repeat(1_000_000)}"}`), [''])
  for (const { text, what } of texts.filter(row => row.refusedBy.includes('name') && row.text !== ''))
    assert.deepEqual(await jsonl({ customer: 'a', token: 't', handle: text }), ['handle'], what)
  assert.deepEqual(await jsonl('{"customer":"a","customer":"b","token":"t"}', '{"__proto__":1}', '[1]', '{"customer"', 'null'), [
    'customer',
    '__proto__',
    '',
    '',
    '',
  ])
})

test('a byte order mark is passed over, Windows-1252 is read where it is said, and bytes that are no text cost their row', async () => {
  assert.deepEqual(await faults('\uFEFFcustomer,token,bank\na,t,Banco José\n'), ['taken'])
  const old = Buffer.from('customer,token,bank\na,t,Banco Jos\xe9 \x80\nb,u,Plain\n', 'latin1')
  assert.deepEqual(await faults(old), ['bank', 'taken'])
  const [read] = await csv(old, { encoding: 'windows-1252' })
  assert.ok(read !== undefined && 'row' in read && read.row.display.bank === 'Banco José €')
  await assert.rejects(csv(Buffer.from('\uFEFFcustomer,token\na,t\n', 'utf16le')), /UTF-16/)
})

test('days that do not exist, or are out of reach, are refused by their field', async () => {
  const at = (created_at: string) => jsonl({ customer: 'a', token: 't', created_at })
  for (const day of ['2024-02-29', '2024-02-29T23:59:59+01:00', '2000-02-29']) assert.deepEqual(await at(day), ['taken'], day)
  for (const day of ['2025-02-29', '2100-02-29', '9999-12-31', '0001-01-01', '2026-13-01', '2026-12-01T24:61:00Z', '29.2.2024', '2038'])
    assert.deepEqual(await at(day), ['created_at'], day)
  for (const expiry of ['12/29', '1229', '12/2029', '2029-12'])
    assert.deepEqual(await jsonl({ customer: 'a', token: 't', expiry }), ['taken'])
  for (const expiry of ['13/29', '00/29', '12/9999', '2029-13', '12-29'])
    assert.deepEqual(await jsonl({ customer: 'a', token: 't', expiry }), ['expiry'])
  assert.deepEqual(await jsonl({ customer: 'a', token: 't', expiry_month: 2, expiry_year: 9999 }), ['expiry_year'])
})

test('columns are what the first line and the mapping say; what a file lacks is a problem before any row', async () => {
  const mapping = { customer: 'Customer ID', token: 'id' }
  assert.deepEqual(await faults('id,Customer ID,token\nt,a,whatever\n', { mapping }), ['taken'])
  await assert.rejects(csv('id,token\nt,a\n', { mapping }), /mapping\/customer/)
  await assert.rejects(csv('customer,id\nt,a\n'), /mapping\/token/)
  await assert.rejects(csv('customer,token,token\nt,a,b\n'), /two columns/)
  await assert.rejects(csv('4111111111111111,token\nt,a\n'), /card number/)
  assert.deepEqual(await faults('customer,token\na\na,b,c\na,t\n'), ['', '', 'taken'])
})

test('a mandate’s terms and the channel’s other names are read; a wrong one is refused by its own name', async () => {
  const mandate = {
    currency: 'EUR',
    rule: 'max',
    amount: '5000',
    frequency: 'monthly',
    starts_on: '2025-01-31',
    contract: 'c',
    description: 'd',
  }
  const row = { customer: 'a', token: 't', kind: 'bank_account', scheme: 'sepa_debit', last4: '3000', mandate_reference: 'MD1', mandate }
  assert.deepEqual(
    await jsonl(row, { ...row, mandate: { ...mandate, amount: '5.00' } }, { ...row, mandate: { ...mandate, starts_on: '2025-02-30' } }),
    ['taken', 'mandate.amount', 'mandate.starts_on'],
  )
  assert.deepEqual(await jsonl({ customer: 'a', token: 't', references: { setup_intent: 'a b' } }), ['references.setup_intent'])
  assert.deepEqual(await jsonl({ customer: 'a', token: 't t' }, { customer: 'a', token: '{{card.number}}' }, { token: 't' }), [
    'token',
    'token',
    'customer',
  ])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { csvField, csvRecords, fieldsMax, recordCharsMax } from './csv.ts'
import { splitFile } from './split.ts'

const read = (text: string) =>
  [...csvRecords(text)].map(one => ('fields' in one ? [one.line, ...one.fields] : [one.line, one.wrong.slice(0, 20)]))

test('fields, quotes, line ends and empty lines are read as RFC 4180 has them', () => {
  assert.deepEqual(read('a,b\r\n1,"x\ny ""z"""\n\n3,\n,4'), [
    [1, 'a', 'b'],
    [2, '1', 'x\ny "z"'],
    [5, '3', ''],
    [6, '', '4'],
  ])
})

test('a bad record costs its own line and no other', () => {
  const bad = ['1,x"y', '1,"x"y', '1,"xy', `1,${'z'.repeat(recordCharsMax * 2)}`, `1${',2'.repeat(fieldsMax)}`]
  for (const line of bad) {
    const found = read(`a,b\n${line}\n3,4\n5,6\n`)
    assert.deepEqual(
      found.map(one => one[0]),
      [1, 2, 3, 4],
      line.slice(0, 20),
    )
    assert.deepEqual(found.slice(2), [
      [3, '3', '4'],
      [4, '5', '6'],
    ])
  }
})

test('what is written as a field is read as the same field, but for the apostrophe before a formula', () => {
  const fields = fc.array(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fields, rows => {
      const text = rows.map(row => `${row.map(csvField).join()}\n`).join('')
      const back = [...csvRecords(text)].map(one => ('fields' in one ? one.fields : []))
      const plain = (field: string) => (/^[=+\-@\t\r]/.test(field) ? `'${field}` : field)
      assert.deepEqual(
        back,
        rows.map(row => row.map(plain)),
      )
    }),
  )
})

test('stray quotes on every line take no longer than reading them', () => {
  const began = process.cpuUsage().user
  for (const evil of ['"\n', `a,${'b'.repeat(900)},"\n`, '"'.repeat(40), 'a"\n'])
    [...csvRecords(evil.repeat(Math.ceil(2_000_000 / evil.length)))]
  assert.ok(process.cpuUsage().user - began < 8_000_000)
})

test('a file is cut where rows end, and the parts are the file', async () => {
  const rows = Array.from({ length: 3_000 }, (_, at) => `${at},"line\nwith ""quotes"", é ${'x'.repeat(at % 90)}",${at}\n`)
  const text = `a,b,c\n${rows.join('')}`
  async function* chunks() {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 7_777) yield bytes.subarray(at, at + 7_777)
  }
  const parts: Buffer[] = []
  for await (const part of splitFile(chunks(), 'csv', 20_000)) parts.push(part)
  assert.ok(parts.length > 5)
  assert.equal(Buffer.concat(parts).toString(), text)
  const records = parts.flatMap(part => [...csvRecords(part.toString())])
  assert.equal(records.filter(one => 'fields' in one && one.fields.length === 3).length, rows.length + 1)
})

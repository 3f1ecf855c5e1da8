import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { FileBroken, openFile, privateKeyOf, publicKeyOf, publicText, sealFile } from './sealed-file.ts'
import { BadFile, readInquiries, readResults, writeInquiries, writeResults } from './updater-file.ts'

const head = { run: 'run_1', updater: 'simulated', on: '20261124' }
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const results = () =>
  writeResults(head, [
    { line: 1, advice: 'A', number: bytes('4111111111111111'), expiry: { year: 2031, month: 2 } },
    { line: 2, advice: 'E', expiry: { year: 2030, month: 12 } },
    { line: 3, advice: 'V' },
  ])
const expected = { run: 'run_1', updater: 'simulated', lines: new Set([1, 2, 3, 4]) }
const refused = (file: Buffer, line: number, detail: RegExp): void => {
  assert.throws(
    () => readResults(file, expected),
    (error: unknown) => error instanceof BadFile && error.line === line && detail.test(error.detail),
  )
}
const swap = (from: string | RegExp, to: string): Buffer => bytes(results().toString('latin1').replace(from, to))

test('what is written is read again, of both files', () => {
  const inquiries = [{ line: 1, number: bytes('4242424242424242'), expiryMonth: 3, expiryYear: 2027 }]
  const read = readInquiries(writeInquiries(head, inquiries))
  assert.deepEqual(read.head, head)
  assert.deepEqual(read.inquiries, inquiries)
  assert.deepEqual(
    readResults(results(), expected).map(one => [one.line, one.advice, one.number?.toString(), one.expiry]),
    [
      [1, 'A', '4111111111111111', { year: 2031, month: 2 }],
      [2, 'E', undefined, { year: 2030, month: 12 }],
      [3, 'V', undefined, undefined],
    ],
  )
})

test('a file of results that is wrong anywhere is refused whole, naming the line', () => {
  refused(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), results()]), 1, /byte order mark/)
  refused(bytes(results().toString('latin1').replaceAll('\n', '\r\n')), 1, /carriage return/)
  refused(swap('D|2|E', 'D|2|\u00c9'), 3, /ASCII/)
  refused(results().subarray(0, -3), 5, /cut short/)
  refused(bytes(results().toString('latin1').split('\n').slice(0, 3).join('\n').concat('\n')), 4, /no trailer/)
  refused(swap('D|2|', 'D|1|'), 3, /answered before/)
  refused(swap('D|2|', 'D|9|'), 3, /not asked/)
  refused(swap('T|3|', 'T|4|'), 5, /counts other/)
  refused(swap(/T\|3\|\d+/, 'T|3|1'), 5, /hash total/)
  refused(swap('4111111111111111', '4000000000000002'), 5, /hash total/)
  refused(swap('4111111111111111', '4111111111111112'), 2, /card number that is none/)
  refused(swap('|3102', '|3113'), 2, /YYMM/)
  refused(swap('D|3|V||', 'D|3|V||2901'), 4, /does not belong/)
  refused(swap('D|3|V||', 'D|3|X||'), 4, /none of A E C/)
  refused(swap('run_1', 'run_2'), 1, /header of this run/)
  refused(swap('RESULT', 'INQUIRY'), 1, /header of this run/)
  refused(Buffer.concat([results(), bytes('D|4|V||\n')]), 6, /after the trailer/)
  refused(bytes(''), 1, /header/)
})

const keyOf = (name: string) => privateKeyOf(createHash('sha256').update(name).digest())
let draws = 0
const random = (count: number): Buffer => createHash('sha512').update(`${draws++}`).digest().subarray(0, count)

test('a sealed file opens for its reader only, from its writer only, as what it is only', () => {
  const [us, them, stranger] = [keyOf('us'), keyOf('them'), keyOf('stranger')]
  const other = (key: ReturnType<typeof keyOf>) => publicKeyOf(publicText(key))
  const file = sealFile(random, { own: us, other: other(them) }, 'run_1', Buffer.from('plain'))
  const reader = { own: them, other: other(us) }
  assert.equal(openFile(reader, 'run_1', file).toString(), 'plain')
  assert.ok(!file.includes('plain'))
  const spoilt = Buffer.from(file)
  spoilt[60] = (spoilt[60] ?? 0) ^ 1
  const forged = sealFile(random, { own: stranger, other: other(them) }, 'run_1', Buffer.from('plain'))
  for (const [keys, context, sealed] of [
    [reader, 'run_2', file],
    [reader, 'run_1', spoilt],
    [reader, 'run_1', file.subarray(0, -1)],
    [reader, 'run_1', forged],
    [{ own: stranger, other: other(us) }, 'run_1', file],
    [reader, 'run_1', Buffer.alloc(10)],
  ] as const)
    assert.throws(() => openFile(keys, context, sealed), FileBroken)
})

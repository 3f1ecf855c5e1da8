/** What an operator brings along: a table of autonomous systems, and a captcha service. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { safeguardsOf } from './operator.ts'
import { readSystemTable } from './systemTable.ts'

const folder = mkdtempSync(join(tmpdir(), 'bindery-systems-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
function tableOf(...lines: readonly string[]) {
  files += 1
  const path = join(folder, `${files}.tsv`)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return readSystemTable(path)
}

test('an address is its system’s, at both ends of a range and of both kinds; nobody’s between', async () => {
  const table = await tableOf(
    '# first\tlast\tsystem\tcountry\tname',
    '2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64501\tZZ\tSIX',
    '203.0.113.0\t203.0.113.255\t64500\tZZ\tFOUR',
    '198.51.100.0\t198.51.100.255\t0\tNone\tNot routed',
    '192.0.2.0\t192.0.2.127\t4200000000\tZZ\tHALF',
  )
  assert.equal(table.ranges, 3)
  const asked = ['203.0.113.0', '203.0.113.255', '203.0.114.0', '192.0.2.127', '192.0.2.128', '198.51.100.7', '::ffff:203.0.113.9']
  const wanted = ['64500', '64500', undefined, '4200000000', undefined, undefined, '64500']
  assert.deepEqual(asked.map(table.systemOf), wanted)
  assert.deepEqual(['2001:db8::1', '2001:db8:ffff::', '2001:db9::', 'nonsense'].map(table.systemOf), [
    '64501',
    '64501',
    undefined,
    undefined,
  ])
})

test('every address of ten thousand random ranges is found where a search through all finds it', async () => {
  let state = 7
  const dice = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state % below
  }
  const textOf = (value: number): string => [24, 16, 8, 0].map(bits => (value >>> bits) & 255).join('.')
  const ranges = Array.from({ length: 10_000 }, (_, i) => ({
    first: i * 400_000 + dice(1_000),
    last: i * 400_000 + 1_000 + dice(300_000),
    system: i + 1,
  }))
  const table = await tableOf(...ranges.map(one => `${textOf(one.first)}\t${textOf(one.last)}\t${one.system}`))
  for (let i = 0; i < 500; i += 1) {
    const value = dice(4_000_000_000)
    const range = ranges.find(one => one.first <= value && value <= one.last)
    assert.equal(table.systemOf(textOf(value)), range === undefined ? undefined : String(range.system), textOf(value))
  }
})

test('a table that is wrong is refused by the line', async () => {
  const wrong = [
    '1.2.3.4\t1.2.3.3\t7',
    '1.2.3.4\t::1\t7',
    '1.2.3.4\t1.2.3.9',
    '1.2.3.4\t1.2.3.9\tAS7',
    '1.2.3\t1.2.3.9\t7',
    '1.2.3.4\t1.2.3.9\t4294967296',
  ]
  for (const line of wrong) await assert.rejects(tableOf('9.9.9.9\t9.9.9.9\t1', line), /line 2: must be/, line)
  await assert.rejects(tableOf('1.0.0.0\t1.0.0.9\t7', '1.0.0.9\t1.0.0.20\t8'), /systems 7 and 8 overlap/)
})

test('a captcha is as good as its service says, and not good where the service says nothing', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      asked.push(`${request.headers['content-type']} ${body}`)
      const token = new URLSearchParams(body).get('response')
      response.statusCode = token === 'broken' ? 500 : 200
      if (token === 'html') response.end('<html>')
      else if (token === 'secret') response.end(JSON.stringify({ success: false, 'error-codes': ['invalid-input-secret'] }))
      else response.end(JSON.stringify({ success: token === 'good', hostname: 'shop.example' }))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const { port } = address
  const origin = `http://127.0.0.1:${port}`
  const captchaFile = join(folder, 'captcha.json')
  writeFileSync(captchaFile, JSON.stringify({ verify_url: `${origin}/siteverify`, secret: 's3' }))
  const warned: string[] = []
  const log = { info: () => {}, error: () => {}, warn: (what: string) => warned.push(what) }
  const { settings, close } = await safeguardsOf({ captchaFile, systemsFile: undefined }, log, true)
  const ask = settings.captcha
  assert.ok(ask !== undefined && settings.autonomousSystemOf === undefined)
  assert.deepEqual([await ask('good', '192.0.2.7'), await ask('bad', null)], [true, false])
  assert.deepEqual(asked[0], 'application/x-www-form-urlencoded secret=s3&response=good&remoteip=192.0.2.7')
  assert.equal(warned.length, 0)
  assert.deepEqual([await ask('broken', null), await ask('html', null), await ask('secret', null)], [false, false, false])
  server.close()
  server.closeAllConnections()
  assert.equal(await ask('good', null), false)
  assert.equal(warned.length, 4)
  await close()
  writeFileSync(captchaFile, '{"verify_url":"ftp://x","secret":""}')
  await assert.rejects(safeguardsOf({ captchaFile, systemsFile: undefined }, log, true), /captcha.json/)
})

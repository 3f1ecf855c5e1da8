import assert from 'node:assert/strict'
import { ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { passesLuhn } from '../src/core/pan.ts'
import { release, ways } from './canary.ts'
import { newSearch, places, searchFolder, searchRunning, searchTexts } from './canary-places.ts'
import { canary, encodings, needles, scanFolder, scanText, stray } from './canary-scan.ts'
import { prepareGround, undoAll } from './ground.ts'

test('the search finds a number in each encoding, wherever it stands', t => {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-canary-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  assert.deepEqual(Object.keys(needles), Object.keys(encodings))
  for (const [encoding, encode] of Object.entries(encodings))
    for (const before of [0, 1, 2, 3, 4 * 1024 * 1024 - 20]) {
      const number = before % 2 === 0 ? canary(7) : stray(7)
      writeFileSync(join(folder, 'file'), Buffer.concat([Buffer.alloc(before, 120), encode(number), Buffer.from('"}')]))
      const { hits } = scanFolder(folder)
      assert.ok(
        hits.some(one => one.encoding === encoding),
        `${encoding} after ${before} bytes`,
      )
    }
  for (let shift = 0; shift < 3; shift += 1) {
    const text = Buffer.from(`${'x'.repeat(shift)}${canary(8)}, please`).toString('base64')
    assert.ok(
      scanText('', text).some(one => one.encoding === 'base64'),
      `base64 shifted by ${shift}`,
    )
  }
  assert.deepEqual(scanText('', 'bin 41111122, last four 8642 and 4242424242424242'), [])
})

/** A process that has a number in its memory; told to, it crashes, and its memory is in a file afterwards where the system makes one. */
async function holderOf(number: string, folder: string) {
  const program = `process.stdin.on('data', () => process.abort()); console.log('ready')`
  const child = spawn('/bin/sh', ['-c', 'ulimit -c unlimited; exec "$0" "$@"', process.execPath, '-e', program, number], { cwd: folder })
  await once(child.stdout, 'data')
  return {
    pid: child.pid ?? 0,
    crash: async () => {
      const gone = once(child, 'exit')
      child.stdin.write('x')
      await gone
    },
  }
}

async function pageThatTells(text: string, undo: (() => unknown)[]): Promise<string> {
  const server = createServer((_, response) => response.end(`metric{card="${text}"} 1`))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  undo.push(() => server.close())
  const bound = server.address()
  return `http://127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`
}

test('the search finds a number in each place: one is planted in every one', async t => {
  const undo: (() => unknown)[] = []
  const number = canary(9)
  try {
    const ground = await prepareGround(undo, { durable: false })
    const search = newSearch()
    await ground.auditor.plant(number)
    await fetch(ground.receiver.url, { method: 'POST', body: JSON.stringify({ note: number }) })
    await ground.addFault('stripe', { match: { path: `/${number}` }, fault: 'html', times: 1 })
    writeFileSync(join(ground.folder, 'upload.tmp'), number)
    writeFileSync(join(ground.folder, 'upload.gz'), gzipSync(`${'x'.repeat(500)} ${stray(3)}`))
    const holder = await holderOf(number, ground.folder)
    const output = `{"level":"info","msg":"${number}"}`
    const planted = { ...ground, address: await pageThatTells(number, undo) }
    await searchRunning(search, planted, { ...neverStarted, pid: holder.pid })
    await holder.crash()
    searchTexts(search, 'answers', ['{"id":"ins_1"}', `{"number":"${number}"}`])
    searchTexts(search, 'logs', [output])
    searchFolder(search, ground.folder)
    const found = places.filter(place => search[place].hits.length > 0)
    const made = search['core files'].parts > 0 && process.platform === 'linux'
    if (!made) t.diagnostic('this system wrote no core file; it was not searched')
    const wanted = places.filter(place => made || place !== 'core files')
    assert.deepEqual(found, process.platform === 'linux' ? wanted : wanted.filter(place => place !== 'memory of the API'))
    assert.ok(search['other files'].hits.some(one => one.encoding === 'gzip of plain'))
  } finally {
    await undoAll(undo)
  }
})
const nothing = () => Promise.reject(new TypeError('nothing runs'))
const neverStarted = { child: new ChildProcess(), output: () => '', end: nothing, vaultPid: nothing }

test('card numbers, however they come, are found nowhere but in the vault’s memory', { timeout: 200_000 }, async t => {
  for (let n = 0; n < 10; n += 1) assert.ok(passesLuhn(Buffer.from(canary(n))) && passesLuhn(Buffer.from(stray(n))))
  const { hits, ...rest } = await release({ cards: ways.length })
  t.diagnostic(JSON.stringify(rest))
  assert.deepEqual(hits, [])
  assert.equal(rest.foundInVault ?? true, true, 'the search of a process’s memory finds what waits in the vault')
  const { statuses } = rest
  for (const [told, times] of wantedStatuses) assert.ok((statuses[told] ?? 0) >= times, `${told}: ${statuses[told] ?? 0}`)
})
/** That the ways are the ways they are meant to be, and not one refusal after another. */
const wantedStatuses = [
  ['bound: bind 201', 2],
  ['refused: bind 201', 1],
  ['metadata 422', 4],
  ['page: bind 200', 1],
  ['card file part 200', 1],
  ['card file part 422', 1],
  ['import report 200', 1],
  ['updater results 200', 1],
  ['detokenize 200', 1],
] as const

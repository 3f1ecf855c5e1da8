import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readShreddings } from '../core/shredding.ts'
import { openShredLog } from './shred-log.ts'

const nobody = async () => []
function newLog(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'shred-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'below', 'shreds.log')
}
const ownersIn = (path: string): readonly string[] => {
  const { shreddings, bad } = readShreddings(readFileSync(path, 'utf8'))
  assert.deepEqual(bad, [])
  return shreddings.map(one => one.owner)
}

test('a log that is not there is made of what the database knows, also while the vault runs; one that is there is kept', async t => {
  const path = newLog(t)
  const known = async () => [{ tenant: 'ten_1', owner: 'ins_known', at: 1 }]
  const log = await openShredLog(path, nobody)
  assert.deepEqual(ownersIn(path), [])
  await log({ tenant: 'ten_1', owner: 'ins_1', at: 2 })
  const other = await openShredLog(path, known)
  await other({ tenant: 'ten_1', owner: 'ins_2', at: 3 })
  assert.deepEqual(ownersIn(path), ['ins_1', 'ins_2'])
  rmSync(path)
  await other({ tenant: 'ten_1', owner: 'ins_3', at: 4 })
  assert.deepEqual(ownersIn(path), ['ins_known', 'ins_3'])
})

test('what was answered is in the log after a kill -9, whoever else writes into it', async t => {
  const path = newLog(t)
  const script = (name: string): string => `
    import { openShredLog } from ${JSON.stringify(new URL('./shred-log.ts', import.meta.url).href)}
    const log = await openShredLog(${JSON.stringify(path)}, async () => [])
    for (let n = 0; ; n += 1) {
      await log({ tenant: 'ten_1', owner: '${name}' + n, at: 1 })
      await new Promise(resolve => process.stdout.write(n + '\\n', resolve))
    }`
  const answered = await Promise.all(
    ['a', 'b'].map(async name => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script(name)], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.split('\n').length > 50) child.kill('SIGKILL')
      })
      await once(child, 'close')
      return said
        .split('\n')
        .slice(0, -1)
        .map(n => name + n)
    }),
  )
  const { shreddings, bad } = readShreddings(readFileSync(path, 'utf8'))
  assert.ok(bad.every(one => one.kind === 'torn'))
  const found = new Set(shreddings.map(one => one.owner))
  for (const one of answered.flat()) assert.ok(found.has(one), one)
  assert.ok(answered.every(one => one.length >= 50))
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { isAlive, sleep } from './processes.ts'
import { startProgram } from './programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'bindery-programs-'))
after(() => rmSync(folder, { recursive: true }))

const ours = JSON.stringify(new URL('./programs.ts', import.meta.url).href)
function program(name: string, text: string): URL {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, text)
  return pathToFileURL(file)
}
const polite = program(
  'polite',
  `import { stopWhenTold } from ${ours}
   stopWhenTold(async () => {})
   process.send({ port: 7, name: process.env.NAME, path: process.env.PATH })`,
)
const env = { NAME: 'polite' }

test('a program says that it is ready, sees only its own environment, and ends when asked', async () => {
  const started = await startProgram({ name: 'it', file: polite, env })
  assert.deepEqual(started.ready, { port: 7, name: 'polite' })
  await started.stop()
  assert.equal(isAlive(started.pid), false)
  assert.equal(await started.ended, 'it ended (0)')
})

test('a program that ends before it is ready is told with its last words', async () => {
  const file = program('broken', `throw new Error('no key file')`)
  await assert.rejects(startProgram({ name: 'the vault', file, env }), /the vault ended \(1\):[\s\S]*no key file/)
})

test('a program that is never ready does not hold up the start', async () => {
  const file = program('silent', `setInterval(() => {}, 1000)`)
  await assert.rejects(startProgram({ name: 'it', file, env, startWithinMs: 300 }), /it was not ready after 300 ms/)
})

test('a program that does not listen is killed', async () => {
  const file = program('deaf', `process.on('SIGTERM', () => {}); process.send(1); setInterval(() => {}, 1000)`)
  const started = await startProgram({ name: 'it', file, env, stopWithinMs: 200 })
  await started.stop()
  assert.equal(await started.ended, 'it ended (SIGKILL)')
})

test('a program ends with its parent, also when the parent is killed', async () => {
  const parent = program(
    'parent',
    `import { startProgram } from ${ours}
     const started = await startProgram({ name: 'it', file: new URL(${JSON.stringify(polite.href)}), env: {}, withoutCore: true })
     console.log(started.pid)`,
  )
  const child = spawn(process.execPath, [parent.pathname], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>(resolve => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8'))))
  const pid = Number(line)
  assert.ok(isAlive(pid))
  child.kill('SIGKILL')
  for (let waited = 0; isAlive(pid); waited += 20) {
    assert.ok(waited < 10_000, 'it is still there')
    await sleep(20)
  }
})

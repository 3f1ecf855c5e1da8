import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

/** The runner inside a runner must be a process of its own, and must not take itself for a child of the outer one. */
function reportOn(
  files: Readonly<Record<string, string>>,
  timeout = 60_000,
): { passed: number; failed: string[]; skipped: string[]; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-report-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), `import { test } from 'node:test'\n${text}`)
    const paths = Object.keys(files).map(name => join(folder, name))
    const script = `
      import { report } from ${JSON.stringify(new URL('./report.ts', import.meta.url).href)}
      const result = await report({ files: ${JSON.stringify(paths)}, concurrency: 2, timeout: ${timeout} })
      console.log('\\n' + JSON.stringify(result))`
    writeFileSync(join(folder, 'main.mjs'), script)
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout } = spawnSync(process.execPath, [join(folder, 'main.mjs')], { env, encoding: 'utf8', cwd: folder })
    return { ...JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), output: stdout }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('what passed is counted, what was skipped is named with its reason', () => {
  const { passed, failed, skipped } = reportOn({
    'a.test.mjs': `test('one', () => {}); test('two', () => {}); test('three', { skip: 'no server' }, () => {}); test('four', t => t.skip('not now'))`,
  })
  assert.deepEqual(
    { passed, failed, skipped },
    { passed: 2, failed: [], skipped: ['a.test.mjs: three (no server)', 'a.test.mjs: four (not now)'] },
  )
})

test('every way to fail is a failure', () => {
  const { failed, output } = reportOn({
    'assert.test.mjs': `test('outer', async t => { await t.test('inner', () => { throw new Error('the cause') }) })`,
    'load.test.mjs': `throw new Error('at load')`,
    'loose.test.mjs': `test('fine', () => {}); setTimeout(() => Promise.reject(new Error('nobody waits')), 50)`,
    'none.test.mjs': ``,
    'slow.test.mjs': `test('slow', { timeout: 50 }, () => new Promise(done => setTimeout(done, 500)))`,
  })
  assert.match(output, /the cause/)
  for (const file of ['assert.test.mjs: inner', 'load.test.mjs', 'loose.test.mjs', 'none.test.mjs', 'slow.test.mjs: slow'])
    assert.ok(
      failed.some(one => one.startsWith(file)),
      `${file} is not among ${failed.join(', ')}`,
    )
  assert.ok(!failed.includes('assert.test.mjs: outer'), 'the whole is not counted beside its part')
})

test('a file that hangs, and left a process that holds its output, is a failure and not the end of the run', () => {
  const { passed, failed, output } = reportOn(
    {
      'hangs.test.mjs': `import { spawn } from 'node:child_process'
        test('hangs', () => { spawn('sleep', ['120'], { stdio: 'inherit' }); setInterval(() => {}, 1_000); return new Promise(() => {}) })`,
      'after.test.mjs': `test('fine', () => {})`,
    },
    1_000,
  )
  assert.equal(passed, 1)
  assert.ok(
    failed.some(one => one.startsWith('hangs.test.mjs')),
    failed.join(', '),
  )
  assert.match(output, /HUNG hangs\.test\.mjs/)
})

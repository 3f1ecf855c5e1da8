/** Follows docs/adding-a-channel.md to the letter, in a copy of the source: what the page shows is type-checked, passes the contract, and misses nothing. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/adding-a-channel.md'), 'utf8')
/** Blocks that say which file they are. */
const blocks = [...page.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)].map(([, path = '', text = '']) => ({ path, text }))
const list = 'src/channels/list.ts'

const copy = mkdtempSync(join(tmpdir(), 'bindery-tulip-'))
after(() => rmSync(copy, { recursive: true, force: true }))
for (const part of ['src/core', 'src/channels', 'proofs', 'package.json', 'tsconfig.json', 'biome.json', '.gitignore'])
  cpSync(join(root, part), join(copy, part), { recursive: true })
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
for (const { path, text } of blocks) {
  mkdirSync(dirname(join(copy, path)), { recursive: true })
  if (path === list) appendFileSync(join(copy, path), text)
  else writeFileSync(join(copy, path), text)
}

function run(command: string, args: readonly string[]): string {
  // Without the variables of a test runner: a test inside it would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(command, [...args], { cwd: copy, encoding: 'utf8', env })
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout.slice(-4_000)}${stderr.slice(-2_000)}`)
  return stdout
}
const bin = (name: string) => join(root, 'node_modules/.bin', name)

test('the page shows a whole channel: one folder, and one line', () => {
  const folder = blocks.filter(one => one.path !== list)
  assert.deepEqual(
    folder.map(one => dirname(one.path)),
    folder.map(() => 'src/channels/tulip'),
  )
  const names = ['refusals', 'magic', 'wire', 'channel', 'webhook', 'simulator', 'sandbox', 'subject', 'contract.test']
  assert.deepEqual(
    folder.map(one => one.path.slice('src/channels/tulip/'.length, -'.ts'.length)),
    names,
  )
  assert.deepEqual(
    blocks.filter(one => one.path === list).map(one => one.text.trim().split('\n').length),
    [1],
  )
})

test('what it shows has the right types and form', () => {
  const settings = { extends: './tsconfig.json', include: ['src/channels/tulip/*.ts'] }
  writeFileSync(join(copy, 'tsconfig.tulip.json'), JSON.stringify(settings))
  run(bin('tsc'), ['-p', 'tsconfig.tulip.json'])
  run(bin('biome'), ['check', '--error-on-warnings', '--vcs-enabled=false', 'src/channels/tulip'])
})

test('the channel of the page passes the contract', () => {
  const said = run(process.execPath, ['--test', '--test-reporter=tap', 'src/channels/tulip/contract.test.ts'])
  const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(said)?.[1] ?? Number.NaN)
  assert.equal(count('fail'), 0)
  assert.ok(count('pass') > 60, `only ${count('pass')} cases`)
})

test('of the page’s channel no wire mutant survives', () => {
  const last = run(process.execPath, ['proofs/mutate-wire.ts', '--channel', 'tulip', '--json']).trim().split('\n').at(-1)
  assert.match(last ?? '', /^\{"mutants":[1-9]\d+,"survivors":0\}$/)
})

test('what the page says catches mistakes is a case of the suite', () => {
  const suite = ['answers', 'binding', 'challenges', 'keys', 'keeping', 'webhook', 'declaration']
    .map(name => readFileSync(join(root, `src/channels/contract-${name}.ts`), 'utf8'))
    .join('\n')
  const [, table = ''] = page.split('## What goes wrong')
  const named = [...table.matchAll(/"([^"]+)"/g)].map(one => one[1] ?? '')
  assert.ok(named.length >= 6)
  for (const one of named) assert.ok(suite.includes(one.replace('other_object', '$' + '{fault}')), `no such case: ${one}`)
})

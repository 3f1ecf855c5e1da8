/**
 * Every claim of compliance/matrix.json leads somewhere: to code that is there, to a test of that name, to a command that can be run. What is
 * said to be met has a test; what is not says what is left.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { z } from 'zod'

const root = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

const evidence = z.union([z.strictObject({ test: z.string(), name: z.string() }), z.strictObject({ command: z.string() })])
const row = z.strictObject({
  standard: z.string(),
  requirement: z.string(),
  asks: z.string().min(10),
  status: z.string(),
  how: z.string().min(1),
  code: z.array(z.string()).default([]),
  evidence: z.array(evidence).default([]),
  left: z.string().min(5).optional(),
})
type Claim = z.output<typeof row>
const matrix = z.strictObject({
  note: z.string(),
  standards: z.record(z.string(), z.string()),
  statuses: z.record(z.string(), z.string()),
  rows: z.array(row),
})
const { rows, standards, statuses, note } = matrix.parse(JSON.parse(read('compliance/matrix.json')))

const scripts = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json'))).scripts
/** Names of the command line, as its list has them. */
const commands = [...read('cli/bindery.ts').matchAll(/^ {2}'?([a-z][a-z-]*)'?: \{/gm)].map(match => match[1])

/** Names of the tests of a file, as they are written there: with what is put in, where something is. */
const named = (path: string): readonly string[] =>
  [...read(path).matchAll(/\b(?:test|rule|it|describe)\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*)\1/g)].map(match =>
    (match[2] ?? '').replace(/\\(['"`])/g, '$1'),
  )

const runs = (command: string): boolean => {
  const [, npm, bindery] = /^(?:npm run ([a-z:-]+)|npx bindery ([a-z-]+))$/.exec(command) ?? []
  return npm === undefined ? commands.some(one => one === bindery && one !== undefined) : npm in scripts
}

/** What is wrong with a claim; nothing where it leads somewhere. */
function dangling(of: Claim): readonly string[] {
  const out: string[] = []
  const name = `${of.standard} ${of.requirement}`
  if (!(of.standard in standards)) out.push(`${name}: no standard of that name`)
  if (!(of.status in statuses)) out.push(`${name}: no status ${of.status}`)
  for (const path of of.code) if (!existsSync(new URL(path, root))) out.push(`${name}: there is no ${path}`)
  for (const one of of.evidence) {
    if ('command' in one) {
      if (!runs(one.command)) out.push(`${name}: there is no command ${one.command}`)
    } else if (!existsSync(new URL(one.test, root))) out.push(`${name}: there is no ${one.test}`)
    else if (!named(one.test).includes(one.name)) out.push(`${name}: ${one.test} has no test “${one.name}”`)
  }
  const shown = of.code.length > 0 && of.evidence.some(one => 'test' in one)
  if (of.status === 'met' && !shown) out.push(`${name}: said to be met, and no code or no test of it is named`)
  if (of.status !== 'met' && of.status !== 'not_applicable' && of.left === undefined)
    out.push(`${name}: ${of.status}, and it is not said what is left`)
  return out
}

test('every claim leads to code, a test or a command that is there', () => {
  assert.ok(rows.length >= 90, `${rows.length} rows`)
  assert.deepEqual(rows.flatMap(dangling), [])
})

test('a requirement is claimed once', () => {
  const names = rows.map(one => `${one.standard} ${one.requirement}`)
  assert.deepEqual(
    names.filter((one, i) => names.indexOf(one) !== i),
    [],
  )
})

test('it says that software alone makes nobody compliant', () => {
  assert.match(note, /Software alone does not make an operator compliant/)
})

test('a claim that leads nowhere is noticed', () => {
  const good: Claim = {
    ...{ standard: 'pci_dss', requirement: '0', asks: 'Something or other.', status: 'met', how: 'So.', code: ['src/vault/seal.ts'] },
    evidence: [
      { test: 'src/vault/seal.test.ts', name: 'a value opens only where it belongs' },
      { command: 'npm run sim' },
      { command: 'npx bindery audit' },
    ],
  }
  assert.deepEqual(dangling(good), [])
  const spoiled: readonly Partial<Claim>[] = [
    { standard: 'none' },
    { status: 'perfect' },
    { code: ['src/vault/sealed.ts'] },
    { code: [] },
    { evidence: [] },
    { evidence: [{ command: 'npm run sim' }] },
    { evidence: [...good.evidence, { test: 'src/vault/none.test.ts', name: 'a' }] },
    { evidence: [...good.evidence, { test: 'src/vault/seal.test.ts', name: 'a value opens anywhere' }] },
    { evidence: [...good.evidence, { command: 'npm run simulate' }] },
    { evidence: [...good.evidence, { command: 'npx bindery audits' }] },
    { status: 'partly' },
  ]
  for (const one of spoiled) assert.ok(dangling({ ...good, ...one }).length > 0, JSON.stringify(one))
})

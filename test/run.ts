/**
 * `npm test`: types, lint, then every test file, on one shared PostgreSQL. The last line is `N passed, N failed`; what was skipped is
 * named with its reason. Arguments are parts of file names, to run only those (`npm test -- store`) and neither types nor lint.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { startTestServer, testServerVariable } from '../src/world/testing.ts'
import { indent, report, seconds } from './report.ts'

const folders = ['src', 'sim', 'bench', 'demo', 'proofs', 'test']
/** Whoever takes longer hangs: three times the longest, on a machine of two cores. */
const fileTimeoutMs = 900_000

const wanted = process.argv.slice(2)
const files = globSync(folders.map(folder => `${folder}/**/*.test.ts`))
  .filter(file => wanted.length === 0 || wanted.some(part => file.includes(part)))
  .toSorted()

const began = performance.now()
const checks = wanted.length === 0 ? await runChecks() : { passed: 0, failed: [] }
const tests =
  files.length === 0
    ? { passed: 0, failed: [`no test file is named like ${wanted.join(', ')}`], skipped: [], cases: new Map<string, number>() }
    : await runFiles()
const passed = checks.passed + tests.passed
const failed = [...checks.failed, ...tests.failed]
console.log(`\n${files.length} files, ${seconds(performance.now() - began)}`)
if (tests.skipped.length > 0) console.log(`Skipped, ${tests.skipped.length}:\n${tests.skipped.map(one => `  - ${one}`).join('\n')}`)
const contracts = contractCases(tests.cases)
if (contracts !== '') console.log(`Cases of the contract that passed, by channel: ${contracts}`)
if (failed.length > 0) console.log(`Failed:\n${failed.map(one => `  - ${one}`).join('\n')}`)
console.log(`${passed} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1

/** Every channel passes one suite over its own ways in: how many cases that makes. */
function contractCases(cases: ReadonlyMap<string, number>): string {
  const named = [...cases].map(([file, passed]) => ({ channel: /^src\/channels\/(\w+)\/contract\.test\.ts$/.exec(file)?.[1], passed }))
  return named.flatMap(({ channel, passed }) => (channel === undefined ? [] : [`${channel} ${passed}`])).join(', ')
}

/** Both at once: each needs a second or two of one core. */
async function runChecks(): Promise<{ passed: number; failed: string[] }> {
  const results = await Promise.all([check('types', 'tsc', ['-p', '.']), check('lint', 'biome', ['check', '--error-on-warnings', '.'])])
  return { passed: results.filter(one => one.ok).length, failed: results.filter(one => !one.ok).map(one => one.name) }
}

async function check(name: string, command: string, args: readonly string[]): Promise<{ name: string; ok: boolean }> {
  const start = performance.now()
  const child = spawn(`node_modules/.bin/${command}`, [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output += chunk.toString('utf8')
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await new Promise<number | string | null>(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', resolve)
  })
  const ok = code === 0
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds(performance.now() - start)})${ok ? '' : `\n${indent(output || String(code))}`}`)
  return { name, ok }
}

async function runFiles(): ReturnType<typeof report> {
  const server = await startTestServer()
  process.env[testServerVariable] = String(server.connection.host)
  try {
    return await report({ files, concurrency: Math.max(2, availableParallelism()), timeout: fileTimeoutMs })
  } finally {
    await server.stop()
  }
}

/** What would show the vault's memory, on the real process: it does not start with it, or has taken it away. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isAlive } from '../world/processes.ts'
import { reasonsToRefuse, type Seen } from './hardening.ts'
import { capture, number, settingsFor } from './process.seam.ts'
import { type VaultSettings, writeSettings } from './settings.ts'
import { startVault } from './start.ts'

const program = fileURLToPath(new URL('serve.ts', import.meta.url))
const elsewhere = process.platform === 'linux' ? false : 'needs /proc'
const quiet: Seen = {
  ...{ strict: true, flags: [], environment: {}, coreLimit: '0', coreFilter: '00000000', corePattern: 'core', inspectorUrl: undefined },
}

test('flags and variables that show memory, or bring in other code, are refused where it is strict', () => {
  assert.deepEqual(reasonsToRefuse(quiet), [])
  const harmless = ['--disable-sigusr1', '--max-old-space-size=100', '--secure-heap=65536', '--dns-result-order=ipv4first']
  assert.deepEqual(reasonsToRefuse({ ...quiet, flags: harmless, environment: { NODE_OPTIONS: harmless.join(' ') } }), [])
  for (const flag of [
    ...['--inspect', '--inspect-brk=0', '--inspect_brk', '--inspect-port=0', '--debug-port=0', '--experimental-network-inspection'],
    ...['--heapsnapshot-signal=SIGUSR2', '--heapsnapshot-near-heap-limit=1', '--heap-snapshot-on-oom', '--heap_snapshot_on_gc=1'],
    ...['--heap-prof', '--heap_prof', '--cpu-prof', '--prof', '--report-on-signal', '--report_uncaught_exception', '--tls-keylog=/tmp/x'],
    ...['--abort-on-uncaught-exception', '--build-snapshot', '--require=/tmp/x.js', '-r', '--import=/tmp/x.js', '--experimental-loader=x'],
    ...['--env-file=.env', '--experimental-config-file=x.json', '--experimental-default-config-file'],
  ]) {
    assert.equal(reasonsToRefuse({ ...quiet, flags: [flag] }).length, 1, flag)
    assert.equal(reasonsToRefuse({ ...quiet, environment: { NODE_OPTIONS: `--max-old-space-size=100 "${flag}"` } }).length, 1, flag)
    assert.equal(reasonsToRefuse({ ...quiet, strict: false, flags: [flag] }).length, 0, flag)
  }
  const bad: readonly Partial<Seen>[] = [
    { coreLimit: 'unlimited' },
    { coreLimit: '1' },
    { inspectorUrl: 'ws://127.0.0.1:9229/x' },
    { corePattern: '|/usr/lib/systemd/systemd-coredump %P', coreFilter: '00000033' },
    ...['NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'NODE_V8_COVERAGE'].map(name => ({ environment: { [name]: 'http' } })),
  ]
  for (const one of bad) assert.equal(reasonsToRefuse({ ...quiet, ...one }).length, 1, JSON.stringify(one))
  assert.deepEqual(reasonsToRefuse({ ...quiet, corePattern: '|/usr/lib/systemd/systemd-coredump %P' }), [], 'there is nothing in it')
})

type Begun = { readonly child: ChildProcess; readonly said: () => string }

/** As an init system would, or somebody with a shell: nothing stands between. */
function begin(
  t: TestContext,
  settings: VaultSettings,
  of: { readonly flags?: readonly string[]; readonly environment?: object; readonly core?: string },
): Begun {
  const cwd = dirname(settings.dataFolder)
  mkdirSync(cwd, { recursive: true })
  const command = `ulimit -c ${of.core ?? '0'}; exec "$0" "$@"`
  const child = spawn('/bin/sh', ['-c', command, process.execPath, ...(of.flags ?? []), program], {
    ...{ cwd, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    env: { PATH: process.env.PATH, ...writeSettings(settings), ...of.environment },
  })
  let told = ''
  child.stderr?.on('data', chunk => {
    told += String(chunk)
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, said: () => told }
}

const offences: readonly (readonly [what: string, Parameters<typeof begin>[2], said: RegExp])[] = [
  ['the inspector', { flags: ['--inspect=127.0.0.1:0'] }, /--inspect, which shows its memory; its inspector is open/],
  ['the inspector by NODE_OPTIONS', { environment: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } }, /--inspect, which shows/],
  ['heap snapshots on a signal', { flags: ['--heapsnapshot-signal=SIGUSR2'] }, /--heapsnapshot-signal, which shows/],
  ['a heap snapshot when memory runs out', { flags: ['--heap_snapshot_on_oom'] }, /--heap_snapshot_on_oom, which shows/],
  ['another program’s code', { flags: ['--import=data:text/javascript,0'] }, /--import, which brings in/],
  ['Node’s own telling', { environment: { NODE_DEBUG: 'http' } }, /NODE_DEBUG is set/],
  ['core files', { core: 'unlimited' }, /core file \(limit unlimited\)/],
]

test('where it is strict, in production or with a live account, it does not start with any of them', { skip: elsewhere }, async t => {
  for (const [what, of, said] of offences)
    for (const [mode, strict] of [
      ['production', { NODE_ENV: 'production' }],
      ['a live account', { VAULT_LIVE: 'yes' }],
    ] as const) {
      const settings = await settingsFor(t)
      const begun = begin(t, settings, { ...of, environment: { ...of.environment, ...strict } })
      await once(begun.child, 'close')
      assert.equal(begun.child.exitCode, 1, `${what}, ${mode}: ${begun.said()}`)
      assert.match(begun.said(), said)
      assert.equal(existsSync(settings.socketPath), false)
    }
  const clean = begin(t, await settingsFor(t), { environment: { VAULT_LIVE: 'yes' } })
  const [ready]: unknown[] = await once(clean.child, 'message')
  assert.ok(typeof ready === 'object' && ready !== null && 'ready' in ready, 'and with none of them it does')
})

test('its inspector does not open on a signal, with Node’s flag for that and without it', { skip: elsewhere }, async t => {
  const bare = begin(t, await settingsFor(t), {})
  await once(bare.child, 'message')
  const started = await startVault(await settingsFor(t))
  t.after(() => started.stop())
  for (const { pid = 0 } of [bare.child, started.process]) {
    assert.match(readFileSync(`/proc/${pid}/limits`, 'latin1'), /Max core file size\s+0\s/)
    assert.match(readFileSync(`/proc/${pid}/coredump_filter`, 'latin1'), /^0+\n$/)
    process.kill(pid, 'SIGUSR1')
    await sleep(200)
    const listening = readFileSync(`/proc/${pid}/net/tcp`, 'latin1')
    assert.equal(/ 0100007F:240D 00000000:0000 0A /.test(listening), false, 'nothing listens on 9229')
    assert.equal(isAlive(pid), true)
  }
})

test('a core that is written all the same has no number in it', { skip: elsewhere }, async t => {
  const settings = await settingsFor(t)
  // In development nothing stops it; the memory is left out nevertheless.
  const { child } = begin(t, settings, { core: 'unlimited' })
  const [ready]: unknown[] = await once(child, 'message')
  assert.ok(typeof ready === 'object' && ready !== null && 'captureUrl' in ready)
  await capture(settings, String(ready.captureUrl))
  const folder = dirname(settings.dataFolder)
  child.kill('SIGSEGV')
  await once(child, 'close')
  const cores = readdirSync(folder).filter(name => name.startsWith('core'))
  for (const name of cores) assert.equal(readFileSync(join(folder, name)).includes(number), false, name)
  // Of a process that holds the number and takes nothing away: the same search finds it.
  const other = spawn('/bin/sh', ['-c', 'ulimit -c unlimited; exec "$0" "$@"', process.execPath, '-e', 'process.abort()', number], {
    cwd: folder,
  })
  await once(other, 'close')
  const more = readdirSync(folder).filter(name => name.startsWith('core'))
  if (more.length === 0) return t.diagnostic('this system wrote no core file')
  assert.ok(more.some(name => readFileSync(join(folder, name)).includes(number)))
})

test('what runs inside it can write no snapshot or report, and open no inspector', async () => {
  const script = `
    import inspector, { open, Session } from 'node:inspector'
    import v8, { writeHeapSnapshot } from 'node:v8'
    import { createRequire } from 'node:module'
    import { takeAway } from ${JSON.stringify(new URL('hardening.ts', import.meta.url).href)}
    takeAway()
    const required = createRequire('/')('node:v8')
    const session = createRequire('/')('node:inspector')
    const tries = {
      a: () => v8.writeHeapSnapshot(), b: () => writeHeapSnapshot(), c: () => required.writeHeapSnapshot(), d: () => v8.getHeapSnapshot(),
      e: () => inspector.open(0), f: () => open(0), g: () => new inspector.Session(), h: () => new Session(), i: () => new session.Session(),
      j: () => process.report.writeReport(), k: () => process.report.getReport(), l: () => v8.setHeapSnapshotNearHeapLimit(1),
      m: () => { v8.writeHeapSnapshot = () => 'mine' },
    }
    const open_ = Object.keys(tries).filter(name => { try { tries[name](); return true } catch { return false } })
    process.kill(process.pid, 'SIGUSR1')
    setTimeout(() => console.log(JSON.stringify({ open_, url: inspector.url() ?? null })), 100)
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  assert.deepEqual(JSON.parse(stdout), { open_: [], url: null })
})

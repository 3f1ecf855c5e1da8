/**
 * What a process that holds card numbers must not be started with, and what it takes away from itself.
 *
 * Core dumps: Node cannot lower its own limits, so `start.ts` starts the vault under `ulimit -c 0`; here the limit is read back where the
 * platform shows it (Linux). A limit of 0 does not hold where the kernel pipes cores to a program (core(5)), so no part of the memory is left to
 * be dumped either (`coredump_filter`). Inspector, profiles and heap snapshots: the flags are refused, and the functions and `SIGUSR1`, by which
 * a running process would still open them, are taken away.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import inspector from 'node:inspector'
import { syncBuiltinESMExports } from 'node:module'
import v8 from 'node:v8'

/** Node takes `_` for `-` in its own flags and V8's alike. */
const revealing = new RegExp(
  `^--(?:${[
    ...['inspect', 'debug', 'allow-inspector', 'experimental-inspector', 'experimental-[a-z]+-inspection'],
    ...['heapsnapshot', 'heap-snapshot', 'heap-prof', 'cpu-prof', 'prof', 'track-heap-objects', 'build-snapshot'],
    ...['diagnostic-dir', 'report', 'abort-on-uncaught-exception', 'trace-uncaught', 'trace-sigint', 'expose-internals'],
    ...['tls-keylog', 'trace-tls', 'log-all', 'logfile'],
  ].join('|')})`,
)
/** Code that is not ours would see whatever we see. */
const foreign = /^(?:-r$|-r=|--(?:require|import|loader|experimental-loader|env-file|experimental-(?:default-)?config-file)(?:=|$|-))/
/** Variables that make Node print or write what passes through it. */
const revealingVariables = ['NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'NODE_V8_COVERAGE'] as const

export type Seen = {
  /** In production, or with accounts of live mode. */
  readonly strict: boolean
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Soft limit of core files in bytes; undefined where the platform does not tell. */
  readonly coreLimit: string | undefined
  /** What of the memory a core would have (`coredump_filter`), and where cores go (`core_pattern`). */
  readonly coreFilter: string | undefined
  readonly corePattern: string | undefined
  /** Where the inspector listens. */
  readonly inspectorUrl: string | undefined
}

/** The reasons not to serve where it is strict, for the operator to read. Elsewhere: none. */
export function reasonsToRefuse(seen: Seen): readonly string[] {
  if (!seen.strict) return []
  const reasons: string[] = []
  for (const flag of [...seen.flags, ...(seen.environment.NODE_OPTIONS ?? '').split(/[\s"']+/)]) {
    const [name = ''] = flag.split('=')
    const plain = name.replaceAll('_', '-')
    if (revealing.test(plain)) reasons.push(`it was started with ${name}, which shows its memory`)
    else if (foreign.test(plain)) reasons.push(`it was started with ${name}, which brings in what is not ours`)
  }
  for (const name of revealingVariables)
    if ((seen.environment[name] ?? '') !== '') reasons.push(`${name} is set, which makes Node tell what passes through it`)
  if (seen.inspectorUrl !== undefined) reasons.push('its inspector is open, which shows its memory')
  if (seen.coreLimit !== undefined && seen.coreLimit !== '0')
    reasons.push(`a crash would write its memory to a core file (limit ${seen.coreLimit}): start it under "ulimit -c 0"`)
  if (seen.corePattern?.startsWith('|') && Number.parseInt(seen.coreFilter ?? '0', 16) !== 0)
    reasons.push(
      'a crash would hand its memory to the program that kernel.core_pattern names, whatever the limit: have that write no cores',
    )
  return reasons
}

/** Of this process. */
export function look(strict: boolean): Seen {
  return {
    strict,
    flags: process.execArgv,
    environment: process.env,
    coreLimit: /^Max core file size\s+(\S+)/m.exec(read('/proc/self/limits') ?? '')?.[1],
    coreFilter: read('/proc/self/coredump_filter')?.trim(),
    corePattern: read('/proc/sys/kernel/core_pattern')?.trim(),
    inspectorUrl: inspector.url(),
  }
}

/** Linux only; elsewhere, and where it may not be read, nothing is told. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/**
 * From here on a core has no memory in it, `SIGUSR1` does nothing (Node then does not open its inspector on it), and nothing that runs in this
 * process can write a snapshot, open the inspector or write a report by the functions that Node has for it.
 */
export function takeAway(): void {
  process.on('SIGUSR1', () => undefined)
  try {
    writeFileSync('/proc/self/coredump_filter', '0')
  } catch {
    // Not Linux, or a kernel without it: `reasonsToRefuse` says where that matters.
  }
  for (const name of ['writeHeapSnapshot', 'getHeapSnapshot', 'setHeapSnapshotNearHeapLimit', 'startCpuProfile', 'startHeapProfile'])
    replace(v8, name)
  for (const name of ['open', 'Session']) replace(inspector, name)
  for (const name of ['writeReport', 'getReport']) replace(process.report, name)
  syncBuiltinESMExports()
}

function replace(of: object, name: string): void {
  const refused = (): never => {
    throw new Error('the vault does not show its memory')
  }
  if (name in of) Object.defineProperty(of, name, { value: refused, writable: false, configurable: false })
}

/**
 * What a process that holds card numbers must not be started with, and what it takes away from itself.
 *
 * Core dumps: Node cannot lower its own limits, so `start.ts` starts the vault under `ulimit -c 0`; here the limit is read back where the
 * platform shows it (Linux). Inspector: the flags are refused, and `SIGUSR1`, which would open it in a running process, is taken.
 */
import { readFileSync } from 'node:fs'

const revealing =
  /^--(?:inspect|debug|heapsnapshot|heap-prof|cpu-prof|prof|diagnostic-dir|report|abort-on-uncaught-exception|trace-uncaught|trace-sigint|track-heap-objects|expose[-_]internals|experimental-inspector)/

/** The reasons not to serve in production, for the operator to read. Without production: none. */
export function reasonsToRefuse(input: {
  readonly production: boolean
  readonly flags: readonly string[]
  readonly nodeOptions: string | undefined
  /** Soft limit of core files in bytes; undefined where the platform does not tell. */
  readonly coreLimit: string | undefined
}): readonly string[] {
  if (!input.production) return []
  const reasons: string[] = []
  const flags = [...input.flags, ...(input.nodeOptions ?? '').split(/\s+/)]
  for (const flag of flags) if (revealing.test(flag)) reasons.push(`it was started with ${flag.split('=')[0]}, which shows its memory`)
  if (input.coreLimit !== undefined && input.coreLimit !== '0')
    reasons.push(`a crash would write its memory to a core file (limit ${input.coreLimit}): start it under "ulimit -c 0"`)
  return reasons
}

/** Linux only. */
export function coreLimit(): string | undefined {
  try {
    return /^Max core file size\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  } catch {
    return undefined
  }
}

/** From here on the signal does nothing; Node then does not open its inspector on it. */
export function refuseInspectorSignal(): void {
  process.on('SIGUSR1', () => undefined)
}

/** Starts the vault as a process of its own and stops it. For `main.ts` and tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { ended, sleep } from '../world/processes.ts'
import { type VaultSettings, writeSettings } from './settings.ts'

export type StartedVault = {
  /** `http://127.0.0.1:…/capture` */
  readonly captureUrl: string
  readonly process: ChildProcess
  /** Asks it to end, waits, and kills it after 15 seconds. */
  stop(): Promise<void>
  /** Resolves with the reason when it ends, whoever ended it. */
  readonly ended: Promise<string>
}

const program = fileURLToPath(new URL('serve.ts', import.meta.url))
const ready = z.object({ ready: z.literal(true), captureUrl: z.string() })
/** It waits for its custodians (`root-shares.ts`), as long as it takes. */
const locked = z.object({ locked: z.string() })
const startWithinMs = 30_000
const stopWithinMs = 15_000
const againMs = { first: 50, most: 5_000 }

/**
 * Resolves when the vault takes calls. Throws an Error with what the vault wrote to standard error when it does not start. The shell is
 * there for one thing: a process cannot lower its own limit for core files in Node.
 */
export async function startVault(settings: VaultSettings, onLocked?: (socketPath: string) => void): Promise<StartedVault> {
  const child = spawn('/bin/sh', ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, ...flags(), program], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: { ...inherited(), ...writeSettings(settings) },
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (said.length < 4096) said += chunk.toString()
    process.stderr.write(chunk)
  })
  const gone = once(child, 'exit').then(([code, signal]: unknown[]) => `the vault ended (${String(code ?? signal)})`)
  const captureUrl = await announced(child, () => said, onLocked)
  return { captureUrl, process: child, ended: gone, stop: () => stop(child) }
}

/**
 * The same, and starts it again whenever it ends by itself. What it held in memory is gone then (captures have to be made anew), what it
 * sealed is not. `ended` is told why it ended, `locked` where it takes the shares of its root. It comes back at the same addresses.
 */
export async function keepVault(
  settings: VaultSettings,
  { ended: onEnd, locked: onLocked }: { ended(reason: string): void; locked?(socketPath: string): void },
): Promise<Pick<StartedVault, 'captureUrl' | 'stop'> & { process(): ChildProcess }> {
  const kept = { current: await startVault(settings, onLocked), stopped: false }
  const { captureUrl } = kept.current
  const again = { ...settings, capturePort: Number(new URL(captureUrl).port) }
  const watch = async (): Promise<void> => {
    while (!kept.stopped) {
      const reason = await kept.current.ended
      if (kept.stopped) return
      onEnd(reason)
      for (let waitMs = againMs.first; !kept.stopped; waitMs = Math.min(againMs.most, waitMs * 2)) {
        const started = await startVault(again, onLocked).catch((error: unknown) =>
          onEnd(error instanceof Error ? error.message : 'unknown reason'),
        )
        if (started !== undefined) {
          kept.current = started
          break
        }
        await sleep(waitMs)
      }
    }
    // Told to stop while it was being started again.
    await kept.current.stop()
  }
  const watching = watch()
  return {
    captureUrl,
    process: () => kept.current.process,
    stop: async () => {
      kept.stopped = true
      await kept.current.stop()
      await watching
    },
  }
}

/** Node 24 can be told not to open its inspector on SIGUSR1. */
const flags = (): readonly string[] => (process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : [])

/** What a process needs to run, and nothing of the API's own secrets. */
function inherited(): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NODE_ENV', 'NODE_COMPILE_CACHE', 'NODE_EXTRA_CA_CERTS', 'PGSSLROOTCERT']) {
    const value = process.env[name]
    if (value !== undefined) kept[name] = value
  }
  return kept
}

async function announced(child: ChildProcess, said: () => string, onLocked: ((socketPath: string) => void) | undefined): Promise<string> {
  const message = (): Promise<unknown> => new Promise(resolve => child.once('message', resolve))
  const over = once(child, 'exit').then(() => true)
  let first = await Promise.race([message(), ended(child, startWithinMs)])
  const waits = locked.safeParse(first)
  if (waits.success) {
    onLocked?.(waits.data.locked)
    first = await Promise.race([message(), over])
  }
  const read = ready.safeParse(first)
  if (read.success) return read.data.captureUrl
  child.kill('SIGKILL')
  // Its last words may arrive after its end.
  await sleep(50)
  throw new Error(first === false ? 'the vault did not start in time' : said().trim() || 'the vault ended before it was ready')
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (!(await ended(child, stopWithinMs))) child.kill('SIGKILL')
}

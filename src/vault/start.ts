/** Starts the vault as a process of its own and stops it. For `main.ts` and tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
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
const startWithinMs = 30_000
const stopWithinMs = 15_000

/**
 * Resolves when the vault takes calls. Throws an Error with what the vault wrote to standard error when it does not start. The shell is
 * there for one thing: a process cannot lower its own limit for core files in Node.
 */
export async function startVault(settings: VaultSettings): Promise<StartedVault> {
  const child = spawn('/bin/sh', ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, ...flags(), program], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: { ...inherited(), ...writeSettings(settings) },
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (said.length < 4096) said += chunk.toString()
    process.stderr.write(chunk)
  })
  const ended = once(child, 'exit').then(([code, signal]: unknown[]) => `the vault ended (${String(code ?? signal)})`)
  const captureUrl = await announced(child, ended, () => said)
  return { captureUrl, process: child, ended, stop: () => stop(child, ended) }
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

function announced(child: ChildProcess, ended: Promise<string>, said: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error('the vault did not start in time'))
    }, startWithinMs)
    child.once('message', message => {
      clearTimeout(late)
      const read = ready.safeParse(message)
      if (read.success) resolve(read.data.captureUrl)
      else reject(new Error('the vault announced itself in an unknown way'))
    })
    void ended.then(reason => {
      clearTimeout(late)
      reject(new Error(said().trim() || reason))
    })
  })
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  await ended
  clearTimeout(late)
}

/** Starting, watching and stopping other processes. Nothing here depends on /proc or on Linux. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'

/** Whom a process runs as. */
export type User = { readonly uid: number; readonly gid: number; readonly name: string }
export type Finished = { readonly code: number; readonly output: string }

/** Never throws: an aborted sleep just ends early. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  pause(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)

type FinishOptions = {
  readonly user?: User | undefined
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
}

/** Runs a program to its end. Never throws: a program that cannot be started has code -1 and says why in `output`. */
export function finish(program: string, args: readonly string[], options: FinishOptions = {}): Promise<Finished> {
  const { user, cwd, env, timeoutMs = 120_000 } = options
  return new Promise(resolve => {
    const child = spawn(program, [...args], {
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // Not spawn's own `timeout`: its timer stays behind, and keeps us running, when the program could not be started.
    const late = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const done = (code: number, output: string): void => {
      clearTimeout(late)
      resolve({ code, output })
    }
    let output = ''
    const keep = (chunk: Buffer): void => {
      if (output.length < 65_536) output += chunk.toString('utf8')
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', error => done(-1, output + error.message))
    child.on('close', (code, signal) => done(code ?? -1, signal === null ? output : `${output}\nended by ${signal}`))
  })
}

/** Whether a process with this number exists (whoever owns it). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Resolves when the process has ended, or with false when it has not within `timeoutMs`. */
export async function ended(child: ChildProcess, timeoutMs: number): Promise<boolean> {
  if (hasEnded(child)) return true
  const leaving = new AbortController()
  const gone = new Promise<boolean>(resolve => child.once('exit', () => resolve(true)))
  const late = pause(timeoutMs, false, { signal: leaving.signal }).catch(() => false)
  const result = await Promise.race([gone, late])
  leaving.abort()
  return result
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/**
 * A shell that outlives us for a moment: it waits until the pipe from us closes, which the kernel does even after kill -9, then asks
 * `pid` to stop with SIGINT, waits (30 s) until `pidFile` is gone, and removes the folders named. In a session of its own, so
 * that Ctrl-C at the terminal reaches us alone.
 */
export function startGuard(input: {
  readonly pid: number
  readonly pidFile: string
  readonly removeFolders: readonly string[]
}): ChildProcess {
  const script = [
    'cat >/dev/null',
    'kill -INT "$1" 2>/dev/null',
    'i=0',
    'while [ -e "$2" ] && [ $i -lt 600 ]; do sleep 0.05; i=$((i+1)); done',
    'shift 2',
    'if [ $# -gt 0 ]; then rm -rf "$@"; fi',
  ].join('\n')
  const guard = spawn('/bin/sh', ['-c', script, 'bindery-guard', String(input.pid), input.pidFile, ...input.removeFolders], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  guard.on('error', () => undefined)
  guard.unref()
  const pipe = guard.stdin
  if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  return guard
}

/** Programs of ours that run as processes of their own (the vault, the sandbox): started, told things, stopped. They end with us. */
import { type ChildProcess, type Serializable, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ended as endedWithin, sleep } from './processes.ts'

export type StartedProgram = {
  /** The first message it sent: that it is ready, and where it listens. To be parsed by whoever knows its shape. */
  readonly ready: unknown
  readonly pid: number
  /** Resolves with the reason when it ends, whoever ended it. */
  readonly ended: Promise<string>
  send(message: Serializable): void
  /** Asks it to end (SIGTERM), waits, and kills it if it does not. */
  stop(): Promise<void>
}

export type ProgramInput = {
  /** For messages: `the vault`. */
  readonly name: string
  /** Its file: `new URL('../vault/serve.ts', import.meta.url)`. */
  readonly file: URL
  /** The whole environment it gets: nothing of ours is added. */
  readonly env: NodeJS.ProcessEnv
  /** Options for Node itself. */
  readonly flags?: readonly string[]
  /** True: a crash writes no core file. Node cannot lower that limit, so that a shell does. */
  readonly withoutCore?: boolean
  readonly startWithinMs?: number
  readonly stopWithinMs?: number
}

/** Resolves when the program says that it is ready. Throws an Error with its last words when it ends first or takes too long. */
export async function startProgram(input: ProgramInput): Promise<StartedProgram> {
  const { name, startWithinMs = 30_000, stopWithinMs = 15_000 } = input
  const child = spawnProgram(input)
  let said = ''
  let isReady = false
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4096)
    if (isReady) process.stderr.write(chunk)
  })
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(`${name} cannot be started: ${error.message}`))
    child.once('exit', (code, signal) => resolve(`${name} ended (${signal ?? code})`))
  })
  const waiting = new AbortController()
  const message = once(child, 'message', { signal: waiting.signal }).then(([first]: unknown[]) => ({ first }))
  message.catch(() => undefined)
  const first = await Promise.race([
    message,
    ended,
    sleep(startWithinMs, waiting.signal).then(() => `${name} was not ready after ${startWithinMs} ms`),
  ])
  waiting.abort()
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    if (!(await endedWithin(child, stopWithinMs))) child.kill('SIGKILL')
    await ended
  }
  if (typeof first !== 'string' && child.pid !== undefined) {
    isReady = true
    process.stderr.write(said)
    return { ready: first.first, pid: child.pid, ended, send: one => void child.send(one), stop }
  }
  child.kill('SIGKILL')
  throw new Error([typeof first === 'string' ? first : '', said.trim()].filter(part => part !== '').join(':\n'))
}

function spawnProgram({ file, env, flags = [], withoutCore = false }: ProgramInput): ChildProcess {
  const command = [process.execPath, ...flags, fileURLToPath(file)]
  const [program = '', ...args] = withoutCore ? ['/bin/sh', '-c', 'ulimit -c 0; exec "$0" "$@"', ...command] : command
  return spawn(program, args, { env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
}

/** In the program itself: calls `stop` once, when told to end (SIGTERM, SIGINT) or when the parent is gone, and exits when it is done. */
export function stopWhenTold(stop: () => Promise<void>): void {
  let stopping = false
  const once = (): void => {
    if (stopping) return
    stopping = true
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`it did not stop well: ${error instanceof Error ? error.message : 'unknown reason'}\n`)
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, once)
  process.on('disconnect', once)
}

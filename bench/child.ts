/** The servers under load run in processes of their own: one is started here, asked to do things, and stopped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { ended } from '../src/world/processes.ts'

export const readyShape = z.object({
  address: z.string(),
  captureUrl: z.string(),
  apiKey: z.string(),
  tenant: z.string(),
  /** In hex: grants are signed by the load generator, before the clock starts. */
  grantKey: z.string(),
})
export type Ready = z.output<typeof readyShape>
export type Child = Ready & {
  readonly pid: number
  stop(): Promise<void>
  tell(message: object): void
  /** One question at a time. Rejects when the child says that it failed, or ends. */
  ask(question: object): Promise<unknown>
}
const answerShape = z.union([z.object({ answer: z.unknown() }), z.object({ failed: z.string() })])

const startWithinMs = 60_000

/** `program`: a file beside this one. `settings` goes to it as JSON in BENCH_SETTINGS; `BENCH_FLAGS` adds Node's own flags (a profiler's). */
export async function startChild(program: string, settings: object): Promise<Child> {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const flags = (process.env.BENCH_FLAGS ?? '').split(' ').filter(flag => flag !== '')
  const child = spawn(process.execPath, [...flags, path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, BENCH_SETTINGS: JSON.stringify(settings) },
  })
  const [first]: unknown[] = await Promise.race([
    once(child, 'message', { signal: AbortSignal.timeout(startWithinMs) }),
    once(child, 'exit').then(() => [undefined]),
  ])
  const read = readyShape.safeParse(first)
  if (!read.success || child.pid === undefined) {
    child.kill('SIGKILL')
    throw new Error(`${program} did not start`)
  }
  return {
    ...read.data,
    pid: child.pid,
    stop: () => stop(child),
    tell: message => child.send(message),
    ask: question => ask(child, question),
  }
}

async function ask(child: ChildProcess, question: object): Promise<unknown> {
  const answered = new AbortController()
  child.send(question)
  const [message]: unknown[] = await Promise.race([
    once(child, 'message', answered),
    once(child, 'exit', answered).then(() => [{ failed: 'the server under load ended' }]),
  ]).finally(() => answered.abort())
  const read = answerShape.parse(message)
  if ('failed' in read) throw new Error(read.failed)
  return read.answer
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (!(await ended(child, 20_000))) child.kill('SIGKILL')
}

/** In the child: what it was told. */
export const settingsOf = <S extends z.ZodType>(shape: S): z.output<S> => shape.parse(JSON.parse(process.env.BENCH_SETTINGS ?? '{}'))

/** In the child: says that it is ready, and ends cleanly when told to or when the parent is gone. */
export function announce(ready: Ready, close: () => Promise<unknown>): void {
  let closing = false
  const end = (): void => {
    if (closing) return
    closing = true
    close().finally(() => process.exit(0))
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', () => undefined)
  process.on('disconnect', end)
  process.send?.(ready)
}

/** In the child: answers each question. */
export function answerQuestions(answer: (question: unknown) => Promise<unknown>): void {
  process.on('message', question => {
    answer(question).then(
      said => process.send?.({ answer: said }),
      (error: unknown) => process.send?.({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
}

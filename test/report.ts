/** Runs test files and prints one line a file, every failure in full; what passed one by one would bury what failed. */
import { relative } from 'node:path'
import { type RunOptions, run } from 'node:test'
import { killTrees } from './processes.ts'

export type Report = {
  readonly passed: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
  /** Cases that passed, by file. */
  readonly cases: ReadonlyMap<string, number>
}

type Failure = Error & { readonly failureType?: string }
type Tested = { readonly name: string; readonly file?: string; readonly skip?: string | boolean; readonly todo?: string | boolean }

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
export const indent = (text: string): string => text.trimEnd().replaceAll(/^/gm, '     ')
const place = (of: Tested): string =>
  of.file === undefined || of.name === of.file ? relative('.', of.name) : `${relative('.', of.file)}: ${of.name}`

/** `timeout`, in milliseconds, is for each file. */
export async function report(options: RunOptions & { readonly timeout: number }): Promise<Report> {
  let passed = 0
  const failed: string[] = []
  const skipped: string[] = []
  const loose = new Map<string, string>()
  const cases = new Map<string, number>()
  const fail = (what: string, detail: string): void => {
    failed.push(what)
    console.log(`FAIL ${what}\n${indent(detail)}`)
  }
  const setAside = (of: Tested): boolean => {
    const reason = of.skip ?? of.todo
    if (reason === undefined || reason === false) return false
    skipped.push(`${place(of)} (${reason === true || reason === '' ? 'no reason given' : reason})`)
    return true
  }
  const stream = run(options)
  endHung(stream, options.timeout)
  stream.on('test:pass', event => {
    // A file that ends well without a test is told as a test of the file's name.
    if (event.name === event.file) fail(place(event), 'has no tests')
    else if (event.details.type !== 'suite' && !setAside(event)) passed += 1
  })
  stream.on('test:fail', event => {
    const error: Failure = event.details.error
    // Where a part failed its whole fails too: the part is what is told.
    if (error.failureType !== 'subtestsFailed' && !setAside(event)) fail(place(event), detailOf(error))
  })
  stream.on('test:diagnostic', event => {
    // At times Node only mentions it; for us an error that nobody waits for is a failure.
    if (event.message.includes('asynchronous activity after the test ended')) loose.set(relative('.', event.file ?? ''), event.message)
  })
  stream.on('test:stderr', event => {
    if (!event.message.includes('ExperimentalWarning') && !event.message.includes('--trace-warnings')) process.stderr.write(event.message)
  })
  stream.on('test:summary', event => {
    const { counts, duration_ms, success, file } = event
    if (file === undefined) {
      for (const [name, message] of loose) if (!failed.includes(name)) fail(name, message)
      if (!success && failed.length === 0) fail('the run', 'did not succeed, and no test says why')
    } else {
      cases.set(relative('.', file), counts.passed)
      console.log(`${success ? 'ok  ' : 'FAIL'} ${relative('.', file)}: ${counts.passed} of ${counts.tests} (${seconds(duration_ms)})`)
    }
  })
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.on('end', resolve)
    stream.resume()
  })
  return { passed, failed, skipped, cases }
}

/** Node asks a file whose time is over to end, and then waits until nobody holds its output: without this a server left behind stops the run. */
function endHung(stream: ReturnType<typeof run>, timeout: number): void {
  const timers = new Map<string, NodeJS.Timeout>()
  stream.on('test:dequeue', ({ name, file }) => {
    if (name !== file) return
    const end = (): void => {
      console.log(`HUNG ${relative('.', name)}: killed, with all it started, after ${seconds(timeout + graceMs)}`)
      void killTrees(name)
    }
    timers.set(name, setTimeout(end, timeout + graceMs))
  })
  stream.on('test:complete', ({ name, file }) => {
    if (name === file) clearTimeout(timers.get(name))
  })
}
const graceMs = 5_000

/** What the test threw, not the wrapper that the runner puts around it. */
function detailOf(error: Error): string {
  const cause = error.cause
  if (cause instanceof Error) return cause.stack ?? cause.message
  return typeof cause === 'string' ? cause : (error.stack ?? error.message)
}

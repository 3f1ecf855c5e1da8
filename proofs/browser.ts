/** A real browser without a window, driven by its own protocol (CDP): keys are pressed as a person presses them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { killTrees } from '../test/processes.ts'
import { until } from './caller.ts'

/** Where Debian and Ubuntu put it. */
export const browserProgram = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path => existsSync(path))

export type Browser = {
  open(url: string): Promise<void>
  /** The value of an expression in the page. */
  read(expression: string): Promise<unknown>
  /** Focuses the field and presses the keys. */
  type(selector: string, text: string): Promise<void>
  click(selector: string): Promise<void>
  /** What the page complained of: its policy's violations and errors. */
  readonly complaints: string[]
  /** Every address that was asked for. */
  readonly requested: string[]
  close(): Promise<void>
}

/** A page that is being left answers nothing. */
const answerWithinMs = 5_000

const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0', '--no-first-run']

export async function openBrowser(program: string): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-browser-'))
  const child = spawn(program, [...flags, `--user-data-dir=${folder}`, 'about:blank'], { stdio: 'ignore' })
  const close = async (): Promise<void> => {
    await end(child, folder)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    const port = await until('the browser', async () => portIn(join(folder, 'DevToolsActivePort')), 30_000)
    const targets = z
      .array(z.object({ type: z.string(), webSocketDebuggerUrl: z.string() }))
      .parse(await (await fetch(`http://127.0.0.1:${port}/json`)).json())
    const page = targets.find(one => one.type === 'page')
    if (page === undefined) throw new Error('the browser has no page')
    return { ...(await drive(page.webSocketDebuggerUrl)), close }
  } catch (error) {
    await close()
    throw error
  }
}

const portIn = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8').split('\n')[0] || undefined : undefined)

async function end(child: ChildProcess, folder: string): Promise<void> {
  const gone = new Promise(resolve => child.once('exit', resolve))
  await killTrees(folder)
  if (child.exitCode === null && child.signalCode === null) await gone
}

const message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
})
const evaluated = z.object({ result: z.object({ value: z.unknown().optional() }), exceptionDetails: z.unknown().optional() })
const request = z.object({ request: z.object({ url: z.string() }) })

type Line = {
  readonly call: (method: string, params?: object) => Promise<unknown>
  readonly complaints: string[]
  readonly requested: string[]
}

async function connect(address: string): Promise<Line> {
  const socket = new WebSocket(address)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const waiting = new Map<number, { readonly done: (value: unknown) => void; readonly failed: (error: Error) => void }>()
  const complaints: string[] = []
  const requested: string[] = []
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = message.parse(JSON.parse(String(data)))
    if (id !== undefined) {
      const call = waiting.get(id)
      waiting.delete(id)
      if (error !== undefined) call?.failed(new Error(error.message))
      else call?.done(result)
    }
    if (method === 'Network.requestWillBeSent') requested.push(request.parse(params).request.url)
    if (method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params))
  })
  let last = 0
  const call = (method: string, params: object = {}): Promise<unknown> => {
    last += 1
    const id = last
    socket.send(JSON.stringify({ id, method, params }))
    return new Promise((resolve, failed) => {
      const late = setTimeout(() => failed(new Error(`the browser did not answer ${method}`)), answerWithinMs)
      const done = (value: unknown): void => {
        clearTimeout(late)
        resolve(value)
      }
      waiting.set(id, { done, failed })
    })
  }
  return { call, complaints, requested }
}

async function drive(address: string): Promise<Omit<Browser, 'close'>> {
  const { call, complaints, requested } = await connect(address)
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`)
  const read = async (expression: string): Promise<unknown> => {
    const answer = evaluated.parse(await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true }))
    if (answer.exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(answer.exceptionDetails)}`)
    return answer.result.value
  }
  const focus = async (selector: string): Promise<void> => {
    const there = await read(
      `(() => { const it = document.querySelector(${JSON.stringify(selector)}); it?.focus(); return it !== null })()`,
    )
    if (there !== true) throw new Error(`the page has no ${selector}`)
  }
  return {
    complaints,
    requested,
    read,
    open: async url => {
      await call('Page.navigate', { url })
    },
    type: async (selector, text) => {
      await focus(selector)
      await call('Input.insertText', { text })
    },
    click: async selector => {
      await focus(selector)
      for (const type of ['rawKeyDown', 'char', 'keyUp'])
        await call('Input.dispatchKeyEvent', { type, key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' })
    },
  }
}

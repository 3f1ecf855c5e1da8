/** Starts the sandbox process and speaks to it: for `npm start`, the demo and tests. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { z } from 'zod'
import type { Fault } from './faults.ts'
import type { Credentials } from './sandbox-channel.ts'
import { type Books, effectNames } from './simulator.ts'

/** By channel. `formerSigning`: what webhooks are signed with as well, while a secret is rotated out. */
export type SandboxSettings = Readonly<
  Record<
    string,
    {
      readonly port?: number
      readonly webhookTarget?: string | undefined
      readonly credentials?: Credentials
      readonly formerSigning?: readonly string[]
    }
  >
>
export type Sandbox = {
  readonly specJudge: 'on' | 'off'
  /** By channel: `http://127.0.0.1:<port>`. */
  readonly addresses: ReadonlyMap<string, string>
  /** Names webhook targets (and former signing secrets) that were not known at the start. */
  update(simulators: SandboxSettings): void
  books(channel: string): Promise<Books>
  /** Requests of ours, and answers and webhooks of the simulator, that broke the official specification. */
  violations(channel: string): Promise<readonly unknown[]>
  addFault(channel: string, fault: Fault): Promise<void>
  act(channel: string, name: string, token: string): Promise<void>
  close(): Promise<void>
}

const readyShape = z.object({
  ready: z.literal(true),
  specJudge: z.enum(['on', 'off']),
  simulators: z.record(z.string(), z.object({ address: z.string() })),
})
const booksShape: z.ZodType<Books> = z.object({
  effects: z.array(
    z.object({
      effect: z.enum(effectNames),
      reference: z.string(),
      key: z.string(),
      token: z.string(),
      atMs: z.number(),
      heard: z.record(z.string(), z.string()).exactOptional(),
    }),
  ),
  held: z.array(z.object({ token: z.string(), reference: z.string(), customer: z.string(), label: z.string(), usable: z.boolean() })),
})

/** The keys of the card network that stands beside the channels, by name. */
export type NetworkSettings = { readonly own: string; readonly other: string; readonly secretKey: string; readonly signing: string }

export async function startSandbox(
  simulators: SandboxSettings,
  environment: NodeJS.ProcessEnv = process.env,
  network?: NetworkSettings,
): Promise<Sandbox> {
  const child = fork(join(import.meta.dirname, 'sandbox.ts'), {
    env: { ...environment, SANDBOX: JSON.stringify({ simulators, network }) },
    // The parent's own flags (a test runner's, a debugger's port) are not the sandbox's.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const ready = await new Promise<z.infer<typeof readyShape>>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the sandbox ended with ${code} before it was ready`)))
    child.once('error', reject)
    child.on('message', message => {
      const parsed = readyShape.safeParse(message)
      if (parsed.success) resolve(parsed.data)
    })
  })
  const addresses = new Map(Object.entries(ready.simulators).map(([name, { address }]) => [name, address]))
  const ask = async (channel: string, what: string, body?: object): Promise<unknown> => {
    const address = addresses.get(channel)
    if (address === undefined) throw new TypeError(`no simulator of ${channel}`)
    const answer = await fetch(`${address}/_sandbox/${what}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }
  return {
    specJudge: ready.specJudge,
    addresses,
    update: later => {
      child.send({ simulators: later })
    },
    books: async channel => booksShape.parse(await ask(channel, 'books')),
    violations: async channel => z.array(z.unknown()).parse(await ask(channel, 'violations')),
    addFault: async (channel, fault) => {
      await ask(channel, 'faults', fault)
    },
    act: async (channel, name, token) => {
      await ask(channel, 'act', { name, token })
    },
    close: () => {
      child.kill('SIGTERM')
      return exited
    },
  }
}

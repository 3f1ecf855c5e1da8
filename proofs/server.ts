/** The server as `npm start` runs it, in a process that can be killed: `src/main.ts` on a database and simulators that outlive it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { noSpecs } from '../src/channels/judge.ts'
import type { Credentials } from '../src/channels/sandbox-channel.ts'
import type { Sandbox } from '../src/channels/sandbox-client.ts'
import { accountVariables } from '../src/config-accounts.ts'
import { runningProcesses } from '../test/processes.ts'

export type ServerProgram = {
  readonly pid: number
  readonly child: ChildProcess
  /** All it and its vault wrote, standard output and error. */
  output(): string
  /** Kills (or asks) it and waits until it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
  /** The process of the vault, which the server started. */
  vaultPid(): Promise<number | undefined>
}

export type Surroundings = {
  readonly folder: string
  readonly connection: ClientConfig
  readonly sandbox: Sandbox
  readonly port: number
  readonly capturePort: number
  readonly credentials: ReadonlyMap<string, Credentials>
}

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const startWithinMs = 60_000

/** The server's own sandbox starts too and is not used: accounts that are configured come first. */
export function environmentOf(around: Surroundings): Record<string, string> {
  const { folder, sandbox, port, capturePort } = around
  const { PATH = '', HOME = folder, LANG = 'C.UTF-8' } = process.env
  return {
    ...{ PATH, HOME, LANG, TMPDIR: folder, NODE_ENV: 'test', LOG_LEVEL: 'info', DATA_FOLDER: join(folder, 'server') },
    ...{ PORT: String(port), VAULT_CAPTURE_PORT: String(capturePort), PUBLIC_URL: `http://127.0.0.1:${port}` },
    ...{ DATABASE_URL: databaseUrl(around.connection), SANDBOX: 'true', SPECS_DIR: noSpecs, ROUTE: 'stripe,adyen' },
    ...Object.fromEntries(
      [...around.credentials].flatMap(([name, credentials]) =>
        accountVariables(name, 'test', credentials, sandbox.addresses.get(name) ?? ''),
      ),
    ),
  }
}

/** With a Unix socket's folder as the host. */
export function databaseUrl({ host = '', user = '', database = '' }: ClientConfig): string {
  return `postgres://${user}@localhost/${typeof database === 'string' ? database : ''}?host=${encodeURIComponent(host)}&port=5432`
}

export async function startServer(environment: Readonly<Record<string, string>>): Promise<ServerProgram> {
  const child = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')))
  const gone = once(child, 'exit').then(([code]: unknown[]) => (typeof code === 'number' ? code : null))
  const { pid } = child
  if (pid === undefined) throw new Error('the server could not be spawned')
  const program: ServerProgram = {
    pid,
    child,
    output: () => said.join(''),
    end: signal => {
      child.kill(signal)
      return gone
    },
    vaultPid: async () => (await runningProcesses()).find(one => one.parent === pid && one.command.includes('vault/serve.ts'))?.pid,
  }
  // What it prints when all of it runs; it listens a moment earlier.
  for (const end = Date.now() + startWithinMs; Date.now() < end; await sleep(20)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the server ended while starting:\n${program.output().slice(-4000)}`)
    if (program.output().includes('Bindery listens on')) return program
  }
  await program.end('SIGKILL')
  throw new Error(`the server was not ready within ${startWithinMs} ms:\n${program.output().slice(-4000)}`)
}

/** A port that is free now, and may be taken again and again by a server that is started again and again. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  await new Promise<void>(resolve => server.close(() => resolve()))
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return bound.port
}

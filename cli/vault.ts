/**
 * `npx bindery vault …`: what operators and custodians do around the vault's keys. The ceremony needs no database and no network: do it on a
 * machine that has neither.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { unsealSocket } from '../src/vault/root-settings.ts'
import { keyCheckValue } from '../src/vault/seal.ts'
import { BadShare, readShare, shareText, splitKey } from '../src/vault/shares.ts'
import { keys, nodes, type Purpose, purposes, vaultTables } from '../src/vault/tables.ts'
import { createTransitSimulator } from '../src/vault/transit-simulator.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { createPostgresStore, type PostgresStore } from '../src/world/postgres.ts'
import { move } from '../src/world/store.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

const usage = `npx bindery vault ceremony --to <folder> [--shares 5] [--needed 3]   a new root key, in shares, one file for each custodian
  npx bindery vault unseal [--socket <path>]                        gives one share, read from standard input, to a vault that is locked
  npx bindery vault status [--json]                                 every key: version, state, age, wraps; the processes that run
  npx bindery vault rotate <purpose> <tenant or '*'>                has the vault replace a key now
  npx bindery vault transit [--port 8200] [--token <token>]         a key store with the transit API, in memory, to try the vault with`

const commands: Readonly<Record<string, (args: readonly string[]) => number | Promise<number>>> = { ceremony, unseal, status, rotate, transit }

export function vaultCommand([name = '', ...args]: readonly string[]): number | Promise<number> {
  const command = Object.entries(commands).find(([one]) => one === name)?.[1]
  if (command === undefined) throw new CliError(usage)
  return command(args)
}

function ceremony(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: { to: { type: 'string' }, shares: { type: 'string', default: '5' }, needed: { type: 'string', default: '3' } },
  })
  if (values.to === undefined) throw new CliError(usage)
  const key = randomBytes(32)
  try {
    const shares = splitShares(key, Number(values.shares), Number(values.needed))
    mkdirSync(values.to, { recursive: true, mode: 0o700 })
    for (const [at, text] of shares.entries()) writeFileSync(join(values.to, `share-${at + 1}.txt`), `${text}\n`, { mode: 0o600, flag: 'wx' })
    const root = { kind: 'shares', name: `shares:${keyCheckValue(key).toString('hex')}` }
    writeFileSync(join(values.to, 'vault-root.json'), `${JSON.stringify(root)}\n`, { mode: 0o600, flag: 'wx' })
    console.log(
      `${shares.length} shares, of which ${values.needed} open the vault, are in ${values.to}: one file for each custodian, who keeps it on paper or in a\n` +
        'safe of their own; then delete the files. Whoever has seen as many shares as are needed has the key.\n' +
        'vault-root.json is no secret: VAULT_ROOT_FILE names it. It says which root it is, so that shares of another are refused.',
    )
    return 0
  } finally {
    key.fill(0)
  }
}

function splitShares(key: Buffer, shares: number, needed: number): readonly string[] {
  try {
    return splitKey(key, { shares, needed, random: randomBytes }).map(shareText)
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(error.message)
    throw error
  }
}

const told = z.union([z.object({ given: z.number(), needed: z.number(), unsealed: z.boolean() }), z.object({ problem: z.string() })])

async function unseal(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { socket: { type: 'string' } } })
  const socketPath = values.socket ?? unsealSocket(resolve(loadConfig([...channels.values()]).dataFolder))
  const text = await typed()
  try {
    // A slip of the pen is told before anything is sent.
    readShare(text)
  } catch (error) {
    if (error instanceof BadShare) throw new CliError(error.message)
    throw error
  }
  const answer = told.parse(JSON.parse(await say(socketPath, text)))
  if ('problem' in answer) throw new CliError(answer.problem)
  console.log(answer.unsealed ? 'the vault is open' : `share ${answer.given} of the ${answer.needed} that are needed was taken`)
  return 0
}

/** What is typed at a terminal is not shown. */
async function typed(): Promise<string> {
  const { stdin, stderr } = process
  if (stdin.isTTY) stderr.write('The share (it is not shown): ')
  const lines = createInterface({ input: stdin, terminal: false })
  if (stdin.isTTY) stdin.setRawMode(true)
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false)
    lines.close()
    stdin.destroy()
  }
}

function say(socketPath: string, line: string): Promise<string> {
  return new Promise((done, fail) => {
    let answer = ''
    const socket = connect(socketPath, () => socket.write(`${line}\n`))
    socket.on('data', chunk => {
      answer += chunk.toString()
    })
    socket.on('error', () => fail(new CliError(`no vault waits for shares at ${socketPath}`)))
    socket.on('close', () => (answer === '' ? fail(new CliError('the vault hung up')) : done(answer)))
  })
}

async function withVault<T>(use: (store: PostgresStore) => Promise<T>): Promise<T> {
  const reached = await reachDatabase()
  const store = createPostgresStore({ connection: asRole(reached.connection, roles.vault), schema: 'vault', tables: vaultTables })
  try {
    return await use(store)
  } finally {
    await store.close()
    await reached.close()
  }
}

async function status(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } })
  return withVault(async store => {
    const found = await Promise.all((['added', 'current', 'retired'] as const).map(one => store.find(keys, { status: one }, 1_000)))
    const rows = found.flat().map(({ purpose, scope, key_version, status: state, root, wraps, created_at, due_at, kcv }) => {
      const at = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
      return {
        ...{ purpose, scope, version: key_version, state, ...(root === null ? {} : { root }), wraps_reserved: wraps },
        ...{ check_value: kcv.toString('hex'), created_at: at(created_at), due_at: at(due_at) },
      }
    })
    const running = (await store.find(nodes, { role: 'vault' })).map(one => ({ node: one.id, seen_at: new Date(one.seen_at).toISOString() }))
    if (values.json) console.log(JSON.stringify({ keys: rows, nodes: running }))
    else {
      for (const one of rows)
        console.log(
          `${one.purpose.padEnd(7)}${one.scope.padEnd(32)} v${one.version} ${one.state.padEnd(8)} ${one.check_value} ${one.wraps_reserved} wraps, due ${one.due_at ?? 'never'}`,
        )
      for (const one of running) console.log(`process ${one.node}, last heard of ${one.seen_at}`)
    }
    return 0
  })
}

/** Only asks: the vault itself makes the new version, confirms and promotes it, within seconds. */
async function rotate([purposeName = '', scope = '']: readonly string[]): Promise<number> {
  const purpose = purposes.find((one): one is Purpose => one === purposeName)
  if (purpose === undefined || scope === '') throw new CliError(usage)
  if ((purpose === 'fp' || purpose === 'audit') && scope !== '*') throw new CliError(`${purpose} ${scope} is not replaced: what it made would not be known again`)
  return withVault(async store => {
    const rows = await store.find(keys, { purpose, scope })
    const current = rows.find(one => one.status === 'current')
    if (current === undefined) throw new CliError(`there is no key ${purpose} ${scope}`)
    if (rows.some(one => one.status === 'added')) throw new CliError(`the key ${purpose} ${scope} is being replaced already`)
    const result = await store.commit([move(keys, current, { due_at: Date.now() })])
    if (!result.ok) throw new CliError('the key changed just now: try again')
    console.log(`version ${current.key_version} of ${purpose} ${scope} is to be replaced`)
    return 0
  })
}

function transit(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { port: { type: 'string', default: '8200' }, token: { type: 'string', default: 'root' } } })
  const simulator = createTransitSimulator({ random: randomBytes, token: values.token })
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
      if (body.length > 64 * 1024) request.destroy()
    })
    request.on('end', () => {
      const token = request.headers['x-vault-token']?.toString()
      const answer = simulator.handle({ method: request.method ?? '', path: request.url ?? '', token, body })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
    })
  })
  return new Promise((done, fail) => {
    server.once('error', () => fail(new CliError(`port ${values.port} cannot be listened on`)))
    server.listen(Number(values.port), '127.0.0.1', () => {
      const at = server.address()
      const url = `http://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : values.port}`
      console.log(`The transit API is at ${url}. What it holds is gone when it ends. A root key for the vault:`)
      console.log(`  curl -X POST ${url}/v1/transit/keys/bindery -H 'x-vault-token: ${values.token}' -d '{"derived":true}'`)
    })
    process.once('SIGINT', () => server.close(() => done(0)))
  })
}

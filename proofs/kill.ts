/**
 * `npm run kill -- --cycles 50`: the server is killed with kill -9 again and again while customers bind cards, on a real PostgreSQL with
 * all its durability, with answers lost and servers in trouble at the channels; sometimes the vault is killed instead. In the end
 * what we believe is compared with the channels' own books. The last line is JSON; the exit code is 1 if anything is wrong.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { type Sandbox, startSandbox } from '../src/channels/sandbox-client.ts'
import { deploymentSecrets } from '../src/secrets.ts'
import { startEmbedded } from '../src/world/embedded.ts'
import { type Caller, callerOf, dice, insist, until } from './caller.ts'
import { type Clients, startClients } from './kill-clients.ts'
import { compare, replayAll } from './kill-compare.ts'
import { type Auditor, audit } from './queries.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { environmentOf, freePort, type ServerProgram, startServer } from './server.ts'

export type KillOptions = {
  readonly cycles: number
  readonly seed: string
  /** Leases of the dead (a minute) are ended by hand while no server runs, instead of being waited for. */
  readonly hurry: boolean
  readonly say: (text: string) => void
}
export type KillResult = {
  readonly cycles: number
  readonly server_kills: number
  readonly vault_kills: number
  readonly faults: number
  readonly counts: Readonly<Record<string, number>>
  readonly violations: readonly string[]
}

/** What outlives the server. */
type Ground = {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly sandbox: Sandbox
  readonly auditor: Auditor
  readonly receiver: Receiver
  readonly address: string
}
type State = { server: ServerProgram; serverKills: number; vaultKills: number; faults: number }

const restWithinMs = 240_000

export async function kill(options: KillOptions): Promise<KillResult> {
  const undo: (() => unknown)[] = []
  try {
    return await killOn(await prepare(undo), options, undo)
  } finally {
    for (const one of undo.reverse()) await one()
  }
}

async function prepare(undo: (() => unknown)[]): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-kill-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const database = await startEmbedded({ dataFolder: join(folder, 'database') })
  undo.push(() => database.stop())
  const [stripeSecret, adyenKey] = [`whsec_${randomBytes(16).toString('hex')}`, randomBytes(32).toString('hex')]
  const [port, capturePort] = [await freePort(), await freePort()]
  const address = `http://127.0.0.1:${port}`
  const target = (channel: string): string => `${address}/v1/channels/${channel}/test/webhook`
  const sandbox = await startSandbox({
    stripe: { webhookSecrets: [stripeSecret], webhookTarget: target('stripe') },
    adyen: { webhookSecrets: [adyenKey], webhookTarget: target('adyen') },
  })
  undo.push(() => sandbox.close())
  const receiver = await startReceiver()
  undo.push(() => receiver.close())
  const auditor = await audit(database.connection)
  undo.push(() => auditor.close())
  const environment = environmentOf({ folder, connection: database.connection, sandbox, port, capturePort, stripeSecret, adyenKey })
  return { folder, environment, sandbox, auditor, receiver, address }
}

async function killOn(ground: Ground, options: KillOptions, undo: (() => unknown)[]): Promise<KillResult> {
  const state: State = { server: await startServer(ground.environment), serverKills: 0, vaultKills: 0, faults: 0 }
  undo.push(() => state.server.end('SIGKILL'))
  const chance = dice(options.seed)
  const caller = callerOf(ground.address, firstKey(ground))
  await listen(caller, ground.receiver)
  const clients = startClients(caller, { chance: dice(`${options.seed} clients`), busy: 8 })
  for (let cycle = 1; cycle <= options.cycles; cycle += 1) {
    await addFaults(ground.sandbox, chance, state)
    await sleep(200 + chance() * 1_800)
    await strike(state, chance)
    if (options.hurry && state.server.child.signalCode !== null) await ground.auditor.letLeasesLapse()
    if (state.server.child.signalCode !== null) state.server = await startServer(ground.environment)
    options.say(
      `cycle ${cycle}: ${clients.asked.length} requests made, ${clients.asked.filter(one => one.reply !== undefined).length} answered`,
    )
  }
  await sleep(1_000)
  await clearFaults(ground.sandbox)
  await comeToRest(ground, clients, options)
  return { ...(await judge(ground, caller, clients, state)), cycles: options.cycles }
}

/** The key that the server made for its sandbox at its first start. */
const firstKey = ({ folder }: Ground): string => {
  return deploymentSecrets(
    join(folder, 'server'),
    count => randomBytes(count),
    () => '',
  ).sandbox.apiKey
}

const named = z.object({ id: z.string() })
const secretShape = z.object({ secret: z.string() })
async function listen(caller: Caller, receiver: Receiver): Promise<void> {
  const made = named.parse((await insist(() => caller.call('/v1/webhook_endpoints', { body: { url: receiver.url } }), 30_000)).json)
  const { secret } = secretShape.parse((await insist(() => caller.call(`/v1/webhook_endpoints/${made.id}/secret`), 30_000)).json)
  receiver.trust(secret)
}

/** The channels' effects before and after which an answer can be lost. */
const places = [
  ['stripe', '/v1/setup_intents'],
  ['stripe', '/v1/payment_methods*'],
  ['stripe', '/v1/customers'],
  ['adyen', '/v*'],
] as const
const troubles = ['lost_after', 'error_after', 'lost_before', 'html', 'duplicate', 'late', 'reordered', 'forged'] as const

async function addFaults(sandbox: Sandbox, chance: () => number, state: State): Promise<void> {
  for (let left = Math.floor(chance() * 4); left > 0; left -= 1) {
    const [channel, path] = places[Math.floor(chance() * places.length)] ?? places[0]
    const fault = troubles[Math.floor(chance() * troubles.length)] ?? 'lost_after'
    const aboutAnswer = fault === 'lost_after' || fault === 'error_after' || fault === 'lost_before' || fault === 'html'
    await sandbox.addFault(channel, { match: aboutAnswer ? { path } : {}, fault, times: 1 })
    state.faults += 1
  }
}

async function clearFaults(sandbox: Sandbox): Promise<void> {
  for (const address of sandbox.addresses.values()) await fetch(`${address}/_sandbox/faults`, { method: 'DELETE' })
}

/** The server in most cycles; in some the vault alone, under a server that goes on. */
async function strike(state: State, chance: () => number): Promise<void> {
  const vault = chance() < 0.25 ? await state.server.vaultPid() : undefined
  if (vault !== undefined) {
    process.kill(vault, 'SIGKILL')
    state.vaultKills += 1
    await sleep(500 + chance() * 1_000)
    if ((await state.server.vaultPid()) !== undefined) return
    // It does not come back by itself: whoever supervises the server has to start it again.
  }
  await state.server.end('SIGKILL')
  if (vault === undefined) state.serverKills += 1
}

async function comeToRest({ auditor, receiver }: Ground, clients: Clients, { say }: KillOptions): Promise<void> {
  await clients.finish()
  say(`all ${clients.asked.length} requests are answered`)
  await until(
    'all operations and deliveries to come to rest',
    async () => {
      const open = (await auditor.operations()).filter(one => one.status === 'open' || one.status === 'waiting')
      const events = await auditor.events()
      const heard = new Set(receiver.heard.map(one => one.id))
      const unheard = events.filter(one => !heard.has(one.id)).length
      const pending = await auditor.pending()
      say(`${open.length} operations open, ${unheard} events not heard yet, ${pending} deliveries pending`)
      return open.length === 0 && unheard === 0 && pending === 0 ? true : undefined
    },
    restWithinMs,
    2_000,
  ).catch((error: unknown) => say(String(error)))
}

async function judge(ground: Ground, caller: Caller, clients: Clients, state: State): Promise<Omit<KillResult, 'cycles'>> {
  const books = new Map<string, Awaited<ReturnType<Sandbox['books']>>>()
  const broken: string[] = []
  for (const channel of ground.sandbox.addresses.keys()) {
    books.set(channel, await ground.sandbox.books(channel))
    for (const one of await ground.sandbox.violations(channel)) broken.push(`specification of ${channel}: ${JSON.stringify(one)}`)
  }
  const { violations, counts } = await compare({ asked: clients.asked, audit: ground.auditor, books, heard: ground.receiver.heard })
  const replayed = await replayAll(caller, clients.asked)
  const undelivered = await ground.auditor.undelivered()
  return {
    server_kills: state.serverKills,
    vault_kills: state.vaultKills,
    faults: state.faults,
    counts,
    violations: [
      ...clients.surprises,
      ...violations,
      ...replayed,
      ...broken,
      ...(undelivered > 0 ? [`I23 ${undelivered} deliveries were given up`] : []),
    ],
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      cycles: { type: 'string', default: '50' },
      seed: { type: 'string', default: 'kill' },
      hurry: { type: 'boolean', default: false },
    },
  })
  const result = await kill({ cycles: Number(values.cycles), seed: values.seed, hurry: values.hurry, say: text => console.log(text) })
  for (const one of result.violations) console.log(`VIOLATION ${one}`)
  const { violations, ...rest } = result
  console.log(JSON.stringify({ ...rest, violations: violations.length }))
  process.exitCode = violations.length === 0 ? 0 : 1
}

/**
 * `npm run kill -- --cycles 50`: the server is killed with kill -9 again and again while customers bind cards, on a real PostgreSQL with
 * all its durability, with answers lost and servers in trouble at the channels; sometimes the vault is killed instead. In the end
 * what we believe is compared with the channels' own books. The last line is JSON; the exit code is 1 if anything is wrong.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Sandbox } from '../src/channels/sandbox-client.ts'
import { type Caller, dice, until } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import { type Clients, startClients } from './kill-clients.ts'
import { compare, replayAll } from './kill-compare.ts'
import type { ServerProgram } from './server.ts'
import { deliveryShape } from './story.ts'

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
  /** Operations whose channel could not say what became of them. */
  readonly unprovable: number
  readonly counts: Readonly<Record<string, number>>
  readonly violations: readonly string[]
}

type State = { server: ServerProgram; serverKills: number; vaultKills: number; faults: number }

const restWithinMs = 240_000
/** An operation that was tried so often has had several chances of an answer. */
const patientTries = 5

export async function kill(options: KillOptions): Promise<KillResult> {
  const undo: (() => unknown)[] = []
  try {
    return await killOn(await prepareGround(undo, { durable: true }), options, undo)
  } finally {
    await undoAll(undo)
  }
}

async function killOn(ground: Ground, options: KillOptions, undo: (() => unknown)[]): Promise<KillResult> {
  const state: State = { server: await ground.start(), serverKills: 0, vaultKills: 0, faults: 0 }
  undo.push(() => state.server.end('SIGKILL'))
  const chance = dice(options.seed)
  const caller = ground.caller()
  await ground.listen(caller)
  const clients = startClients(caller, { chance: dice(`${options.seed} clients`), busy: 8 })
  for (let cycle = 1; cycle <= options.cycles; cycle += 1) {
    await addFaults(ground.sandbox, chance, state)
    await sleep(200 + chance() * 1_800)
    await strike(state, chance)
    if (options.hurry && state.server.child.signalCode !== null) await ground.auditor.letLeasesLapse()
    if (state.server.child.signalCode !== null) state.server = await ground.start()
    options.say(
      `cycle ${cycle}: ${clients.asked.length} requests made, ${clients.asked.filter(one => one.reply !== undefined).length} answered`,
    )
  }
  await sleep(1_000)
  await ground.clearFaults()
  const unprovable = await comeToRest(ground, clients, state, options)
  return { ...(await judge(ground, caller, clients, state)), cycles: options.cycles, unprovable }
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

/** The server in most cycles (its vault ends with it); in some the vault alone, which the server starts again. */
async function strike(state: State, chance: () => number): Promise<void> {
  const vault = chance() < 0.25 ? await state.server.vaultPid() : undefined
  if (vault === undefined) {
    await state.server.end('SIGKILL')
    state.serverKills += 1
    return
  }
  process.kill(vault, 'SIGKILL')
  state.vaultKills += 1
  await until('the vault to be started again', async () => {
    const now = await state.server.vaultPid()
    return now !== undefined && now !== vault ? now : undefined
  })
}

/**
 * All requests are answered, all events heard. What still owes an answer then is what its channel cannot tell (the security code died with
 * the vault, so the same bytes cannot be sent again, and a list of stored cards proves no absence): its time passes, and it must be parked.
 */
async function comeToRest(ground: Ground, clients: Clients, state: State, { say }: KillOptions): Promise<number> {
  const { auditor, receiver } = ground
  await clients.finish()
  say(`all ${clients.asked.length} requests are answered`)
  const look = async () => {
    const open = (await auditor.operations()).filter(one => one.status === 'open' || one.status === 'waiting')
    const events = await auditor.events()
    const heard = new Set(receiver.heard.map(one => one.id))
    const unheard = events.filter(one => !heard.has(one.id)).length
    const pending = await auditor.pending()
    const told = await untold(ground)
    say(
      `${open.length} operations open, ${unheard} events not heard yet, ${pending} deliveries pending, ${told} webhooks of channels not taken yet`,
    )
    return {
      owed: open.filter(one => one.tries < patientTries).length,
      open: open.length,
      quiet: unheard === 0 && pending === 0 && told === 0,
    }
  }
  const rest = (what: string, done: (at: Awaited<ReturnType<typeof look>>) => boolean): Promise<unknown> =>
    until(what, async () => (done(await look()) ? true : undefined), restWithinMs, 2_000).catch((error: unknown) => say(String(error)))
  await rest('all operations to be answered, or asked often enough', at => at.owed === 0 && at.quiet)
  const { open } = await look()
  if (open === 0) return 0
  await state.server.end('SIGTERM')
  await auditor.letDaysPass()
  state.server = await ground.start()
  await rest('what nobody can answer to be parked', at => at.open === 0 && at.quiet)
  return open
}

/** Webhooks that the simulators still try to deliver. */
async function untold({ sandbox }: Ground): Promise<number> {
  let count = 0
  for (const address of sandbox.addresses.values()) {
    const tries = deliveryShape.parse(await (await fetch(`${address}/_sandbox/deliveries`)).json()).filter(one => !one.forged)
    const taken = new Set(tries.flatMap(one => (one.status >= 200 && one.status < 300 ? [one.event] : [])))
    count += new Set(tries.flatMap(one => (taken.has(one.event) ? [] : [one.event]))).size
  }
  return count
}

async function judge(ground: Ground, caller: Caller, clients: Clients, state: State): Promise<Omit<KillResult, 'cycles' | 'unprovable'>> {
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

/** One seed, one history: a safety phase in which everything fails, then all is well again and everything must come to rest. */
import { createHash } from 'node:crypto'
import type { ChannelName } from '../src/channels/channel.ts'
import type { StagedDelivery } from '../src/channels/stage.ts'
import { planEndpoint } from '../src/events/endpoint.ts'
import { fanOut } from '../src/events/fanOut.ts'
import { deaths } from '../src/instruments/death.ts'
import { erasures } from '../src/instruments/erasure.ts'
import { bindings, facts, inbox, instruments, operations } from '../src/instruments/tables.ts'
import { currentSwitches } from '../src/safeguards/switches.ts'
import { memorySweepQueries } from '../src/sweeps/queries.ts'
import { sweeps } from '../src/sweeps/tables.ts'
import { eraseDue, healDue, hearDue, mergeDue, sweepDue, timeDue } from '../src/worker.ts'
import type { Bug } from './bug.ts'
import { once } from './clients.ts'
import { keepClocksGoing, stepClocks } from './clock.ts'
import { type Client, command, newClient } from './commands.ts'
import { coverageOf } from './coverage.ts'
import { killChannels, watchTheOthers } from './dead.ts'
import type { FaultName } from './faults.ts'
import { lendHands } from './hands.ts'
import { check } from './invariants.ts'
import type { Production } from './production.ts'
import { createSimulated, type Process, type Simulated, tenant } from './world.ts'

export type Run = {
  readonly seed: number
  readonly commands: number
  readonly crashes: number
  readonly steps: number
  readonly faults: ReadonlyMap<FaultName, number>
  readonly violations: readonly string[]
  /** What happened at least once: `<channel or shape> <what>`. */
  readonly coverage: ReadonlySet<string>
  readonly trace: readonly string[]
  /** The same for two runs of one seed. */
  readonly digest: string
  /** All rows that have to do with an id: for the one who looks into a violation. */
  readonly explain: (id: string) => readonly string[]
}

/** Four times what so many commands and the rest after them take in most seeds. */
const stepsOf = (commands: number): number => 500_000 + 3_500 * commands
const hour = 3_600_000
const day = 24 * hour
/** Longer than any token that lapses is good for (Antom's: 90 days), so that each is refreshed, or seen to lapse. */
const restMs = 95 * day

/** `production`: what a running installation asks is asked of the end of this history, too. */
export async function runSeed(seed: number, commands: number, bug?: Bug, production?: Production): Promise<Run> {
  const simulated = createSimulated(seed, bug, current => (channel, delivery) => take(current(), channel, delivery))
  const { scheduler, faults } = simulated
  let done = 0
  const failures: string[] = []
  const fail = (error: unknown) => {
    failures.push(`the run broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  await scheduler.run(() => true, 0)
  if (bug?.dead !== undefined) simulated.network.die(bug.dead, Number.MAX_SAFE_INTEGER)
  const finished = drive(simulated, commands, () => {
    done += 1
  }).catch(fail)
  const state = { resting: false }
  void finished.then(() => {
    faults.heal()
    simulated.network.heal()
    simulated.clock.heal()
    state.resting = true
  })
  const over = () => state.resting
  for (const duty of duties(simulated)) void workLoop(simulated, state, duty).catch(fail)
  void lendHands(simulated, over, fail).catch(fail)
  void killChannels(simulated, over).catch(fail)
  void stepClocks(simulated, faults, over).catch(fail)
  void keepClocksGoing(simulated, over).catch(fail)
  void watchTheOthers(simulated, over).catch(fail)
  let restUntil = Number.POSITIVE_INFINITY
  let taken = 0
  const stepsMax = stepsOf(commands)
  const steps = await scheduler.run(
    () => {
      if (state.resting && restUntil === Number.POSITIVE_INFINITY) restUntil = scheduler.now() + restMs
      taken += 1
      if (taken > stepsMax) failures.push(`I39: ${stepsMax} steps, and it has not come to rest`)
      return failures.length > 0 || simulated.blocked.length > 0 || scheduler.now() > restUntil
    },
    scheduler.now() + 400 * day,
  )
  const violations = [...failures, ...check(simulated), ...((await production?.ask(simulated)) ?? [])]
  const digest = createHash('sha256').update(simulated.trace.join('\n')).digest('hex').slice(0, 16)
  return {
    seed,
    commands: done,
    crashes: simulated.crashes(),
    steps,
    faults: faults.counts,
    violations,
    coverage: coverageOf(simulated),
    trace: simulated.trace,
    digest,
    explain: id => explain(simulated, id),
  }
}

function explain(simulated: Simulated, id: string): readonly string[] {
  const rows = [...simulated.all(operations), ...simulated.all(facts), ...simulated.all(bindings)]
  const near = new Set(
    rows.flatMap(row =>
      row.id === id || ('instrument' in row && row.instrument === id) || ('binding' in row && row.binding === id)
        ? ['binding' in row ? row.binding : row.id]
        : [],
    ),
  )
  const told = rows.filter(row => near.has('binding' in row ? row.binding : row.id)).map(row => JSON.stringify(row))
  const sent = simulated.network.sent
    .filter(one => told.some(() => one.request.body?.includes(id)))
    .map(one => `${one.atMs} ${one.request.method} ${one.request.url} ${one.request.body?.slice(0, 200)}`)
  return [...told, ...sent]
}

/** Several clients at once, each with its own pace, over some virtual hours. */
async function drive(simulated: Simulated, commands: number, did: () => void): Promise<void> {
  const { scheduler } = simulated
  await listen(simulated)
  const clients = await Promise.all(Array.from({ length: 6 }, () => newClient(simulated)))
  const known = clients.filter(one => one !== undefined)
  let left = commands - clients.length
  const lane = async (client: Client) => {
    while (left > 0) {
      left -= 1
      const number = commands - left
      const what = await command(simulated, client)
      simulated.note(`${number} ${client.customer.slice(-4)} ${what}`)
      did()
      await scheduler.sleep(scheduler.chance() * 20_000)
    }
  }
  // Two lanes a customer: the same card is bound twice at the same moment now and then.
  await Promise.all([...known, ...known].map(lane))
}

/** Two endpoints of the tenant hear everything. */
async function listen(simulated: Simulated): Promise<void> {
  const { world } = simulated.server()
  for (const name of ['one', 'two']) {
    const { writes } = await planEndpoint(
      { ...world, store: simulated.store, vault: simulated.vault },
      simulated.queries,
      { tenant, mode: 'test' },
      { url: `https://${name}.example/hook`, description: '', types: ['*'] },
    )
    await simulated.store.commit(writes)
  }
}

type Duty = (process: Process) => Promise<unknown>

/** What the worker does, each by itself: what hangs in one holds up none of the others. */
const duties = (simulated: Simulated): readonly Duty[] => [
  ({ settler }) => settler.tick(),
  ({ world }) => hearDue(world),
  ({ world }) => timeDue(world),
  ({ world }) => mergeDue(world),
  ({ world }) => currentSwitches(world),
  ({ world }) => eraseDue(world),
  ({ world }) => healDue(world),
  ({ world }) => sweepDue(world, memorySweepQueries(simulated.store)),
  ({ world }) => fanOut(world, simulated.queries),
  ({ dispatcher }) => dispatcher.tick(),
]

/**
 * A duty of whatever process runs now; it dies with it and starts again with the next. Once all is quiet it sleeps until something falls
 * due, so that days of rest cost no more than what happens in them.
 */
async function workLoop(simulated: Simulated, state: { readonly resting: boolean }, duty: Duty): Promise<void> {
  for (;;) {
    const process = simulated.server()
    const turn = duty(process).catch(error => {
      if (error instanceof Error && error.name === 'Unavailable') return
      throw error
    })
    await Promise.race([turn, process.life.end])
    await simulated.scheduler.sleep(state.resting ? await untilDue(simulated) : 1_000)
  }
}

/** Milliseconds until the next row falls due: at least a second, at most an hour. */
async function untilDue(simulated: Simulated): Promise<number> {
  const at = { now: Number.MAX_SAFE_INTEGER, clock: null, limit: 1 }
  const rows = await Promise.all([
    simulated.store.due(operations, at),
    simulated.store.due(inbox, at),
    simulated.store.due(erasures, at),
    simulated.store.due(instruments, at),
    simulated.store.due(deaths, at),
    simulated.store.due(sweeps, at),
    simulated.queries.due(Number.MAX_SAFE_INTEGER, 1),
  ])
  // What time does to instruments is done when it comes, or at the next look in an hour.
  const later = (await simulated.store.due(instruments, { ...at, limit: 1_000 })).filter(
    row => (row.due_at ?? 0) > simulated.scheduler.now(),
  )
  const next = Math.min(...[...rows.flat(), ...later].map(row => row.due_at ?? Number.POSITIVE_INFINITY))
  return Math.max(1_000, Math.min(next - simulated.scheduler.now(), hour))
}

/** A webhook arrives at the server that runs now: taken if it was answered with a 2xx. */
async function take(simulated: Simulated, channel: ChannelName, delivery: StagedDelivery): Promise<boolean> {
  const process = simulated.server()
  const asked = {
    name: 'receiveChannelWebhook',
    params: { channel, mode: 'test' },
    raw: Buffer.from(delivery.body),
    headers: delivery.headers,
  }
  const answer = await Promise.race([
    once(process, asked),
    process.life.end.then(() => undefined),
    simulated.scheduler.sleep(20_000).then(() => undefined),
  ])
  if (delivery.forged && answer !== undefined && answer.status < 300) throw new Error('a forged webhook was taken')
  // A proof that has to be fetched may not be there at the moment: the channel tells again.
  const unproven = answer?.text.includes('certificate') === true
  // By a clock that is off, it was signed long ago or is yet to be.
  const strange = simulated.clock.off() !== 0
  if (
    !delivery.forged &&
    !unproven &&
    !strange &&
    answer !== undefined &&
    answer.status >= 400 &&
    answer.status < 500 &&
    answer.status !== 409
  )
    throw new Error(`an honest webhook was refused: ${answer.text}`)
  return answer !== undefined && answer.status < 300
}

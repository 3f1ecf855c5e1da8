/**
 * The customers' hands: the browser, the apps and the banks. Whoever is challenged passes, fails, tries again, wanders off, comes back twice
 * or with nothing; what a bank was asked it answers.
 */
import type { Action, ChannelName } from '../src/channels/channel.ts'
import type { Hands } from '../src/channels/sandbox-channel.ts'
import { toSimulator } from '../src/channels/stage.ts'
import { type BindingRow, bindings, operations } from '../src/instruments/tables.ts'
import { sandboxes } from './accounts.ts'
import { ask } from './clients.ts'
import { type Simulated, tenant } from './world.ts'

/** What a customer answers when the first challenge leads to another: 3-D Secure has two stages, a password may be wrong twice. */
const roundsMax = 6
const lookEveryMs = 10_000

/** Sees who is challenged, or waits for a bank, and lends them hands, each binding once. Until `over`. */
export async function lendHands(simulated: Simulated, over: () => boolean, fail: (error: unknown) => void): Promise<void> {
  const seen = new Set<string>()
  while (!over()) {
    for (const row of simulated.all(bindings)) {
      if (row.status !== 'challenge' && row.status !== 'verifying') continue
      const name = `${row.id} ${row.status}`
      if (seen.has(name)) continue
      seen.add(name)
      void (row.status === 'challenge' ? goThroughChallenges(simulated, row.id) : answerAtBank(simulated, row.id)).catch(fail)
    }
    await simulated.scheduler.sleep(lookEveryMs)
  }
}

const read = (simulated: Simulated, binding: string): Promise<BindingRow | undefined> =>
  simulated.store.get(bindings, { tenant, id: binding })

async function goThroughChallenges(simulated: Simulated, binding: string): Promise<void> {
  const { scheduler } = simulated
  if (scheduler.chance() < 0.12) return
  let before: string | undefined
  for (let round = 0; round < roundsMax; round += 1) {
    await scheduler.sleep(scheduler.chance() * 60_000)
    const row = await read(simulated, binding)
    if (row === undefined || row.action === null) return
    const now = JSON.stringify(row.action)
    // What was approved in an app is not approved again: the page looks whether it is known by now.
    const returned = now === before && waits.has(row.action.type) ? undefined : await play(simulated, row, row.action)
    before = now
    if (returned !== undefined && scheduler.chance() < 0.15) return
    await comeBack(simulated, row, returned)
  }
}

const waits: ReadonlySet<Action['type']> = new Set(['app_link', 'qr', 'await'])

/** Does what is asked. Undefined: nothing came back, or the page was no longer good. */
async function play(simulated: Simulated, row: BindingRow, action: Action): Promise<Readonly<Record<string, string>> | undefined> {
  const { scheduler, network } = simulated
  const pass = scheduler.chance() < 0.75
  try {
    const returned = await sandboxes.get(row.channel)?.play({ action, references: row.names }, pass, handsAt(simulated, row.channel))
    simulated.note(`${row.channel} ${row.id} ${action.type}: ${pass ? 'passes' : 'fails'}`)
    return returned
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // A page that has lapsed, or that the bank closed meanwhile.
    simulated.note(`${row.channel} ${row.id} ${action.type}: nothing there (${error.message})`)
    return undefined
  } finally {
    network.deliver(row.channel)
  }
}

function handsAt({ network }: Simulated, channel: ChannelName): Hands {
  const { simulator } = network.stage(channel)
  return {
    browse: async (method, url, body = '') => {
      const headers: Record<string, string> = body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
      return simulator.handle(toSimulator({ method, url, headers, body }), network.context(channel))
    },
    act: async (name, token) => simulator.act(name, token, network.context(channel)),
  }
}

const typed: ReadonlySet<Action['type']> = new Set(['otp', 'micro_deposits', 'three_ds'])

/** By the browser to our door, or by the caller's page; with nothing in hand it only asks how things stand. */
async function comeBack(simulated: Simulated, row: BindingRow, returned: Readonly<Record<string, string>> | undefined): Promise<void> {
  const { scheduler } = simulated
  const look = { name: 'resumeInstrument', params: { id: row.instrument }, body: { binding: row.id, returned: {} } }
  if (returned === undefined) {
    if (scheduler.chance() < 0.5) await ask(simulated, look)
    return
  }
  const token = typed.has(row.action?.type ?? 'redirect') ? undefined : await returnToken(simulated, row.id)
  const bring = (what: Readonly<Record<string, string>>) =>
    token === undefined
      ? { name: 'resumeInstrument', params: { id: row.instrument }, body: { binding: row.id, returned: what } }
      : { name: 'returnFromChallenge', params: { token }, query: what }
  // A preview, or a back button: it comes without what the bank gave, before the true one.
  if (scheduler.chance() < 0.2) await ask(simulated, bring({}))
  const [first] = await Promise.all([
    ask(simulated, bring(returned)),
    scheduler.chance() < 0.1 ? ask(simulated, bring(returned)) : undefined,
  ])
  simulated.note(`${row.id} came back: ${first?.status}`)
  if (scheduler.chance() < 0.2) await ask(simulated, bring(returned))
}

async function returnToken(simulated: Simulated, binding: string): Promise<string | undefined> {
  const asked = await simulated.store.find(operations, { tenant, binding })
  const address = asked.find(one => one.verb === 'bind')?.input.returnUrl
  return address === undefined ? undefined : new URL(address).pathname.split('/').at(-1)
}

/** A bank that was asked to confirm does so, or not, some minutes later; a channel that needs nobody does it by itself. */
async function answerAtBank(simulated: Simulated, binding: string): Promise<void> {
  const { scheduler, network } = simulated
  await scheduler.sleep(scheduler.chance() * 300_000)
  const row = await read(simulated, binding)
  if (row?.status !== 'verifying') return
  const name = scheduler.chance() < 0.85 ? 'approve' : 'decline'
  for (const about of new Set(Object.values(row.names)))
    try {
      network.stage(row.channel).simulator.act(name, about, network.context(row.channel))
      simulated.note(`${row.channel} ${row.id}: the bank does ${name}`)
      break
    } catch (error) {
      // It knows the binding by another of its names, or asks no bank.
      if (!(error instanceof TypeError)) throw error
    }
  network.deliver(row.channel)
}

/** Channels that answer nothing for a while, and whether what is owed at the others is carried on meanwhile. */
import { channels } from '../src/channels/index.ts'
import { operations } from '../src/instruments/tables.ts'
import type { Simulated } from './world.ts'

const everyMs = 60_000
const lookEveryMs = 10_000
/** A lost commit or a crash costs an attempt its lease of a minute, and several in a row happen. */
const boundMs = 5 * 60_000

/** Once a minute and channel a die is cast. A dead channel stays so for eight to sixteen minutes. */
export async function killChannels(simulated: Simulated, over: () => boolean): Promise<void> {
  const { scheduler, faults, network } = simulated
  while (!over()) {
    for (const channel of channels.keys())
      if (!network.isDead(channel) && faults.strikes('channel_dead')) {
        network.die(channel, scheduler.now() + 480_000 + scheduler.chance() * 480_000)
        simulated.note(`${channel} is dead`)
      }
    await scheduler.sleep(everyMs)
  }
}

/** The card is being bound beside it: the revoke waits for that, not for a channel. */
const waitsForUs = 'the card is being bound there anew'

/** I40: while one channel is dead, what is due at a channel that lives is attempted within the bound. */
export async function watchTheOthers(simulated: Simulated, over: () => boolean): Promise<void> {
  const { scheduler, clock, network, watch } = simulated
  const owedSince = new Map<string, number>()
  let deadSince = Number.POSITIVE_INFINITY
  let stepsBefore = 0
  while (!over()) {
    const now = scheduler.now()
    // What was due by a clock that has been set is due anew.
    if (clock.steps() !== stepsBefore) owedSince.clear()
    stepsBefore = clock.steps()
    const anyDead = [...channels.keys()].some(channel => network.isDead(channel))
    deadSince = anyDead ? Math.min(deadSince, now) : Number.POSITIVE_INFINITY
    const rows = simulated.all(operations)
    for (const row of rows) {
      const due = row.due_at !== null && row.clock === null && row.due_at <= clock.now()
      const called = watch.calls.get(row.id) ?? 0
      if (due && !owedSince.has(row.id)) owedSince.set(row.id, now)
      const since = owedSince.get(row.id) ?? now
      if (row.due_at === null || row.clock !== null || called >= since || network.isDead(row.channel) || row.cause === waitsForUs)
        owedSince.delete(row.id)
      else if (now - Math.max(since, simulated.startedMs(), deadSince) > boundMs) {
        simulated.blocked.push(`${row.id} (${row.verb} at ${row.channel}) has been due for ${now - since} ms while another channel is dead`)
        owedSince.delete(row.id)
      }
    }
    await scheduler.sleep(lookEveryMs)
  }
}

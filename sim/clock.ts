/** The clock of the machine on which our processes run: it is off by an hour now and then, one way in each run, and is set right again. */
import { clockStepMs } from '../src/instruments/operation.ts'
import { clocks } from '../src/instruments/tables.ts'
import { ask } from './clients.ts'
import type { Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'
import type { Simulated } from './world.ts'

export type MachineClock = {
  /** What our processes take for the time, Unix milliseconds. */
  readonly now: () => number
  /** How far it is off. */
  readonly off: () => number
  /** How often it was set. */
  readonly steps: () => number
  /** How far two looks at it may be apart from what they say. */
  readonly errorMs: () => number
  readonly step: () => void
  readonly heal: () => void
}

export function createMachineClock(scheduler: Scheduler): MachineClock {
  const error = scheduler.chance() < 0.5 ? -clockStepMs : clockStepMs
  let off = 0
  let steps = 0
  const set = (to: number): void => {
    if (to !== off) steps += 1
    off = to
  }
  return {
    now: () => scheduler.now() + off,
    off: () => off,
    steps: () => steps,
    errorMs: () => (steps > 0 ? clockStepMs : 0),
    step: () => set(off === 0 ? error : 0),
    heal: () => set(0),
  }
}

const minute = 60_000
const hour = 60 * minute

/** Once a minute a die is cast. */
export async function stepClocks({ scheduler, clock, note }: Simulated, faults: Faults, over: () => boolean): Promise<void> {
  while (!over()) {
    if (faults.strikes('clock_step')) {
      clock.step()
      note(`the clock is off by ${clock.off()} ms`)
    }
    await scheduler.sleep(minute)
  }
}

const stride = 12 * hour

/** When all is well again the test clocks go on, too, half a day every half day, so that what stands on them comes to rest. */
export async function keepClocksGoing(simulated: Simulated, resting: () => boolean): Promise<void> {
  for (;;) {
    await simulated.scheduler.sleep(stride)
    if (!resting()) continue
    for (const row of simulated.all(clocks)) await advanceTo(simulated, row.id, row.now_at + stride)
  }
}

/** Nobody has so much before them. */
const callsMax = 20

/** Moves a clock until it is there; what it reports must be in the order of time. */
export async function advanceTo(simulated: Simulated, clock: string, to: number, calls = 0): Promise<string> {
  if (calls > callsMax) throw new Error(`I42: the clock ${clock} does not get on`)
  const told = await ask(simulated, {
    name: 'advanceTestClock',
    params: { id: clock },
    body: { to: new Date(to).toISOString() },
    key: `advance-${simulated.scheduler.random(8).toString('hex')}`,
  })
  if (told?.status !== 200) return `${told?.status}`
  const { steps, complete } = reported(told.body)
  if (steps.some((at, i) => at < (steps[i - 1] ?? ''))) throw new Error(`I42: a clock went through its moments out of order: ${steps}`)
  if (complete) return `200, ${steps.length} steps`
  // A channel has still to answer.
  if (steps.length === 0) await simulated.scheduler.sleep(minute)
  return advanceTo(simulated, clock, to, calls + 1)
}

function reported(body: unknown): { readonly steps: readonly string[]; readonly complete: boolean } {
  if (typeof body !== 'object' || body === null || !('steps' in body) || !Array.isArray(body.steps)) return { steps: [], complete: true }
  return { steps: body.steps.map(one => String(one.at)), complete: !('complete' in body) || body.complete !== false }
}

/**
 * A process that can die. Whatever it does to the world goes through `port`, where the scheduler decides when it happens, and a crash may
 * fall before or after the effect. What a dead process was waiting for never comes: its promises are left hanging, as its memory is.
 */
import type { FaultName, Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export type Life = {
  readonly number: number
  readonly dead: () => boolean
  /** Resolves when it dies. */
  readonly end: Promise<void>
  readonly die: () => void
}

export function createLife(number: number): Life {
  let dead = false
  let die = () => {}
  const end = new Promise<void>(resolve => {
    die = () => {
      dead = true
      resolve()
    }
  })
  return { number, dead: () => dead, end, die }
}

const never = new Promise<never>(() => {})

export type Ports = {
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly life: Life
  /** Longest time one call takes, in ms. */
  readonly latencyMs: number
  readonly crashes: { readonly before: FaultName; readonly after: FaultName } | undefined
  readonly note: (what: string) => void
}

export async function port<T>(ports: Ports, name: string, act: () => T | Promise<T>): Promise<T> {
  const { scheduler, faults, life, crashes } = ports
  await scheduler.sleep(scheduler.chance() * ports.latencyMs)
  if (life.dead()) return never
  if (crashes !== undefined && faults.strikes(crashes.before)) return crash(ports, `${name}, before`)
  try {
    const result = await act()
    if (life.dead()) return never
    if (crashes !== undefined && faults.strikes(crashes.after)) return crash(ports, `${name}, after`)
    await scheduler.sleep(scheduler.chance() * ports.latencyMs)
    return life.dead() ? never : result
  } catch (error) {
    if (life.dead()) return never
    throw error
  }
}

function crash(ports: Ports, where: string): Promise<never> {
  ports.note(`crash of process ${ports.life.number} at ${where}`)
  ports.life.die()
  return never
}

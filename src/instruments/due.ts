/**
 * Everything of a customer that can fall due: one line for each table whose rows have `due_at` and `clock`, with the function that attends such
 * a row. The worker goes through it by the real clock (null), `advance.ts` by a test clock. A new kind of due row is one more line here.
 */
import { lapseSession } from '../sessions/current.ts'
import { bindingSessions } from '../sessions/tables.ts'
import { queueUp } from '../updater/ask.ts'
import { updateSchedules } from '../updater/tables.ts'
import type { AnyTable, Row } from '../world/table.ts'
import type { World } from '../world/world.ts'
import { deaths } from './death.ts'
import { fallDue } from './fallDue.ts'
import { heal } from './heal.ts'
import { hearAgain } from './news.ts'
import { settle } from './settle.ts'
import { inbox, instruments, type OperationRow, operations } from './tables.ts'

/** What was done, in a word or two, and how what it was about stands after it. `waits`: nothing yet, a channel's answer is owed. */
export type Taken = { readonly what: string; readonly outcome: string; readonly waits?: true }
export type About = { readonly instrument?: string; readonly binding?: string; readonly operation?: string }
/** One row's turn. `at`: when it fell due, by its own clock. */
export type Turn = {
  readonly id: string
  readonly at: number
  /** The row's, so that one that was attended and did not change is told from one that did. */
  readonly version: number
  readonly about: About
  readonly take: () => Promise<Taken>
}
export type Due = {
  /** For the log, where a turn fails: `telling an instrument`. */
  readonly doing: string
  /** What is due on this clock at `now`, oldest first. */
  readonly turns: (
    world: World,
    at: { readonly now: number; readonly clock: string | null; readonly limit: number },
  ) => Promise<readonly Turn[]>
}

type Attended<R> = {
  readonly doing: string
  readonly id: (row: R) => string
  readonly about: (row: R) => About
  readonly attend: (world: World, row: R) => Promise<Taken>
}

function dueIn<T extends AnyTable>(table: T, of: Attended<Row<T>>): Due {
  return {
    doing: of.doing,
    turns: async (world, at) =>
      (await world.store.due(table, at)).map(row => ({
        id: of.id(row),
        ...whenOf(row),
        about: of.about(row),
        take: () => of.attend(world, row),
      })),
  }
}

const whenOf = (row: object): { readonly at: number; readonly version: number } => ({
  at: 'due_at' in row && typeof row.due_at === 'number' ? row.due_at : 0,
  version: 'version' in row && typeof row.version === 'number' ? row.version : 0,
})

export const dueOperations = dueIn(operations, {
  doing: 'settling an operation',
  id: row => row.id,
  about: row => ({ instrument: row.instrument, binding: row.binding, operation: row.id }),
  attend: async (world, row) => {
    const settled = await settle(world, row)
    if (settled === undefined) return { what: row.verb, outcome: 'somebody else has it' }
    const after = settled.decision.bindings.find(one => one.id === row.binding)
    return { what: stepName(row, settled.step.do), outcome: after?.status ?? 'unknown' }
  },
})

/** `refresh`, `bind.look_up`, `bind.abandon`. */
const stepName = ({ verb }: OperationRow, step: string): string =>
  step === 'send' ? verb : `${verb}.${step === 'lookUp' ? 'look_up' : step}`

export const dueInstruments = dueIn(instruments, {
  doing: 'telling an instrument what time did',
  id: row => row.id,
  about: row => ({ instrument: row.id }),
  attend: fallDue,
})

export const dueNews = dueIn(inbox, {
  doing: 'hearing news again',
  id: row => `${row.channel} ${row.event}`,
  about: () => ({}),
  attend: async (world, row) => ({ what: `news.${row.told.news?.kind ?? row.told.type}`, outcome: await hearAgain(world, row) }),
})

export const dueDeaths = dueIn(deaths, {
  doing: 'healing a binding',
  id: row => row.id,
  about: row => ({ instrument: row.instrument, binding: row.binding }),
  attend: heal,
})

export const dueSessions = dueIn(bindingSessions, {
  doing: 'ending a binding session',
  id: row => row.id,
  about: row => (row.instrument === null ? {} : { instrument: row.instrument }),
  attend: async (world, row) => ({ what: 'session', outcome: (await lapseSession(world, row)).status }),
})

export const dueUpdates = dueIn(updateSchedules, {
  doing: 'queueing a card for its account updater',
  id: row => `updates of ${row.instrument}`,
  about: row => ({ instrument: row.instrument }),
  attend: async (world, row) => ({ what: 'update.queued', outcome: (await queueUp(world, row)) ? 'queued' : 'somebody else has it' }),
})

/** In the order in which those of one moment are taken: first what time does, then what was put off until then, then what is asked and what follows. */
export const dues: readonly Due[] = [dueInstruments, dueNews, dueOperations, dueSessions, dueUpdates, dueDeaths]

/** The updater asked on line, and the worker's turn with runs and schedules that are due. */
import { NoAnswer } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { backoffMs, leaseMs } from '../instruments/operation.ts'
import { move, moveTo, Unavailable } from '../world/store.ts'
import type { Mode, World } from '../world/world.ts'
import { tellRun } from './advise.ts'
import { acceptResults, beginRun, writeFile } from './run.ts'
import { type UpdaterRunRow, type UpdateScheduleRow, updaterRuns, updateSchedules } from './tables.ts'

/** An inquiry is harmless twice, and the updater knows a run by its name. After these the run has failed, and the card may be asked about anew. */
const triesMax = 5

/** Asks now about one card. Throws where its policy forbids it. */
export async function askNow(
  world: World,
  of: { readonly tenant: string; readonly mode: Mode; readonly instrument: string; readonly request: string },
): Promise<UpdaterRunRow> {
  const begun = await beginRun(world, { ...of, instruments: [of.instrument], how: 'online' })
  return begun.run.status === 'asking' ? ask(world, begun.run) : begun.run
}

/** One attempt, and what follows from it. */
async function ask(world: World, run: UpdaterRunRow): Promise<UpdaterRunRow> {
  const answer = await exchange(world, run)
  if ('file' in answer) {
    try {
      return await tellRun(world, await acceptResults(world, run, answer.file))
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'unprocessable') throw error
      return later(world, run, { final: true, cause: error.detail })
    }
  }
  return later(world, run, answer)
}

type Answer = { readonly file: string } | { readonly final: boolean; readonly cause: string }

async function exchange(world: World, run: UpdaterRunRow): Promise<Answer> {
  const { network } = world
  if (network === undefined || run.inquiries === null) return { final: true, cause: 'there is no updater to be asked' }
  try {
    const answer = await world.send({
      method: 'POST',
      url: `${network.address}/inquiries/${run.id}`,
      headers: { authorization: `Bearer ${network.secretKey.reveal()}`, 'content-type': 'text/plain' },
      body: run.inquiries,
    })
    if (answer.status === 200) return { file: answer.body }
    const final = answer.status >= 400 && answer.status < 500 && answer.status !== 429
    return { final, cause: `the updater answered ${answer.status}` }
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof Unavailable) return { final: false, cause: 'the updater did not answer' }
    throw error
  }
}

async function later(world: World, run: UpdaterRunRow, { final, cause }: { readonly final: boolean; readonly cause: string }) {
  const over = final || run.tries >= triesMax
  const due_at = over ? null : world.now() + backoffMs(run.tries, 0.5)
  const after: UpdaterRunRow = { ...run, cause, due_at, updated_at: world.now(), ...(over ? { status: 'failed' } : {}) }
  return (await world.store.commit([moveTo(updaterRuns, run, after)])).ok ? { ...after, version: run.version + 1 } : run
}

/** What a process left undone, or an updater did not answer: claimed, then carried on from where it stands. */
export async function carryOn(world: World, due: UpdaterRunRow): Promise<void> {
  const claimed = { tries: due.tries + 1, due_at: world.now() + leaseMs }
  if (!(await world.store.commit([move(updaterRuns, due, claimed)])).ok) return
  let run: UpdaterRunRow = { ...due, ...claimed, version: due.version + 1 }
  if (run.status === 'writing') run = await writeFile(world, run)
  if (run.status === 'asking') await ask(world, run)
  if (run.status === 'telling') await tellRun(world, run)
}

/** Its time has come: the next run of its tenant takes it. False if somebody else changed it meanwhile. */
export async function queueUp(world: World, row: UpdateScheduleRow): Promise<boolean> {
  const result = await world.store.commit([move(updateSchedules, row, { queue: `${row.tenant}/${row.mode}`, due_at: null })])
  return result.ok
}

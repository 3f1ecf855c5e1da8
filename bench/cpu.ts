/** Processor time of processes and of all their children, from /proc; NaN where there is none. */
import { readdirSync, readFileSync } from 'node:fs'

/** A tick of /proc is a hundredth of a second wherever Linux runs today. */
const tickUs = 10_000

type Process = { readonly parent: number; readonly own: number; readonly ended: number }

/** Microseconds of this process and everything below it, children that have ended and were waited for included. */
export function treeUs(root: number): number {
  const all = readAll()
  if (all === undefined) return Number.NaN
  const below = (pid: number): number => {
    const one = all.get(pid)
    if (one === undefined) return 0
    let ticks = one.own + one.ended
    for (const [child, { parent }] of all) if (parent === pid) ticks += below(child)
    return ticks
  }
  return below(root) * tickUs
}

function readAll(): ReadonlyMap<number, Process> | undefined {
  const all = new Map<number, Process>()
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const one = readOne(name)
      if (one !== undefined) all.set(Number(name), one)
    }
  } catch {
    return undefined
  }
  return all.size === 0 ? undefined : all
}

function readOne(name: string): Process | undefined {
  try {
    const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    const at = (index: number): number => Number(fields[index])
    return { parent: at(1), own: at(11) + at(12), ended: at(13) + at(14) }
  } catch {
    // It ended while we looked.
    return undefined
  }
}

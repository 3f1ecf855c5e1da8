/** Which processes run, and an end for one with all that it started. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { finish } from '../src/world/processes.ts'

export type Running = { readonly pid: number; readonly parent: number; readonly command: string }

/** From /proc where there is one, else from `ps`. */
export async function runningProcesses(): Promise<readonly Running[]> {
  if (existsSync('/proc/self/stat')) return readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? fromProc(name) : []))
  const { output } = await finish('ps', ['-A', '-o', 'pid=,ppid=,command='])
  return output.split('\n').flatMap(line => {
    const [, pid, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }]
  })
}

function fromProc(name: string): readonly Running[] {
  try {
    // The second field is the program's name in brackets, which may hold anything.
    const parent = readFileSync(`/proc/${name}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[1]
    return [{ pid: Number(name), parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
  } catch {
    return []
  }
}

/**
 * Kills our children whose command names `part`, and everything below them. A process that is ended kindly may leave others behind which hold
 * its output open, and whoever reads that output waits for them.
 */
export async function killTrees(part: string): Promise<void> {
  const all = await runningProcesses()
  const below = (pid: number): number[] => all.filter(one => one.parent === pid).flatMap(one => [one.pid, ...below(one.pid)])
  const roots = all.filter(one => one.parent === process.pid && one.command.includes(part)).map(one => one.pid)
  for (const pid of roots.flatMap(root => [...below(root), root]))
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself meanwhile.
    }
}

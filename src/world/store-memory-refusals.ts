/** Why a commit was refused in memory: every write that the rows as they stand forbid, named like ride-sql-refusals.ts names them. */
import { inOrder } from './ride-fate.ts'
import type { RefusedWrite } from './store.ts'
import { accountRow, limitsBroken, type PostTask, transferRow } from './store-memory-post.ts'
import { type Books, sumUp, type Task, type Work } from './store-memory-work.ts'
import { type MemoryRow, textOf } from './store-shelf.ts'

export function refusals(books: Books, work: Work): readonly RefusedWrite[] {
  const found = new Map<string, RefusedWrite>()
  const refuse = (write: number, table: string, constraint: string, kind: RefusedWrite['kind']): void => {
    found.set(`${write} ${constraint}`, { write, table, constraint, kind })
  }
  for (const task of work.tasks) {
    if (task.verb === 'insert') insertRefusals(task, work.tasks, refuse)
    else if (task.verb !== 'add') versionRefusals(task, refuse)
  }
  addRefusals(work.tasks, refuse)
  postRefusals(books, work.posts, refuse)
  if (found.size === 0) throw new Error('a commit was refused for no reason that can be found')
  return [...found.values()].sort(inOrder)
}

type Refuse = (write: number, table: string, constraint: string, kind: RefusedWrite['kind']) => void

function versionRefusals({ shelf, key, version, write }: Task, refuse: Refuse): void {
  const row = shelf.rows.get(key)
  if (row?.version === version) return
  refuse(write, shelf.table.name, `${shelf.table.name}_version`, row === undefined ? 'missing' : 'moved')
}

function insertRefusals(task: Task, tasks: readonly Task[], refuse: Refuse): void {
  const { shelf, row, write } = task
  const mine = tasks.filter(other => other.shelf === shelf)
  const removed = new Set(mine.filter(other => other.verb === 'remove').map(other => other.key))
  const earlier = mine.filter(other => other.verb === 'insert' && other.write < write)
  for (const [place, unique] of shelf.table.uniques.entries()) {
    const text = textOf(unique.columns, row)
    if (text === undefined) continue
    const there = place === 0 ? shelf.rows.get(text) : shelf.uniques[place - 1]?.taken.get(text)
    const taken = there !== undefined && !removed.has(textOf(shelf.table.key, there) ?? '')
    const doubled = earlier.some(other => textOf(unique.columns, other.row) === text)
    if (taken || doubled) refuse(write, shelf.table.name, unique.name, 'exists')
  }
}

function addRefusals(tasks: readonly Task[], refuse: Refuse): void {
  const adds = tasks.filter(task => task.verb === 'add')
  for (const task of adds) {
    const same = adds.filter(other => other.shelf === task.shelf && other.key === task.key)
    if (same[0] !== task) continue
    sumUp(task.shelf, task.shelf.rows.get(task.key) ?? task.row, same, (beyond, column) => {
      refuse(beyond.write, beyond.shelf.table.name, `${beyond.shelf.table.name}_${column}_bound`, 'bound')
      return true
    })
  }
}

function postRefusals(books: Books, posts: readonly PostTask[], refuse: Refuse): void {
  const ids = new Set<string>()
  const accounts = new Map<string, MemoryRow>()
  for (const { write, transfer } of posts) {
    const id = `${transfer.tenant}\0${transfer.id}`
    if (ids.has(id) || transferRow(books, transfer) !== undefined) refuse(write, 'transfers', 'transfers_pkey', 'exists')
    ids.add(id)
    for (const side of ['debit', 'credit'] as const) {
      const name = `${transfer.tenant}\0${transfer[side]}`
      const account = accounts.get(name) ?? accountRow(books, transfer.tenant, transfer[side])
      if (account === undefined) refuse(write, 'transfers', `transfers_${side}_fkey`, 'reference')
      else if (account.currency !== transfer.currency) refuse(write, 'transfers', 'transfers_currency', 'check')
      else {
        const posted = `${side}s_posted`
        const after = { ...account, [posted]: BigInt(String(account[posted])) + transfer.amount }
        accounts.set(name, after)
        for (const constraint of limitsBroken(after)) refuse(write, 'accounts', constraint, 'check')
      }
    }
  }
}

/**
 * A line of the log of shreddings, which is kept beside the archive and not in the database: a database that is restored does not know what was
 * shredded after its second, and the log tells it. Lines are independent of each other: several processes add to one file.
 */
import { createHash } from 'node:crypto'

export type Shredding = { readonly tenant: string; readonly owner: string; readonly at: number }

/** What of a line is no whole line: `torn` by a crash while it was written, or `damaged` later. `line` from 1. */
export type BadLine = { readonly line: number; readonly kind: 'torn' | 'damaged' }

const sumLength = 16
const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, sumLength)

/** Begins with a line's end, so that a torn line before it stays alone. */
export function shreddingLine({ tenant, owner, at }: Shredding): string {
  const text = `${encodeURIComponent(tenant)} ${encodeURIComponent(owner)} ${new Date(at).toISOString()}`
  return `\n${text} ${sumOf(text)}\n`
}

export function readShreddings(log: string): { readonly shreddings: readonly Shredding[]; readonly bad: readonly BadLine[] } {
  const shreddings: Shredding[] = []
  const bad: BadLine[] = []
  for (const [index, line] of log.split('\n').entries()) {
    if (line === '') continue
    const [tenant = '', owner = '', time = '', sum = ''] = line.split(' ')
    const text = `${tenant} ${owner} ${time}`
    if (line === `${text} ${sumOf(text)}`)
      shreddings.push({ tenant: decodeURIComponent(tenant), owner: decodeURIComponent(owner), at: Date.parse(time) })
    else bad.push({ line: index + 1, kind: sum.length < sumLength ? 'torn' : 'damaged' })
  }
  return { shreddings, bad }
}

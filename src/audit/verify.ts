/**
 * Verifies the audit: the chain row by row, and every checkpoint against the rows it covers. Finds and locates what was edited, deleted, put
 * elsewhere or cut off, also by somebody who computed every hash anew: the checkpoints they cannot sign. Who can also delete checkpoints is
 * found by those that a witness kept.
 */
import { type AuditRow, firstHash, rowHash } from '../core/audit-row.ts'
import { type Checkpoint, openCheckpoint, type Verifier } from '../core/checkpoint.ts'
import { type Frontier, grown, rootHash } from '../core/merkle.ts'

export type Finding = {
  /** `chain`: a row is not what followed the one before it. `missing`: rows are not there. `root`: rows are not what was signed. `unsigned`: no checkpoint covers them. `signature`: a checkpoint is not ours. `checkpoint`: the one that covered them first is gone. */
  readonly kind: 'chain' | 'missing' | 'root' | 'unsigned' | 'signature' | 'checkpoint'
  /** The rows among which it lies, from 0; `to` is the last. */
  readonly from: number
  readonly to: number
}
export type Verified = {
  readonly rows: number
  readonly checkpoints: number
  readonly witnessed: number
  readonly findings: readonly Finding[]
}

/** `rows` in the order of `seq`; `notes` and `witnessed` are checkpoints in the order of their size. */
export async function verifyAudit(of: {
  readonly rows: AsyncIterable<AuditRow> | Iterable<AuditRow>
  readonly notes: readonly { readonly size: number; readonly note: string }[]
  readonly witnessed: readonly string[]
  readonly verifier: Verifier
}): Promise<Verified> {
  const findings: Finding[] = []
  const wanted = checkpointsOf(of, findings)
  let [seq, before, frontier]: [number, Buffer, Frontier] = [0, firstHash, []]
  let [good, broken] = [0, false]
  for await (const row of of.rows) {
    if (row.seq > seq) findings.push({ kind: 'missing', from: seq, to: row.seq - 1 })
    const hash = rowHash(before, row.seq, row)
    if (row.seq < seq || !hash.equals(row.hash)) findings.push({ kind: 'chain', from: row.seq, to: row.seq })
    // Once rows are missing no root fits any more: where, was said.
    if (row.seq !== seq) broken = true
    if (!broken) frontier = grown(frontier, seq, hash)
    before = row.hash
    seq = row.seq + 1
    const roots = wanted.get(seq) ?? []
    if (roots.length === 0 || broken) continue
    if (roots.every(one => one.equals(rootHash(frontier)))) good = seq
    else {
      findings.push({ kind: 'root', from: good, to: seq - 1 })
      broken = true
    }
  }
  const signed = Math.max(0, ...wanted.keys())
  // What the missing end was signed together with is in doubt too: nothing says which of them is missing.
  if (signed > seq) findings.push({ kind: 'missing', from: broken ? seq : good, to: signed - 1 })
  const covered = Math.max(0, ...of.notes.map(one => one.size))
  if (covered < seq) findings.push({ kind: 'unsigned', from: covered, to: seq - 1 })
  return {
    ...{ rows: seq, checkpoints: of.notes.length, witnessed: of.witnessed.length },
    findings: findings.toSorted((a, b) => a.from - b.from || a.to - b.to),
  }
}

/** The signed roots by the size they are of. */
function checkpointsOf(
  of: Pick<Parameters<typeof verifyAudit>[0], 'notes' | 'witnessed' | 'verifier'>,
  findings: Finding[],
): ReadonlyMap<number, readonly Buffer[]> {
  const wanted = new Map<number, Buffer[]>()
  const take = (note: string, size: number | undefined, from: number): Checkpoint | undefined => {
    const opened = openCheckpoint(note, of.verifier)
    if (opened === undefined || (size !== undefined && opened.size !== size)) {
      findings.push({ kind: 'signature', from, to: Math.max(from, (size ?? from + 1) - 1) })
      return undefined
    }
    wanted.set(opened.size, [...(wanted.get(opened.size) ?? []), opened.root])
    return opened
  }
  let from = 0
  for (const { size, note } of of.notes) {
    const { previous = from } = take(note, size, from) ?? {}
    if (previous > from) findings.push({ kind: 'checkpoint', from, to: previous - 1 })
    from = size
  }
  const sizes = new Set(of.notes.map(one => one.size))
  for (const note of of.witnessed) {
    const opened = take(note, undefined, 0)
    if (opened === undefined || sizes.has(opened.size)) continue
    findings.push({ kind: 'checkpoint', from: opened.previous ?? opened.size - 1, to: opened.size - 1 })
  }
  return wanted
}

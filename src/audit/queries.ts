/** The audit as it is stored, page by page. */
import type { Pool } from 'pg'
import type { AuditRow } from '../core/audit-row.ts'

const pageRows = 1_000
type Stored = Omit<AuditRow, 'at'> & { readonly at: Date }

export async function* auditRows(pool: Pool): AsyncIterable<AuditRow> {
  let after = -1
  while (true) {
    const { rows } = await pool.query<Stored>(
      `select seq, at, node, n, act, tenant, subject, purpose, operation, detail, hash
       from vault.audit_log
       where seq > $1
       order by seq
       limit $2`,
      [after, pageRows],
    )
    for (const row of rows) yield { ...row, at: row.at.getTime() }
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.seq
  }
}

export async function auditNotes(pool: Pool): Promise<readonly { readonly size: number; readonly note: string }[]> {
  const { rows } = await pool.query<{ size: number; note: string }>(
    `select size, note
     from vault.audit_checkpoints
     order by size`,
  )
  return rows
}

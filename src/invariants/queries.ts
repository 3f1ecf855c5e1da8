/** What was found, as it is kept. */
import type { Pool } from 'pg'
import { shownMax } from '../world/invariant.ts'
import type { TenantReader } from '../world/tenant-reader.ts'

export type Stored = {
  readonly invariant: string
  readonly subject: string
  readonly shown: unknown
  readonly first_seen_at: Date
  readonly last_seen_at: Date
}

/** What was found of a tenant's rows, of each question at most as many as are shown. */
export async function listFindings(
  reader: TenantReader,
  { tenant, mode }: { readonly tenant: string; readonly mode: string },
): Promise<readonly Stored[]> {
  const text = `
select invariant, subject, shown, first_seen_at, last_seen_at
from (
  select f.*, row_number() over (partition by invariant order by first_seen_at, subject) as nth
  from invariant_findings f
  where tenant = $1
    and (mode = $2 or mode = '')
) as numbered
where nth <= $3
order by invariant, nth`
  return (await reader.query<Stored>({ tenant, name: 'invariant findings', text, values: [tenant, mode, shownMax] })).rows
}

/** Findings of a question that were not seen again in its last round: they are over. */
export async function staleFindings(
  pool: Pick<Pool, 'query'>,
  { invariant, round, limit }: { readonly invariant: string; readonly round: number; readonly limit: number },
): Promise<readonly { readonly subject: string; readonly tenant: string }[]> {
  const text = `
select subject, tenant
from invariant_findings
where invariant = $1
  and round < $2
limit $3`
  return (await pool.query<{ subject: string; tenant: string }>(text, [invariant, round, limit])).rows
}

/** A tenant's approvals, newest first. Decides nothing. */
import type { TenantReader } from '../world/tenant-reader.ts'
import type { Mode } from '../world/world.ts'

/** Ids, one more than `limit` so that it is known whether more follow. Ids are in the order of time. */
export async function listApprovals(
  reader: TenantReader,
  owner: { readonly tenant: string; readonly mode: Mode },
  of: { readonly before: string | undefined; readonly limit: number },
): Promise<readonly string[]> {
  const text = `
select id
from approvals
where tenant = $1
and mode = $2
and ($3::text is null or id < $3)
order by approvals.id desc
limit $4`
  const values = [owner.tenant, owner.mode, of.before ?? null, of.limit + 1]
  const { rows } = await reader.query<{ readonly id: string }>({ tenant: owner.tenant, name: 'list approvals', text, values })
  return rows.map(row => row.id)
}

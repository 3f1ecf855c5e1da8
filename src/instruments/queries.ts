/** What the instruments folder shows in lists: plain SQL, newest first, decides nothing. Pages follow the position given at the commit. */
import type { Pool } from 'pg'
import type { Page } from '../http/list.ts'
import type { TenantReader } from '../world/tenant-reader.ts'
import type { Mode } from '../world/world.ts'

export type Owner = { readonly tenant: string; readonly mode: Mode }
/** The ids of a page, with their positions; the rows themselves are read through the store. */
export type Placed = { readonly id: string; readonly position: bigint }

type Row = { readonly id: string; readonly position: string }
const placed = (row: Row): Placed => ({ id: row.id, position: BigInt(row.position) })

export async function listInstruments(
  reader: TenantReader,
  owner: Owner,
  of: Page & { readonly customer: string | undefined; readonly status: string | undefined },
): Promise<readonly Placed[]> {
  const text = `
select id, position::text as position
from instruments
where tenant = $1
and mode = $2
and ($3::bigint is null or position < $3)
and ($4::text is null or customer = $4)
and ($5::text is null or status = $5)
order by instruments.position desc
limit $6`
  const values = [owner.tenant, owner.mode, of.after?.toString() ?? null, of.customer ?? null, of.status ?? null, of.limit + 1]
  return (await reader.query<Row>({ tenant: owner.tenant, name: 'list instruments', text, values })).rows.map(placed)
}

export async function listCustomers(
  reader: TenantReader,
  owner: Owner,
  of: Page & { readonly reference: string | undefined },
): Promise<readonly Placed[]> {
  const text = `
select id, position::text as position
from customers
where tenant = $1
and mode = $2
and ($3::bigint is null or position < $3)
and ($4::text is null or reference = $4)
order by customers.position desc
limit $5`
  const values = [owner.tenant, owner.mode, of.after?.toString() ?? null, of.reference ?? null, of.limit + 1]
  return (await reader.query<Row>({ tenant: owner.tenant, name: 'list customers', text, values })).rows.map(placed)
}

/** Every instrument there is, page by page in the order of its key: for those who look at all of them. */
export async function instrumentsAfter(
  pool: Pick<Pool, 'query'>,
  after: InstrumentKey | undefined,
  limit: number,
): Promise<readonly InstrumentKey[]> {
  const text = `
select tenant, id
from instruments
where (tenant, id) > ($1, $2)
order by tenant, id
limit $3`
  const values = [after?.tenant ?? '', after?.id ?? '', limit]
  return (await pool.query<InstrumentKey>({ name: 'instruments after', text, values })).rows
}
export type InstrumentKey = { readonly tenant: string; readonly id: string }

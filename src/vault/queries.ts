/** What the vault lists at its start, and decides nothing by. */
import { Client, type ClientConfig } from 'pg'
import type { Owner } from './shred.ts'

/** Everybody who was ever shredded, as far as this database knows; `at` in milliseconds since 1970. */
export async function shreddedOwners(connection: ClientConfig): Promise<readonly (Owner & { readonly at: number })[]> {
  const client = new Client(connection)
  await client.connect()
  try {
    const { rows } = await client.query<Owner & { readonly at: number }>(
      `select tenant,
              owner,
              coalesce(extract(epoch from shredded_at) * 1000, 0)::float8 as at
       from vault.owners
       where shredded > 0
       order by tenant, owner`,
    )
    return rows
  } finally {
    await client.end()
  }
}

import { bool, int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

/** What a customer may do by a link. */
export const rights = ['list', 'set_default', 'replace', 'unbind'] as const
export type Right = (typeof rights)[number]

/** The token in the link is made from this row and not kept; the row is what revokes it. */
export const portalLinks = table(
  'portal_links',
  {
    id: text(),
    tenant: text(),
    mode: text<Mode>(),
    customer: text(),
    may: json<readonly Right[]>(),
    return_url: text(),
    created_at: time(),
    /** On the real clock: a link is a key, and keys lapse for real. */
    expires_at: time(),
    revoked_at: maybe(time()),
    version: int(),
    /** A replacement card is typed into the vault's own page. */
    hosted: bool(),
  },
  {
    key: ['id'],
    indexes: { portal_links_customer: ['customer', 'tenant'] },
    checks: { portal_links_life: row => row.expires_at > row.created_at },
    references: { portal_links_owner: { columns: ['tenant', 'customer'], to: 'customers' } },
  },
)
export type LinkRow = Row<typeof portalLinks>

import { int, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

export const tokenRequestStatuses = ['open', 'settled', 'parked'] as const

/** What was asked of a card network about a token: durable before anything leaves, and asked again until there is an answer. */
export const tokenRequests = table(
  'token_requests',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    instrument: text(),
    verb: text<'provision' | 'remove'>(),
    status: text<(typeof tokenRequestStatuses)[number]>(),
    /** The sealed version that is provisioned. */
    card_version: int(),
    /** The token that is removed. */
    reference: maybe(text()),
    tries: int(),
    cause: maybe(text()),
    request: maybe(text()),
    created_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['id'],
    indexes: { token_requests_instrument: ['instrument', 'tenant'] },
    checks: { token_requests_status: row => tokenRequestStatuses.includes(row.status) },
  },
)

/** Directory: whose a network's token is. `request`: ours, which the network echoes. */
export const networkTokens = table(
  'network_tokens',
  { mode: text<Mode>(), reference: text(), tenant: text(), instrument: text(), created_at: time(), version: int() },
  { key: ['reference', 'mode'] },
)

export type TokenRequestRow = Row<typeof tokenRequests>

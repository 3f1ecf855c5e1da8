/** The tables of the HTTP layer; their SQL twins stand in migrations/0002_http.sql. */
import { int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import type { Json } from './json.ts'
import { type Role, roles } from './role.ts'

export const tenants = table(
  'tenants',
  { id: text(), name: text(), created_at: time(), version: int() },
  { key: ['id'], checks: { tenants_name: row => row.name.length >= 1 && row.name.length <= 200 } },
)

const oneOf = <T extends string>(values: readonly T[], value: T): boolean => values.includes(value)

/** `hash`: SHA-256 of the whole key in hexadecimal. `hint`: its first letters, for lists. `person`: who uses it, where that is one. */
export const apiKeys = table(
  'api_keys',
  {
    id: text(),
    tenant: text(),
    mode: text<Mode>(),
    kind: text<'secret' | 'publishable'>(),
    role: text<Role>(),
    person: maybe(text()),
    hash: text(),
    hint: text(),
    created_at: time(),
    revoked_at: maybe(time()),
    version: int(),
  },
  {
    key: ['id'],
    unique: { api_keys_hash: ['hash'] },
    indexes: { api_keys_by_tenant: ['tenant', 'id'] },
    references: { api_keys_tenant_fkey: { columns: ['tenant'], to: 'tenants' } },
    checks: {
      api_keys_mode: row => oneOf(['test', 'live'], row.mode),
      api_keys_kind: row => oneOf(['secret', 'publishable'], row.kind),
      api_keys_role: row => oneOf(roles, row.role) && (row.role === 'browser') === (row.kind === 'publishable'),
      api_keys_person: row => row.person === null || (row.person.length >= 1 && row.person.length <= 200),
      api_keys_hash_form: row => row.hash.length === 64,
    },
  },
)

export const approvalStatuses = ['asked', 'approved', 'denied', 'used', 'lapsed'] as const

/** What one person asks for and another allows (fourEyes.ts). `act`: the endpoint's name. `hash`: of exactly what may be done. */
export const approvals = table(
  'approvals',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    act: text(),
    method: text(),
    url: text(),
    body: maybe(json<Json>()),
    hash: text(),
    status: text<(typeof approvalStatuses)[number]>(),
    asked_by: text(),
    asked_key: text(),
    decided_by: maybe(text()),
    decided_key: maybe(text()),
    created_at: time(),
    decided_at: maybe(time()),
    used_at: maybe(time()),
    expires_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    indexes: { approvals_waiting: ['asked_by', 'tenant', 'status'] },
    checks: {
      approvals_mode: row => oneOf(['test', 'live'], row.mode),
      approvals_status: row => oneOf(approvalStatuses, row.status),
      approvals_two_persons: row => row.decided_by === null || (row.decided_by !== row.asked_by && row.decided_key !== row.asked_key),
      approvals_decided: row => row.status === 'lapsed' || (row.status === 'asked') === (row.decided_by === null),
      approvals_decided_whole: row =>
        (row.decided_by === null) === (row.decided_at === null) && (row.decided_by === null) === (row.decided_key === null),
      approvals_used: row => (row.status === 'used') === (row.used_at !== null),
    },
  },
)
export type ApprovalRow = Row<typeof approvals>

/** `request`: the request that holds the lease. `resource`: what the first request made, for `recover`, and what the answer tells of. `body`: the answer as it was sent, so a replay is equal to the byte. */
export const idempotency = table(
  'idempotency',
  {
    tenant: text(),
    mode: text<Mode>(),
    key: text(),
    endpoint: text(),
    hash: text(),
    state: text<'running' | 'done'>(),
    request: text(),
    resource: maybe(text()),
    status: maybe(int()),
    headers: maybe(json<Readonly<Record<string, string>>>()),
    body: maybe(text()),
    created_at: time(),
    lease_until: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'mode', 'key'],
    indexes: { idempotency_resource: ['resource', 'tenant'] },
    checks: {
      idempotency_mode: row => oneOf(['test', 'live'], row.mode),
      idempotency_state: row => oneOf(['running', 'done'], row.state),
      idempotency_done: row => (row.state === 'done') === (row.status !== null && row.body !== null),
      idempotency_status: row => row.status === null || (row.status >= 100 && row.status <= 499),
    },
  },
)
export type IdempotencyRow = Row<typeof idempotency>

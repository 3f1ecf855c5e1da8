import { int, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

export const canaryKinds = ['instrument', 'key'] as const

/** What nobody has a reason to use. */
export const canaries = table(
  'canaries',
  {
    /** Always `on`: by it all of them are found at once. */
    state: text<'on'>(),
    tenant: text(),
    /** The instrument's or the key's id. */
    subject: text(),
    mode: text<Mode>(),
    kind: text<(typeof canaryKinds)[number]>(),
    note: text(),
    set_by: text(),
    set_at: time(),
    version: int(),
  },
  {
    key: ['state', 'tenant', 'subject'],
    checks: { canaries_state: row => row.state === 'on', canaries_kind: row => canaryKinds.includes(row.kind) },
  },
)

/** A use that raised the alarm. */
export const canaryUses = table(
  'canary_uses',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    subject: text(),
    /** The endpoint's name. */
    act: text(),
    /** The key, where it is the same tenant's; whose another is, is not told. */
    used_by: maybe(text()),
    request: text(),
    used_at: time(),
  },
  { key: ['tenant', 'id'], indexes: { canary_uses_subject: ['subject', 'tenant'] } },
)

export type CanaryRow = Row<typeof canaries>
export type CanaryUseRow = Row<typeof canaryUses>

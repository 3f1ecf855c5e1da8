/** The vault's audit: entries ride in the commit of what they tell, and are then put into one chain (`sequence.ts`), which is only added to. */
import { bytes, int, json, maybe, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'

const entry = {
  node: text(),
  n: int(),
  at: time(),
  act: text(),
  tenant: text(),
  subject: text(),
  purpose: text(),
  operation: text(),
  detail: text(),
} as const

/** Not in the chain yet: a second at most. `mac`: by the process that wrote it, so that nobody else can, nor change it until then. */
export const auditEntries = table(
  'audit_entries',
  { ...entry, mac: bytes(), due_at: maybe(time()), clock: maybe(text()), version: int() },
  { key: ['node', 'n'], checks: { audit_entries_mac_length: row => row.mac.length === 32 } },
)

export const auditLog = table(
  'audit_log',
  { seq: int(), ...entry, hash: bytes() },
  {
    key: ['seq'],
    unique: { audit_log_entry: ['n', 'node'] },
    checks: { audit_log_seq_range: row => row.seq >= 0, audit_log_hash_length: row => row.hash.length === 32 },
  },
)

/** The end of the chain: one row, which every addition moves, so that there is one chain. */
export const auditHeads = table(
  'audit_heads',
  { log: text<'vault'>(), size: int(), hash: bytes(), frontier: json<readonly string[]>(), version: int() },
  { key: ['log'], checks: { audit_heads_log_known: row => row.log === 'vault', audit_heads_size_range: row => row.size >= 0 } },
)

/** Signed: `note` is a C2SP checkpoint. */
export const auditCheckpoints = table(
  'audit_checkpoints',
  { size: int(), note: text(), at: time() },
  { key: ['size'], checks: { audit_checkpoints_size_positive: row => row.size > 0 } },
)

/** How often numbers were given out in the clear, by day of UTC, to each person and (`*`) in the tenant (`detokenize.ts`). */
export const detokenizations = table(
  'detokenizations',
  { tenant: text(), mode: text<Mode>(), day: text(), who: text(), count: int(), version: int() },
  {
    key: ['tenant', 'mode', 'day', 'who'],
    checks: {
      detokenizations_mode_known: row => row.mode === 'test' || row.mode === 'live',
      detokenizations_day_written: row => /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(row.day),
      detokenizations_count_positive: row => row.count >= 0,
    },
  },
)

export const auditTables = [auditEntries, auditLog, auditHeads, auditCheckpoints, detokenizations] as const

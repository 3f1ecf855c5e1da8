/** I30, I31, I34: what must never be found in the vault's own rows. Read as the vault's role, which sees nothing else. */
import type { Invariant } from '../world/invariant.ts'

/** Where the parts of a sealed value stand, counted from 1 as SQL does: seal.ts. */
const part = {
  magic: 'substring(r.envelope from 1 for 4)',
  dek: 'substring(r.envelope from 27 for 16)',
  salt: 'substring(r.envelope from 43 for 32)',
  iv: 'substring(r.envelope from 107 for 12)',
} as const

/** Opening and sending: each leaves something that was sealed readable, for a moment, somewhere. */
const opening = `('release', 'forward', 'open', 'inquire', 'renew', 'export')`

/** What has been told, whether or not it stands in the chain already. */
const told = `
select node, n, at, act, tenant, subject, purpose, operation
from audit_log
union all
select node, n, at, act, tenant, subject, purpose, operation
from audit_entries`

/** Same bytes in two rows, of what must be used once. */
const twice = (of: { readonly name: string; readonly what: string; readonly bytes: string; readonly under: string }): Invariant => ({
  id: 'I30',
  name: of.name,
  book: 'vault',
  never: `Two sealed values have the same ${of.what}.`,
  walk: null,
  shows: ['rows', 'owners'],
  found: `
select min(r.tenant) as tenant, min(r.mode) as mode, min(r.instrument) as subject, count(*) as rows,
  (array_agg(r.instrument || '@' || r.instrument_version order by r.instrument))[1:5] as owners
from records r
group by ${of.under}${of.bytes}
having count(*) > 1`,
})

export const vaultInvariants: readonly Invariant[] = [
  twice({ name: 'salts_once', what: 'salt', bytes: part.salt, under: '' }),
  twice({ name: 'data_keys_once', what: 'data key', bytes: part.dek, under: '' }),
  twice({ name: 'vectors_once', what: 'initialisation vector under one data key', bytes: part.iv, under: `${part.dek}, ` }),
  {
    id: 'I30',
    name: 'wraps_once',
    book: 'vault',
    never: 'Two data keys have one id, or were wrapped with one initialisation vector under one key.',
    walk: null,
    shows: ['purpose', 'key_version', 'rows', 'owners'],
    found: `
select min(d.tenant) as tenant, null as mode, min(d.owner) as subject, d.purpose, d.key_version, count(*) as rows,
  (array_agg(d.owner || '@' || d.owner_version order by d.owner))[1:5] as owners
from deks d
group by d.tenant, d.purpose, d.key_version, substring(d.wrapped from 1 for 12)
having count(*) > 1
union all
select min(d.tenant), null, min(d.owner), min(d.purpose), min(d.key_version), count(*),
  (array_agg(d.owner || '@' || d.owner_version order by d.owner))[1:5]
from deks d
group by d.id
having count(*) > 1`,
  },
  {
    id: 'I30',
    name: 'sealed_under_its_key',
    book: 'vault',
    never: 'A sealed value is of another form than ours, or names another data key than its owner’s.',
    walk: null,
    shows: ['instrument_version', 'field'],
    found: `
select r.tenant, r.mode, r.instrument as subject, r.instrument_version, r.field
from records r
left join deks d on d.tenant = r.tenant and d.owner = r.instrument and d.owner_version = r.instrument_version
where ${part.magic} <> '\\x50495631'
  or d.id <> ${part.dek}`,
  },
  {
    id: 'I31',
    name: 'wraps_counted',
    book: 'vault',
    never: 'A key has wrapped more often than 2³⁰ times, or more data keys than were reserved for it.',
    walk: null,
    shows: ['purpose', 'key_version', 'reserved', 'wrapped'],
    found: `
select k.scope as tenant, null as mode, encode(k.id, 'hex') as subject, k.purpose, k.key_version, k.wraps as reserved, coalesce(d.wrapped, 0) as wrapped
from keys k
left join (
  select tenant, purpose, key_version, count(*) as wrapped
  from deks
  group by tenant, purpose, key_version
) as d on d.tenant = k.scope and d.purpose = k.purpose and d.key_version = k.key_version
where k.wraps > 1073741824
  or d.wrapped > k.wraps`,
  },
  {
    id: 'I34',
    name: 'opened_for_a_purpose',
    book: 'vault',
    never: 'Something sealed was opened or sent, and the audit says not what, or for what purpose.',
    walk: null,
    shows: ['node', 'n', 'act'],
    found: `
select t.tenant, null as mode, t.subject, t.node, t.n, t.act
from (${told}) as t
where t.act in ${opening}
  and (t.purpose = '' or t.subject = '' or t.tenant = '')`,
  },
  {
    id: 'I34',
    name: 'told_once',
    book: 'vault',
    never: 'One deed stands in the audit twice, or one operation was given leave twice to send what is sealed.',
    walk: null,
    shows: ['operation', 'rows'],
    found: `
select min(t.tenant) as tenant, null as mode, min(t.subject) as subject, min(t.operation) as operation, count(*) as rows
from (${told}) as t
group by t.node, t.n
having count(*) > 1
union all
select t.tenant, null, t.subject, t.operation, count(*)
from (${told}) as t
where t.act = 'release'
group by t.tenant, t.subject, t.operation
having count(*) > 1`,
  },
  {
    id: 'I34',
    name: 'sealed_with_leave',
    book: 'vault',
    never: 'Something was sealed for an operation, which may send it once, and the audit has no entry of that leave.',
    walk: null,
    shows: ['operation', 'adopted_at'],
    found: `
select r.tenant, r.mode, r.instrument as subject, r.operation, r.adopted_at
from records r
where r.operation like 'opn\\_%'
  -- What was sealed before there was an audit has no entry.
  and r.adopted_at > (select min(t.at) from (${told}) as t)
  and not exists (
    select from (${told}) as t
    where t.operation = r.operation
      and t.tenant = r.tenant
      and t.act in ('release', 'renew')
  )`,
  },
]

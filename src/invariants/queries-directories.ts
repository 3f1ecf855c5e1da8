/** I6, I7, I16, I17, I22: what others hold or told, against what we say of it. */
import type { Invariant } from '../world/invariant.ts'

const bindings = { table: 'bindings', key: ['tenant', 'id'], since: 'updated_at' } as const

/** What is somebody's, or may become so: `holdsPlace` of instruments/sharing.ts. */
const holdsPlace = `('pending', 'active', 'suspended', 'expired', 'blocked')`

export const directoryInvariants: readonly Invariant[] = [
  {
    id: 'I6',
    name: 'names_lead_home',
    book: 'bindery',
    never: 'A channel’s name leads to a binding that is not there, so that what the channel tells of it is lost.',
    walk: { table: 'channel_names', key: ['channel', 'mode', 'name'], since: undefined },
    shows: ['channel'],
    found: `
select n.tenant, n.mode, n.binding as subject, n.channel
from page n
where not exists (
  select from bindings b
  where b.id = n.binding
    and b.tenant = n.tenant
)`,
  },
  {
    id: 'I6',
    name: 'tokens_have_names',
    book: 'bindery',
    never: 'A living binding’s token has no line in the directory by which its channel’s news finds it.',
    walk: bindings,
    shows: ['instrument', 'channel', 'status'],
    found: `
select b.tenant, b.mode, b.id as subject, b.instrument, b.channel, b.status
from page b
where b.status in ('active', 'suspended')
  and b.token is not null
  and not exists (
    select from channel_names n
    where n.channel = b.channel
      and n.mode = b.mode
      and n.name = b.token
  )`,
  },
  {
    id: 'I7',
    name: 'shared_within_the_limit',
    book: 'bindery',
    never: 'More customers have one card or account than may share it by the limit in force.',
    walk: { table: 'sharings', key: ['tenant', 'mode', 'kind', 'value'], since: undefined },
    shows: ['kind', 'holders', 'most'],
    found: `
select s.tenant, s.mode, s.value as subject, s.kind, s.holders, coalesce(l.customers_max, g.customers_max) as most
from page s
cross join given g
left join sharing_limits l on l.tenant = s.tenant and l.mode = s.mode
where s.holders > coalesce(l.customers_max, g.customers_max)`,
  },
  {
    id: 'I7',
    name: 'sharing_counted_right',
    book: 'bindery',
    never: 'The count of customers who share a card is not the number of their instruments.',
    walk: null,
    shows: ['kind', 'counted', 'instruments'],
    found: `
select coalesce(s.tenant, i.tenant) as tenant, coalesce(s.mode, i.mode) as mode, coalesce(s.value, i.value) as subject,
  coalesce(s.kind, i.kind) as kind, coalesce(s.holders, 0) as counted, coalesce(i.instruments, 0) as instruments
from sharings s
full join (
  select tenant, mode, sharing->>'kind' as kind, sharing->>'value' as value, count(*) as instruments
  from instruments
  where sharing is not null
    and status in ${holdsPlace}
  group by tenant, mode, sharing->>'kind', sharing->>'value'
) as i on i.tenant = s.tenant and i.mode = s.mode and i.kind = s.kind and i.value = s.value
where coalesce(s.holders, 0) <> coalesce(i.instruments, 0)`,
  },
  {
    id: 'I16',
    name: 'comparisons_concluded',
    book: 'bindery',
    never: 'A difference between our book and a channel’s was found, its comparison is over, and the difference still stands undecided.',
    walk: { table: 'sweep_findings', key: ['tenant', 'sweep', 'binding'], since: 'found_at' },
    shows: ['sweep', 'status', 'found_at'],
    found: `
select f.tenant, s.mode, f.binding as subject, f.sweep, s.status, f.found_at
from page f
left join sweeps s on s.id = f.sweep and s.tenant = f.tenant
where coalesce(s.status, 'gone') in ('gone', 'planned', 'done')`,
  },
  {
    id: 'I17',
    name: 'suspicions_followed',
    book: 'bindery',
    never:
      'A living binding was missing from its channel’s list more than three days ago, and no comparison is under way, planned or held for a person.',
    walk: { table: 'misses', key: ['tenant', 'binding'], since: 'missed_at' },
    shows: ['channel', 'times', 'missed_at'],
    found: `
select m.tenant, b.mode, m.binding as subject, b.channel, m.count as times, m.missed_at
from page m
cross join given g
join bindings b on b.id = m.binding and b.tenant = m.tenant and b.status in ('active', 'suspended')
where m.missed_at < g.now_at - interval '3 days'
  and not exists (
    select from sweeps s
    where s.tenant = m.tenant
      and s.mode = b.mode
      and s.channel = b.channel
      and (s.status in ('planned', 'walking', 'held', 'applying') or s.ended_at > m.missed_at + interval '3 days')
  )`,
  },
  {
    id: 'I22',
    name: 'events_once',
    book: 'bindery',
    never: 'One event of a channel is two facts that say the same.',
    walk: bindings,
    shows: ['source', 'kind', 'facts'],
    found: `
select b.tenant, b.mode, b.id as subject, f.source, f.kind, string_agg(f.id, ' ' order by f.id) as facts
from page b
join facts f on f.binding = b.id and f.tenant = b.tenant
where f.source like '%:%'
group by b.tenant, b.mode, b.id, f.source, f.kind, f.operation, f.standing->'at', f.news, regexp_replace(f.source_event, '#.*$', '')
having count(*) > 1`,
  },
]

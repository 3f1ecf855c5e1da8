/** I1 to I5: bindings and instruments, each page compared with what its facts say by a fold written a second time, in SQL. */
import type { Invariant } from '../world/invariant.ts'

const bindings = { table: 'bindings', key: ['tenant', 'id'], since: 'updated_at' } as const
const instruments = { table: 'instruments', key: ['tenant', 'id'], since: 'updated_at' } as const

/** Where a fact stands (core/fold.ts), to be compared or ordered by. */
const place = (fact: string): string =>
  `(${fact}.standing->>'place')::bigint, (${fact}.standing->>'stage')::bigint, (${fact}.standing->>'rank')::bigint,
    (${fact}.standing->>'sequence')::numeric, (${fact}.standing->>'at')::numeric, (${fact}.standing->>'safety')::bigint,
    (${fact}.standing->>'id') collate "C"`

/**
 * The fold. `lapses`: facts that a token lapsed count only where the channel gave it no longer, which takes the fold itself to know: both ways
 * are right here, and the recomputing verifier tells them apart.
 */
const folded = `
with recursive told as (
  select b.tenant, b.mode, b.id, b.instrument, b.status as stored, f.kind, f.news ? 'lapsedAtMs' as lapse,
    row_number() over one as nth, f.standing->>'id' = lag(f.standing->>'id') over one as again
  from page b
  left join facts f on f.binding = b.id and f.tenant = b.tenant
  window one as (partition by b.tenant, b.id order by ${place('f')})
),
gathered as (
  select tenant, mode, id, instrument, stored,
    array_agg(kind order by nth) filter (where kind is not null and again is distinct from true) as kinds,
    array_agg(kind order by nth) filter (where kind is not null and again is distinct from true and not lapse) as without
  from told
  group by tenant, mode, id, instrument, stored
),
steps as (
  select g.tenant, g.mode, g.id, g.instrument, g.stored, coalesce(way.kinds, '{}') as kinds, 0 as step, 'initiated' collate "C" as status
  from gathered g
  cross join lateral (values (g.kinds), (g.without)) as way(kinds)
  union all
  select s.tenant, s.mode, s.id, s.instrument, s.stored, s.kinds, s.step + 1,
    coalesce(g.known->'edges'->s.status->>s.kinds[s.step + 1], s.status) collate "C"
  from steps s
  cross join given g
  where s.step < cardinality(s.kinds)
),
ends as (
  select tenant, mode, id, instrument, stored, status
  from steps
  where step = cardinality(kinds)
)`

/** The time of a row's customer: a test clock's, or the real one. */
const now = (clock: string): string =>
  `coalesce((select c.now_at from clocks c where c.id = ${clock}.clock and c.tenant = ${clock}.tenant), g.now_at)`

export const bindingInvariants: readonly Invariant[] = [
  {
    id: 'I1',
    name: 'bound_once',
    book: 'bindery',
    never:
      'A customer’s card or account is alive twice at one channel, unless the channel showed that one came back or the two are about to be merged.',
    walk: instruments,
    shows: ['channel', 'other', 'bindings'],
    found: `
select i.tenant, i.mode, i.id as subject, a.channel, o.id as other, a.id || ' ' || b.id as bindings
from page i
join instruments o on o.customer = i.customer and o.tenant = i.tenant and o.id > i.id and o.mode = i.mode and o.sharing = i.sharing
join bindings a on a.instrument = i.id and a.tenant = i.tenant and a.status in ('active', 'suspended')
join bindings b on b.instrument = o.id and b.tenant = o.tenant and b.status in ('active', 'suspended') and b.channel = a.channel
where i.sharing is not null
  and not exists (
    select from facts f
    where f.binding in (a.id, b.id)
      and f.tenant = i.tenant
      and f.kind = 'reinstated'
  )
  and not exists (
    select from twins t
    where t.tenant = i.tenant
      and ((t.later = o.id and t.older = i.id) or (t.later = i.id and t.older = o.id))
  )`,
  },
  {
    id: 'I1',
    name: 'one_slot',
    book: 'bindery',
    never: 'Two bindings of one instrument are alive at one channel.',
    walk: bindings,
    shows: ['instrument', 'channel', 'other'],
    found: `
select b.tenant, b.mode, b.id as subject, b.instrument, b.channel, o.id as other
from page b
join bindings o on o.instrument = b.instrument and o.tenant = b.tenant and o.channel = b.channel and o.id > b.id
where b.status in ('active', 'suspended')
  and o.status in ('active', 'suspended')`,
  },
  {
    id: 'I2',
    name: 'folds',
    book: 'bindery',
    never: 'A binding is in a state to which its facts do not lead by edges of the published table.',
    walk: bindings,
    shows: ['instrument', 'status', 'by_its_facts'],
    found: `
${folded}
select e.tenant, e.mode, e.id as subject, e.instrument, e.stored as status, string_agg(distinct e.status, ' or ') as by_its_facts
from ends e
cross join lateral (
  select exists (
    select from operations o
    where o.binding = e.id
      and o.tenant = e.tenant
      and o.verb in ('bind', 'resume')
      and o.cause is not null
      and o.status in ('open', 'parked')
  ) as unanswered
) as asked
group by e.tenant, e.mode, e.id, e.instrument, e.stored
having not bool_or(
  e.stored = case when asked.unanswered and e.status in ('initiated', 'challenge', 'verifying') then 'uncertain' else e.status end
)`,
  },
  {
    id: 'I2',
    name: 'told_by_someone',
    book: 'bindery',
    never: 'A state changed and nobody is named who told it, or why.',
    walk: bindings,
    shows: ['fact', 'kind'],
    found: `
select b.tenant, b.mode, b.id as subject, f.id as fact, f.kind
from page b
cross join given g
join facts f on f.binding = b.id and f.tenant = b.tenant
where f.source = ''
  or f.source_event = ''
  or not g.known->'kinds' ? f.kind`,
  },
  {
    id: 'I3',
    name: 'verified',
    book: 'bindery',
    never:
      'A binding is called active, and nothing says that it was bound, or the time has passed until which its channel said its token is good.',
    walk: bindings,
    shows: ['instrument', 'channel', 'valid_until', 'now_at'],
    found: `
select b.tenant, b.mode, b.id as subject, b.instrument, b.channel, b.valid_until, ${now('i')} as now_at
from page b
cross join given g
join instruments i on i.id = b.instrument and i.tenant = b.tenant
where b.status in ('active', 'suspended')
  and (
    b.valid_until + g.late < ${now('i')}
    or not exists (
      select from facts f
      where f.binding = b.id
        and f.tenant = b.tenant
        and f.kind in ('bound', 'reinstated')
    )
  )`,
  },
  {
    id: 'I3',
    name: 'active_by_a_binding',
    book: 'bindery',
    never: 'An instrument is called active, and no binding of it is.',
    walk: instruments,
    shows: ['customer', 'status'],
    found: `
select i.tenant, i.mode, i.id as subject, i.customer, i.status
from page i
where i.status = 'active'
  and not exists (
    select from bindings b
    where b.instrument = i.id
      and b.tenant = i.tenant
      and b.status = 'active'
  )`,
  },
  {
    id: 'I4',
    name: 'revoked_stays',
    book: 'bindery',
    never: 'A binding that was revoked is something else again, without word of its channel that it came back.',
    walk: bindings,
    shows: ['instrument', 'status', 'revoked_by'],
    found: `
select b.tenant, b.mode, b.id as subject, b.instrument, b.status, max(e.id) as revoked_by
from page b
join facts e on e.binding = b.id and e.tenant = b.tenant and e.kind = 'revoked'
where b.status not in ('revoked', 'failed')
  and not exists (
    select from facts r
    where r.binding = b.id
      and r.tenant = b.tenant
      and r.kind = 'reinstated'
      and (${place('r')}) > (${place('e')})
  )
group by b.tenant, b.mode, b.id, b.instrument, b.status`,
  },
  {
    id: 'I4',
    name: 'ended_stays',
    book: 'bindery',
    never: 'An instrument that was unbound, merged into another or erased is not said to be, or lives at a channel.',
    walk: instruments,
    shows: ['status', 'unbound_at', 'merged_into', 'binding'],
    found: `
select i.tenant, i.mode, i.id as subject, i.status, i.unbound_at, i.merged_into, b.id as binding
from page i
left join bindings b on b.instrument = i.id and b.tenant = i.tenant and b.status in ('active', 'suspended')
where (i.unbound_at is not null or i.merged_into is not null or i.own ? 'erasure')
  and (b.id is not null or i.status not in ('unbound', 'replaced', 'erased'))`,
  },
  {
    id: 'I5',
    name: 'no_call_after_the_end',
    book: 'bindery',
    never: 'Something but a revocation is asked of a channel for an instrument that its customer had removed before.',
    walk: instruments,
    shows: ['operation', 'verb', 'channel', 'asked_at', 'ended_at'],
    found: `
select i.tenant, i.mode, i.id as subject, o.id as operation, o.verb, o.channel, o.created_at as asked_at, i.unbound_at as ended_at
from page i
cross join given g
join bindings b on b.instrument = i.id and b.tenant = i.tenant
join operations o on o.binding = b.id and o.tenant = b.tenant
where i.unbound_at is not null
  and o.verb <> 'revoke'
  -- A refresh is planned ahead, and dropped when its time comes and nobody wants it: only what was sent counts.
  and o.tries > 0
  and o.created_at > i.unbound_at + g.skew`,
  },
]

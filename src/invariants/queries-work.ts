/** I26 and I37: what is left to do has somebody who does it, and what takes two persons had two. */
import type { Invariant } from '../world/invariant.ts'

type Queue = { readonly table: string; readonly subject: string; readonly mode: string; readonly state: string; readonly clock: boolean }
const queue = (table: string, of: Partial<Queue> = {}): Queue => ({
  table,
  subject: 'id',
  mode: 'mode',
  state: 'status',
  clock: true,
  ...of,
})

/** Every table of which the worker takes rows that are due. What only falls due to be forgotten is none of these. */
export const queues: readonly Queue[] = [
  queue('operations'),
  queue('instruments'),
  queue('deaths'),
  queue('binding_sessions'),
  queue('inbox', { subject: 'event' }),
  queue('twins', { subject: 'later', mode: 'null::text', state: `'due'` }),
  queue('token_requests'),
  queue('updater_runs'),
  queue('update_schedules', { subject: 'instrument', state: `'due'` }),
  queue('erasures', { subject: 'subject', state: 'stage' }),
  queue('sweeps'),
  queue('imports'),
  queue('exports'),
  queue('deliveries', { subject: 'event', mode: 'null::text', state: 'state', clock: false }),
]

/** States in which something waits for a person, and the column that must say why. */
const parked: readonly { readonly queue: Queue; readonly states: string; readonly cause: string }[] = [
  { queue: queue('operations'), states: `'parked'`, cause: 'cause' },
  { queue: queue('inbox', { subject: 'event' }), states: `'parked'`, cause: 'cause' },
  { queue: queue('token_requests'), states: `'parked'`, cause: 'cause' },
  { queue: queue('updater_runs'), states: `'failed'`, cause: 'cause' },
  { queue: queue('imports'), states: `'parked'`, cause: 'cause' },
  { queue: queue('exports'), states: `'parked'`, cause: 'cause' },
  { queue: queue('deaths'), states: `'over'`, cause: 'cause' },
  { queue: queue('deliveries', { subject: 'event', mode: 'null::text', state: 'state' }), states: `'parked'`, cause: 'last_error' },
]

/** A row on a test clock falls due when that clock is moved; whoever moves it attends to it before it answers. */
const late = ({ table, subject, mode, state, clock }: Queue): string => `
select q.tenant, ${mode === 'mode' ? 'q.mode' : mode} as mode, q.${subject} as subject, '${table}' as queue, ${state.startsWith("'") ? state : `q.${state}`} as state, q.due_at
from ${table} q
cross join given g
where q.due_at < g.now_at - g.late${clock ? `\n  and q.clock is null` : ''}`

const causeless = ({ queue: { table, subject, mode, state }, states, cause }: (typeof parked)[number]): string => `
select q.tenant, ${mode === 'mode' ? 'q.mode' : mode} as mode, q.${subject} as subject, '${table}' as queue, q.${state} as state
from ${table} q
where q.${state} = ${states}
  and coalesce(q.${cause}, '') = ''`

export const workInvariants: readonly Invariant[] = [
  {
    id: 'I26',
    name: 'nothing_overdue',
    book: 'bindery',
    never: 'Something fell due, and nobody has taken it for twice as long as whoever takes it may keep it.',
    walk: null,
    shows: ['queue', 'state', 'due_at'],
    found: queues.map(late).join('\nunion all'),
  },
  {
    id: 'I26',
    name: 'parked_with_cause',
    book: 'bindery',
    never: 'Something waits for a person, and does not say why.',
    walk: null,
    shows: ['queue', 'state'],
    found: parked.map(causeless).join('\nunion all'),
  },
  {
    id: 'I37',
    name: 'two_persons',
    book: 'bindery',
    never: 'An act that takes two persons was allowed by one alone, by nobody, by a key that is not that person’s, or after it had lapsed.',
    walk: { table: 'approvals', key: ['tenant', 'id'], since: 'created_at' },
    shows: ['act', 'status', 'asked_by', 'decided_by', 'wrong'],
    found: `
select *
from (
  select a.tenant, a.mode, a.id as subject, a.act, a.status, a.asked_by, a.decided_by,
    case
      when a.decided_by is null or a.decided_key is null then 'nobody decided'
      when a.decided_by = a.asked_by or a.decided_key = a.asked_key then 'one person'
      when a.decided_at >= a.expires_at or a.used_at >= a.expires_at then 'too late'
      when a.used_at < a.decided_at then 'used before it was decided'
      when exists (
        select from api_keys k
        where k.id in (a.asked_key, a.decided_key)
          and (k.tenant <> a.tenant or k.person is distinct from case k.id when a.asked_key then a.asked_by else a.decided_by end)
      ) then 'another person’s key'
    end as wrong
  from page a
  where a.status in ('approved', 'used')
) as judged
where wrong is not null`,
  },
]

-- The outbox, webhook endpoints, and deliveries. The constraints named here are declared under the same names in src/events/tables.ts.

create table events (
  tenant text not null,
  id text not null,
  mode text not null,
  instrument text,
  customer text,
  sequence integer,
  type text not null,
  data jsonb not null,
  created_at timestamptz not null,
  -- Commit order: a reader goes by (xid, position) and stops below the oldest transaction still running.
  xid xid8 not null default pg_current_xact_id(),
  position bigint generated always as identity,
  constraint events_pkey primary key (tenant, id),
  constraint events_sequence unique (instrument, sequence, tenant),
  constraint events_sequence_counts check ((instrument is null) = (sequence is null) and coalesce(sequence, 1) > 0),
  constraint events_mode_known check (mode in ('test', 'live'))
);

create index events_feed on events (mode, tenant, xid, position);

create table webhook_endpoints (
  tenant text not null,
  id text not null,
  mode text not null,
  url text not null,
  description text not null,
  types jsonb not null,
  status text not null,
  disabled_reason text,
  secrets jsonb not null,
  failing_since timestamptz,
  created_at timestamptz not null,
  version integer not null,
  constraint webhook_endpoints_pkey primary key (tenant, id),
  constraint webhook_endpoints_mode_known check (mode in ('test', 'live')),
  constraint webhook_endpoints_status_known check (
    case when status = 'enabled' then disabled_reason is null else status = 'disabled' and disabled_reason is not null end
  )
);

create index webhook_endpoints_mode on webhook_endpoints (mode, tenant);

create table deliveries (
  tenant text not null,
  endpoint text not null,
  event text not null,
  line text not null,
  sequence integer not null,
  state text not null,
  tries integer not null,
  due_at timestamptz,
  last_try_at timestamptz,
  last_status integer,
  last_error text,
  created_at timestamptz not null,
  version integer not null,
  xid xid8 not null default pg_current_xact_id(),
  position bigint generated always as identity,
  constraint deliveries_event unique (tenant, endpoint, event),
  constraint deliveries_state_known check (state in ('pending', 'delivered', 'parked', 'skipped')),
  constraint deliveries_pending_is_due check ((state = 'pending') = (due_at is not null)),
  constraint deliveries_tries_bound check (tries >= 0)
);

create index deliveries_line on deliveries (tenant, endpoint, line, state, sequence);
create index deliveries_due on deliveries (tenant, endpoint, due_at) where due_at is not null;
create index deliveries_list on deliveries (tenant, endpoint, xid, position);
-- Last, since of indexes that look equal to the planner (they all do on a table without statistics) it takes the newest.
alter table deliveries add constraint deliveries_pkey primary key (tenant, endpoint, line, sequence);

create table cursors (
  tenant text not null,
  endpoint text not null,
  xid bigint not null,
  position bigint not null,
  moved_at timestamptz not null,
  version integer not null,
  constraint cursors_pkey primary key (tenant, endpoint)
);

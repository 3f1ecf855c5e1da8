-- A test clock is moved by one at a time.

alter table clocks add column held_until timestamptz;

-- What stands on a test clock does not lie in the way of what is due by the real one.
drop index operations_due;
create index operations_due on operations (due_at) where due_at is not null and clock is null;
create index operations_clock on operations (clock, due_at) where due_at is not null and clock is not null;
drop index inbox_due;
create index inbox_due on inbox (due_at) where due_at is not null and clock is null;
create index inbox_clock on inbox (clock, due_at) where due_at is not null and clock is not null;
drop index instruments_due;
create index instruments_due on instruments (due_at) where due_at is not null and clock is null;
create index instruments_clock on instruments (clock, due_at) where due_at is not null and clock is not null;

-- Comparing bindings with what a channel says it keeps.
create table sweeps (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  channel text collate "C" not null,
  status text collate "C" not null,
  slot text collate "C",
  cursor text collate "C",
  looked integer not null,
  missing integer not null,
  changes integer not null,
  unanswered integer not null,
  changed integer not null,
  misses integer not null,
  change_percent_max integer not null,
  repeat_hours integer,
  created_at timestamptz not null,
  ended_at timestamptz,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint sweeps_pkey primary key (tenant, id),
  constraint sweeps_slot unique (slot, tenant),
  constraint sweeps_status check (status in ('planned', 'walking', 'held', 'applying', 'done', 'discarded')),
  constraint sweeps_slot_held check ((slot is null) = (status in ('planned', 'done', 'discarded')))
);
create index sweeps_due on sweeps (due_at) where due_at is not null;

create table sweep_findings (
  tenant text collate "C" not null,
  sweep text collate "C" not null,
  binding text collate "C" not null,
  instrument text collate "C" not null,
  news jsonb not null,
  found_at timestamptz not null,
  version integer not null,
  constraint sweep_findings_pkey primary key (tenant, sweep, binding)
);

create table misses (
  tenant text collate "C" not null,
  binding text collate "C" not null,
  count integer not null,
  missed_at timestamptz not null,
  version integer not null,
  constraint misses_pkey primary key (tenant, binding)
);

-- Whom a sweep looks at: the customers of a channel, in the order of their ids.
create index bindings_swept on bindings (channel, tenant, mode, customer)
  where status in ('active', 'suspended') or reason = 'not_listed';

-- Bindings that died while their instrument lives: bound anew, or the customer is asked.
create table deaths (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  channel text collate "C" not null,
  status text collate "C" not null,
  tried jsonb not null,
  cause text collate "C",
  created_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint deaths_pkey primary key (tenant, id),
  constraint deaths_status check (status in ('due', 'trying', 'healed', 'asked', 'over')),
  constraint deaths_due_said check ((due_at is null) = (status in ('healed', 'asked', 'over')))
);
create index deaths_instrument on deaths (instrument, tenant);
create index deaths_due on deaths (due_at) where due_at is not null and clock is null;
create index deaths_clock on deaths (clock, due_at) where due_at is not null and clock is not null;

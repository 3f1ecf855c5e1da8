-- What is in doubt, by whose it is and how long. Each index holds only that: a bind that is answered never enters one, so they begin with the
-- tenant and are small however much is settled.
create index operations_unknown on operations (tenant, mode, status, created_at, id)
  where status in ('open', 'waiting', 'parked') and cause is not null;
create index inbox_parked on inbox (tenant, mode, received_at)
  where status = 'parked';
create index erasures_unfinished on erasures (tenant, mode, created_at, subject)
  where stage <> 'erased';

-- What a person said of something in doubt, and on what evidence: for ever. An erasure takes the evidence out.
create table settlements (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  subject text collate "C" not null,
  kind text collate "C" not null,
  channel text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  outcome text collate "C" not null,
  evidence text,
  cause text,
  since timestamptz not null,
  settled_by text collate "C",
  settled_key text collate "C" not null,
  approval text collate "C",
  request text collate "C" not null,
  settled_at timestamptz not null,
  version integer not null,
  constraint settlements_pkey primary key (tenant, id),
  constraint settlements_mode check (mode in ('test', 'live')),
  constraint settlements_outcome check (outcome in ('bound', 'not_bound', 'revoked', 'dismissed'))
);
create index settlements_instrument on settlements (instrument, tenant);

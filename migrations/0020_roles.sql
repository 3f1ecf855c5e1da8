-- What a key may do (`role`) and who uses it (`person`), so that two keys of one person are not taken for two persons.
-- Keys made before may do what they could.
alter table api_keys add column role text collate "C" not null default 'owner';
alter table api_keys add column person text collate "C";
update api_keys set role = 'browser' where kind = 'publishable';
alter table api_keys alter column role drop default;
alter table api_keys
  add constraint api_keys_role check (
    role in ('owner', 'operator', 'developer', 'application', 'support', 'auditor', 'browser')
    and (role = 'browser') = (kind = 'publishable')
  ),
  add constraint api_keys_person check (length(person) between 1 and 200);

-- What one person asks for and another allows. Whoever reads this table sees both: `hash` is of exactly what may be done.
create table approvals (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  act text collate "C" not null,
  method text collate "C" not null,
  url text not null,
  body jsonb,
  hash text collate "C" not null,
  status text collate "C" not null,
  asked_by text collate "C" not null,
  asked_key text collate "C" not null,
  decided_by text collate "C",
  decided_key text collate "C",
  created_at timestamptz not null,
  decided_at timestamptz,
  used_at timestamptz,
  expires_at timestamptz not null,
  version integer not null,
  constraint approvals_pkey primary key (tenant, id),
  constraint approvals_mode check (mode in ('test', 'live')),
  constraint approvals_status check (status in ('asked', 'approved', 'denied', 'used', 'lapsed')),
  constraint approvals_two_persons check (decided_by <> asked_by and decided_key <> asked_key),
  constraint approvals_decided check (status = 'lapsed' or (status = 'asked') = (decided_by is null)),
  constraint approvals_decided_whole check ((decided_by is null) = (decided_at is null) and (decided_by is null) = (decided_key is null)),
  constraint approvals_used check ((status = 'used') = (used_at is not null))
);
create index approvals_waiting on approvals (asked_by, tenant, status);

-- Who relies on an instrument relies on one of the same tenant. Instruments, bindings and operations have such keys; identities, facts and
-- events, which every bind writes too, do not: three more cost its bare inserts 24 % of their throughput (median of five, alternating).
alter table dependents
  add constraint dependents_instrument_fkey foreign key (tenant, instrument) references instruments (tenant, id);

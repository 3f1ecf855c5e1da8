-- What was tried, by sub-windows; why something was refused; limits of a tenant's own; what is switched off.

create table safeguard_counts (
  value text collate "C" not null,
  slot integer not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  attempts integer not null,
  declines integer not null,
  denied integer not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint safeguard_counts_pkey primary key (value, slot, mode, tenant),
  constraint safeguard_counts_positive check (attempts >= 0 and declines >= 0 and denied >= 0)
) with (fillfactor = 50);
create index safeguard_counts_due on safeguard_counts (due_at) where due_at is not null;

create table safeguard_decisions (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  request text collate "C" not null,
  verb text collate "C" not null,
  verdict text collate "C" not null,
  findings jsonb not null,
  created_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint safeguard_decisions_pkey primary key (tenant, id)
);
create index safeguard_decisions_request on safeguard_decisions (request, tenant);
create index safeguard_decisions_customer on safeguard_decisions (customer, tenant);
create index safeguard_decisions_due on safeguard_decisions (due_at) where due_at is not null;

create table safeguard_policies (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  layer text collate "C" not null,
  limits jsonb not null,
  off boolean not null,
  reason text,
  set_at timestamptz not null,
  set_by text collate "C" not null,
  version integer not null,
  constraint safeguard_policies_pkey primary key (tenant, mode, layer)
);

create table safeguard_changes (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  subject text collate "C" not null,
  before jsonb,
  after jsonb,
  reason text,
  request text collate "C" not null,
  changed_by text collate "C" not null,
  changed_at timestamptz not null,
  constraint safeguard_changes_pkey primary key (tenant, id)
);

create table kill_switches (
  state text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  reason text not null,
  set_by text collate "C" not null,
  set_at timestamptz not null,
  version integer not null,
  constraint kill_switches_pkey primary key (state, kind, value, tenant, mode),
  constraint kill_switches_kind check (kind in ('channel', 'tenant', 'bin', 'feature')),
  constraint kill_switches_state check (state = 'on')
);

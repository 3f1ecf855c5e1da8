-- Customers, what they own, where it is bound, what was asked of channels and what they told.
--
-- Indexes begin with the column that tells rows apart, not with the tenant. On a table without statistics the planner takes any index
-- whose first columns are given to be as good as the primary key, and a plan once made is kept: a look-up by (tenant, id) would read
-- everything the tenant has.
--
-- A fill factor leaves room on the page for the change that every row sees within the second after it was made: it then stays on its page
-- and no index hears of it.

create table clocks (
  tenant text collate "C" not null,
  id text collate "C" not null,
  now_at timestamptz not null,
  created_at timestamptz not null,
  version integer not null,
  constraint clocks_pkey primary key (tenant, id)
);

create table customers (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  reference text,
  clock text collate "C",
  channel_customers jsonb not null,
  metadata jsonb not null,
  created_at timestamptz not null,
  version integer not null,
  position bigint not null generated always as identity,
  constraint customers_pkey primary key (tenant, id),
  constraint customers_reference unique (tenant, mode, reference),
  constraint customers_clock foreign key (tenant, clock) references clocks (tenant, id)
);
create index customers_position on customers (mode, tenant, position);

create table instruments (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  kind text collate "C" not null,
  status text collate "C" not null,
  card_version integer not null,
  display jsonb not null,
  sequence integer not null,
  unbound_at timestamptz,
  merged_into text collate "C",
  metadata jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version integer not null,
  position bigint not null generated always as identity,
  constraint instruments_pkey primary key (tenant, id),
  constraint instruments_status check (status in ('pending', 'active', 'suspended', 'expired', 'failed', 'replaced', 'blocked', 'unbound', 'erased')),
  constraint instruments_owner foreign key (tenant, customer) references customers (tenant, id)
) with (fillfactor = 50);
create index instruments_customer on instruments (customer, tenant);
create index instruments_position on instruments (mode, tenant, position);

create table bindings (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  channel text collate "C" not null,
  status text collate "C" not null,
  slot text collate "C",
  token text collate "C",
  names jsonb not null,
  action jsonb,
  refusal jsonb,
  network_transaction_id text,
  transaction_link_id text,
  consent jsonb,
  client jsonb,
  return_url text,
  operations integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version integer not null,
  constraint bindings_pkey primary key (tenant, id),
  constraint bindings_slot unique (slot, tenant),
  constraint bindings_status check (status in ('initiated', 'challenge', 'verifying', 'uncertain', 'active', 'suspended', 'revoking', 'revoked', 'expired', 'failed')),
  -- A binding that is alive or may come alive holds its slot, and no other does.
  constraint bindings_slot_held check ((slot is null) = (status in ('revoking', 'revoked', 'expired', 'failed'))),
  constraint bindings_of foreign key (tenant, instrument) references instruments (tenant, id)
) with (fillfactor = 50);
create index bindings_instrument on bindings (instrument, tenant);

create table operations (
  id text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  channel text collate "C" not null,
  verb text collate "C" not null,
  status text collate "C" not null,
  place integer not null,
  input jsonb not null,
  tries integer not null,
  cause text,
  request text collate "C",
  due_at timestamptz,
  clock text collate "C",
  created_at timestamptz not null,
  version integer not null,
  constraint operations_pkey primary key (id),
  constraint operations_status check (status in ('open', 'waiting', 'settled', 'parked')),
  -- What is open or waits says when it is looked at again; nothing lies about unobserved.
  constraint operations_due_said check ((due_at is null) = (status in ('settled', 'parked'))),
  constraint operations_of foreign key (tenant, binding) references bindings (tenant, id)
);
create index operations_binding on operations (binding, tenant);
create index operations_due on operations (due_at) where due_at is not null;

create table facts (
  tenant text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  source text collate "C" not null,
  source_event text collate "C" not null,
  kind text collate "C" not null,
  operation text collate "C",
  standing jsonb not null,
  news jsonb not null,
  effective_at timestamptz not null,
  seen_at timestamptz not null,
  request text collate "C",
  constraint facts_pkey primary key (tenant, id),
  constraint facts_source_event unique (source_event, source, tenant)
);
create index facts_binding on facts (binding, tenant);

create table identities (
  tenant text collate "C" not null,
  customer text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  instrument text collate "C" not null,
  created_at timestamptz not null,
  version integer not null,
  constraint identities_pkey primary key (tenant, customer, kind, value)
);

create table channel_names (
  channel text collate "C" not null,
  mode text collate "C" not null,
  name text collate "C" not null,
  tenant text collate "C" not null,
  binding text collate "C" not null,
  version integer not null,
  constraint channel_names_pkey primary key (channel, mode, name)
);

create table inbox (
  channel text collate "C" not null,
  mode text collate "C" not null,
  event text collate "C" not null,
  told jsonb not null,
  status text collate "C" not null,
  tries integer not null,
  cause text,
  received_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint inbox_pkey primary key (channel, mode, event)
);
create index inbox_due on inbox (due_at) where due_at is not null;

-- What a customer does without the caller's server between: binding sessions, and the customer's own view by a signed link.

create table binding_sessions (
  id text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  status text collate "C" not null,
  secret_hash text collate "C" not null,
  kinds jsonb,
  channels jsonb,
  origins jsonb not null,
  return_url text collate "C" not null,
  consent_text text collate "C",
  terms jsonb,
  replaces text collate "C",
  instrument text collate "C",
  submitted text collate "C",
  submitted_at timestamptz,
  submissions integer not null,
  grants integer not null,
  refused integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint binding_sessions_pkey primary key (id),
  constraint binding_sessions_owner foreign key (tenant, customer) references customers,
  constraint binding_sessions_status check (status in ('open', 'submitted', 'challenge', 'complete', 'failed', 'expired', 'cancelled')),
  constraint binding_sessions_submissions check (submissions between 0 and 5)
);
create index binding_sessions_customer on binding_sessions (customer, tenant);
create index binding_sessions_due on binding_sessions (due_at) where due_at is not null;

-- Until when a binding's token is good, by the channel's word; the last that was told, where several were.
alter table bindings add column valid_until timestamptz;
update bindings
set valid_until = told.until
from (
  select distinct on (tenant, binding) tenant, binding, to_timestamp((news ->> 'validUntilMs')::numeric / 1000) as until
  from facts
  where news ? 'validUntilMs'
  order by tenant, binding, (standing ->> 'place')::numeric desc, seen_at desc
) as told
where bindings.tenant = told.tenant
  and bindings.id = told.binding;
update instruments
set due_at = least(instruments.due_at, lapses.at)
from (
  select tenant, instrument, min(valid_until) as at
  from bindings
  where status in ('active', 'suspended')
  group by 1, 2
) as lapses
where instruments.tenant = lapses.tenant
  and instruments.id = lapses.instrument
  and lapses.at is not null;

-- How many customers of a tenant have one card or account; counted anew here from the fingerprints that are known.
alter table instruments add column sharing jsonb;
update instruments
set sharing = jsonb_build_object('kind', identities.kind, 'value', identities.value)
from identities
where identities.instrument = instruments.id
  and identities.tenant = instruments.tenant
  and identities.value like 'ifp\_%';

create table sharings (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  holders integer not null,
  version integer not null,
  constraint sharings_pkey primary key (tenant, mode, kind, value)
);
insert into sharings (tenant, mode, kind, value, holders, version)
select tenant, mode, sharing ->> 'kind', sharing ->> 'value', count(*), 1
from instruments
where sharing is not null
  and status in ('pending', 'active', 'suspended', 'expired', 'blocked')
group by 1, 2, 3, 4;

create table sharing_limits (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customers_max integer not null,
  version integer not null,
  constraint sharing_limits_pkey primary key (tenant, mode),
  constraint sharing_limits_customers check (customers_max between 1 and 100)
);

create table portal_links (
  id text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  may jsonb not null,
  return_url text collate "C" not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  version integer not null,
  constraint portal_links_pkey primary key (id),
  constraint portal_links_owner foreign key (tenant, customer) references customers,
  constraint portal_links_life check (expires_at > created_at)
);
create index portal_links_customer on portal_links (customer, tenant);

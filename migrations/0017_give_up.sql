-- Giving up: who relies on an instrument, which one is the customer's default, what it may be used for, and how it is erased.

-- Facts and events are never changed, but by an erasure, which takes out what is personal.
alter table facts add column version integer not null default 1;
alter table instrument_facts add column version integer not null default 1;
alter table events add column version integer not null default 1;

alter table instruments add column policy jsonb not null default '{}';
alter table instruments add column allow_redisplay text collate "C" not null default 'unspecified';
alter table instruments add column preferred boolean not null default false;
alter table instruments alter column policy drop default, alter column allow_redisplay drop default, alter column preferred drop default;
alter table instruments
  add constraint instruments_redisplay check (allow_redisplay in ('always', 'limited', 'unspecified'));

-- `reuse`: how this customer's instruments may be used again. `erased_at`: when the erasure was asked for.
alter table customers add column reuse jsonb not null default '{}';
alter table customers add column erased_at timestamptz;
alter table customers alter column reuse drop default;

-- By what selects: an index that begins with the tenant looks as good as the primary key while statistics are young.
alter table customers
  drop constraint customers_reference,
  add constraint customers_reference unique (reference, mode, tenant);

-- News that was learned late is a fact by then, and is no longer kept beside it.
delete from inbox where status = 'done';
-- What is parked and nobody's is kept for a month.
update inbox set due_at = now() + interval '30 days', clock = null where status = 'parked' and binding is null;

create table dependents (
  tenant text collate "C" not null,
  id text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  reference text collate "C" not null,
  kind text collate "C" not null,
  title text,
  next_charge_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version integer not null,
  constraint dependents_pkey primary key (tenant, id),
  constraint dependents_reference unique (instrument, tenant, reference)
);

create table defaults (
  tenant text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C",
  because text collate "C" not null,
  updated_at timestamptz not null,
  version integer not null,
  constraint defaults_pkey primary key (tenant, customer),
  constraint defaults_because check (because in ('asked', 'next_best', 'none_left', 'no_succession'))
);

-- What a tenant says of all its customers.
create table successions (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  succession text collate "C" not null,
  version integer not null,
  constraint successions_pkey primary key (tenant, mode),
  constraint successions_known check (succession in ('next_best', 'none'))
);

create table erasures (
  tenant text collate "C" not null,
  subject text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  stage text collate "C" not null,
  told_to integer not null,
  looks integer not null,
  stuck boolean not null,
  orphans jsonb not null,
  hidden jsonb not null,
  cause text,
  tries integer not null,
  request text collate "C",
  created_at timestamptz not null,
  erased_at timestamptz,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint erasures_pkey primary key (tenant, subject),
  constraint erasures_stage check (stage in ('revoking', 'shredding', 'forgetting', 'erased'))
) with (fillfactor = 50);
create index erasures_due on erasures (due_at) where due_at is not null;

-- Which kept answers tell of an instrument or a customer.
create index idempotency_resource on idempotency (resource, tenant);

-- What was charged with an instrument, for its policy: by day and month, counted from here on and from what was reported before.
create table instrument_usage (
  instrument text collate "C" not null,
  period text collate "C" not null,
  currency text collate "C" not null,
  tenant text collate "C" not null,
  count integer not null,
  amount bigint not null,
  constraint instrument_usage_pkey primary key (instrument, period, currency, tenant)
);
insert into instrument_usage (instrument, period, currency, tenant, count, amount)
select instrument, p.period, currency, tenant, count(*), sum(amount)
from charge_reports as r
cross join lateral (
  values (to_char(r.charged_at at time zone 'UTC', 'YYYY-MM-DD')), (to_char(r.charged_at at time zone 'UTC', 'YYYY-MM'))
) as p (period)
where outcome = 'approved'
group by instrument, p.period, currency, tenant;

create index token_requests_instrument on token_requests (instrument, tenant);

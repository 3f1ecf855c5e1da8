-- What a payer agreed to, what was collected under it, and what was reported of charges made elsewhere.

alter table bindings add column mandate jsonb;
alter table bindings add column last_collected jsonb;
alter table bindings add column proven_by text collate "C";

-- Mandates that were made before: the rail stands in what was asked of the channel. Cards are none unless terms were agreed, and of those the
-- rail is India's where they are in rupees. Months of dormancy as the code has them when this is written.
update bindings as b
set mandate = jsonb_build_object(
  'rail', o.rail,
  'madeAt', floor(extract(epoch from b.created_at) * 1000)::bigint,
  'terms', o.terms,
  'dormantAfterMonths', case
    when b.channel = 'gocardless' then 13
    when o.rail = 'sepa_debit' then 36
    when o.rail = 'bacs' then 24
    when o.type = 'bank_account' then 13
  end,
  'toldByChannel', b.channel = 'gocardless',
  'former', '[]'::jsonb,
  'reinstatedAt', null
)
from (
  select
    binding,
    tenant,
    input -> 'source' ->> 'type' as type,
    coalesce(input -> 'terms', 'null'::jsonb) as terms,
    case
      when input -> 'source' ->> 'type' = 'bank_account' then input -> 'source' ->> 'scheme'
      when input -> 'source' ->> 'type' = 'instant_mandate' then input -> 'source' ->> 'rail'
      when input ? 'terms' and input -> 'source' ->> 'type' in ('card', 'encrypted_card', 'device_token')
        and input -> 'terms' ->> 'currency' = 'INR' then 'card_e_mandate'
      when input ? 'terms' then 'agreement'
    end as rail
  from operations
  where verb = 'bind'
) as o
where o.binding = b.id
  and o.tenant = b.tenant
  and o.rail is not null;

-- By which challenge the customer had proven to be its owner; bound without one, by none.
update bindings as b
set proven_by = (
  select f.news -> 'action' ->> 'type'
  from facts as f
  where f.binding = b.id
    and f.tenant = b.tenant
    and f.kind = 'challenged'
  order by f.standing -> 'place' desc, f.standing -> 'at' desc, f.seen_at desc
  limit 1
)
where exists (select from facts as f where f.binding = b.id and f.tenant = b.tenant and f.kind = 'bound');

-- Each is looked at once, and told when it is due.
update instruments as i
set due_at = now()
where i.status in ('active', 'suspended', 'blocked')
  and exists (select from bindings as b where b.instrument = i.id and b.tenant = i.tenant and b.mandate is not null);

create table charge_reports (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  outcome text collate "C" not null,
  code text collate "C",
  category text collate "C",
  network_transaction_id text collate "C",
  transaction_link_id text collate "C",
  charged_at timestamptz not null,
  reported_at timestamptz not null,
  constraint charge_reports_pkey primary key (tenant, mode, id),
  constraint charge_reports_outcome check ((outcome = 'approved' and category is null) or (outcome = 'declined' and category is not null))
);

-- By month and by what came of it: `approved`, or the category of a refusal.
create table charge_counts (
  binding text collate "C" not null,
  month text collate "C" not null,
  result text collate "C" not null,
  tenant text collate "C" not null,
  count integer not null,
  constraint charge_counts_pkey primary key (binding, month, result, tenant)
);

-- By the first day of a period of the terms, and `all`.
create table mandate_usage (
  binding text collate "C" not null,
  period text collate "C" not null,
  tenant text collate "C" not null,
  count integer not null,
  amount bigint not null,
  constraint mandate_usage_pkey primary key (binding, period, tenant)
);

create table pre_debit_notices (
  tenant text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  charge_on text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  charge_at timestamptz not null,
  told_at timestamptz not null,
  told_by text collate "C" not null,
  created_at timestamptz not null,
  constraint pre_debit_notices_pkey primary key (tenant, id),
  constraint pre_debit_notices_told_by check (told_by in ('tenant', 'channel'))
);
create index pre_debit_notices_day on pre_debit_notices (binding, charge_on, tenant);

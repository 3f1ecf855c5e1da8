-- What an instrument is by its own facts, when something falls due with it, and what each channel says it is.

alter table bindings add column shown jsonb;
alter table bindings add column reason text;
-- The number of the last notice that told this binding's status: what a later one may have to correct.
alter table bindings add column notified integer;

-- As the customer gave it, before any channel said what it is.
alter table instruments add column captured jsonb;
-- The fold of its own facts.
alter table instruments add column own jsonb;
alter table instruments add column reasons jsonb;
alter table instruments add column due_at timestamptz;
alter table instruments add column clock text collate "C";
update instruments set captured = display, own = '{}', reasons = '[]';
update bindings set notified = 0;
alter table instruments alter column captured set not null, alter column own set not null, alter column reasons set not null;
alter table bindings alter column notified set not null;
create index instruments_due on instruments (due_at) where due_at is not null;

create table instrument_facts (
  tenant text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  source text collate "C" not null,
  source_event text collate "C" not null,
  kind text collate "C" not null,
  news jsonb not null,
  standing jsonb not null,
  effective_at timestamptz not null,
  seen_at timestamptz not null,
  request text collate "C",
  constraint instrument_facts_pkey primary key (tenant, id),
  constraint instrument_facts_source_event unique (instrument, source_event, source, tenant)
);
create index instrument_facts_instrument on instrument_facts (instrument, tenant);

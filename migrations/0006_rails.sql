-- More than cards: what is bound stands in the operation as its source, a binding knows why it is where it is, and tenants route by rules.

alter table bindings add column route jsonb;

-- Operations that are still open when this runs carry the card as it was written before.
update operations
set input = (input - 'card') || jsonb_build_object('source', jsonb_build_object('type', 'card', 'card', input -> 'card'))
where input ? 'card';

-- What was told of a card is now what may be shown of any instrument: facts are folded again for years, and news may still wait.
update facts
set news = (news - 'card') || jsonb_build_object('shown', news -> 'card')
where news ? 'card';

update inbox
set told = jsonb_set(told, '{news}', ((told -> 'news') - 'card') || jsonb_build_object('shown', told -> 'news' -> 'card'))
where told -> 'news' ? 'card';

create table routing_rules (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  priority integer not null,
  condition jsonb not null,
  channels jsonb not null,
  bind_on text collate "C" not null,
  created_at timestamptz not null,
  version integer not null,
  constraint routing_rules_pkey primary key (tenant, id),
  constraint routing_rules_priority unique (tenant, mode, priority),
  constraint routing_rules_bind_on check (bind_on in ('first', 'all'))
);

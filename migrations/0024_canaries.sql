-- What nobody has a reason to use: whoever does has found what they should not have. `state` is always `on`: by it all are found at once.
create table canaries (
  state text collate "C" not null,
  tenant text collate "C" not null,
  subject text collate "C" not null,
  mode text collate "C" not null,
  kind text collate "C" not null,
  note text not null,
  set_by text collate "C" not null,
  set_at timestamptz not null,
  version integer not null,
  constraint canaries_pkey primary key (state, tenant, subject),
  constraint canaries_state check (state = 'on'),
  constraint canaries_kind check (kind in ('instrument', 'key'))
);

-- Each use that raised the alarm. `used_by` is the key, where it is the same tenant's.
create table canary_uses (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  subject text collate "C" not null,
  act text collate "C" not null,
  used_by text collate "C",
  request text collate "C" not null,
  used_at timestamptz not null,
  constraint canary_uses_pkey primary key (tenant, id)
);
create index canary_uses_subject on canary_uses (subject, tenant);

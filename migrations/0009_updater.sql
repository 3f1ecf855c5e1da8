-- Cards are kept up to date: at account updaters, and from one channel to the others.

-- How many numbers of versions were given out to captures and updates of an instrument.
alter table instruments add column versions integer;
update instruments set versions = greatest(
  card_version,
  (select count(*) from bindings where bindings.tenant = instruments.tenant and bindings.instrument = instruments.id)
);
alter table instruments alter column versions set not null;

-- The newest end of its card that a binding was asked to take over, and the binding whose place it takes.
alter table bindings add column asked_expiry jsonb, add column replaces text collate "C";

create table updater_runs (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  updater text collate "C" not null,
  kind text collate "C" not null,
  status text collate "C" not null,
  lines integer not null,
  told integer not null,
  inquiries text collate "C",
  results text collate "C",
  cause text collate "C",
  tries integer not null,
  request text collate "C",
  created_at timestamptz not null,
  updated_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint updater_runs_pkey primary key (tenant, id),
  constraint updater_runs_status check (status in ('writing', 'open', 'asking', 'telling', 'done', 'failed'))
);
create index updater_runs_due on updater_runs (due_at) where due_at is not null;

create table updater_lines (
  tenant text collate "C" not null,
  run text collate "C" not null,
  line integer not null,
  instrument text collate "C" not null,
  card_version integer not null,
  about jsonb,
  next_version integer,
  advice text collate "C",
  told_at timestamptz,
  version integer not null,
  constraint updater_lines_pkey primary key (run, tenant, line)
);
create index updater_lines_instrument on updater_lines (instrument, tenant);

create table update_schedules (
  tenant text collate "C" not null,
  instrument text collate "C" not null,
  mode text collate "C" not null,
  policy text collate "C",
  days_min integer,
  asked_at timestamptz,
  inquiries integer not null,
  queue text collate "C",
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint update_schedules_pkey primary key (tenant, instrument)
);
create index update_schedules_queue on update_schedules (queue);
create index update_schedules_due on update_schedules (due_at) where due_at is not null;

create table updater_counts (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  updater text collate "C" not null,
  month text collate "C" not null,
  what text collate "C" not null,
  number integer not null,
  version integer not null,
  constraint updater_counts_pkey primary key (tenant, mode, updater, month, what)
);

-- Two instruments of one customer that are one, until they are merged.
create table twins (
  tenant text collate "C" not null,
  later text collate "C" not null,
  older text collate "C" not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint twins_pkey primary key (tenant, later, older)
);
create index twins_due on twins (due_at) where due_at is not null;

-- What was asked of a card network about a token, and whose its tokens are.
create table token_requests (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  instrument text collate "C" not null,
  verb text collate "C" not null,
  status text collate "C" not null,
  card_version integer not null,
  reference text collate "C",
  tries integer not null,
  cause text collate "C",
  request text collate "C",
  created_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint token_requests_pkey primary key (id),
  constraint token_requests_status check (status in ('open', 'settled', 'parked'))
);
create index token_requests_due on token_requests (due_at) where due_at is not null;

create table network_tokens (
  mode text collate "C" not null,
  reference text collate "C" not null,
  tenant text collate "C" not null,
  instrument text collate "C" not null,
  created_at timestamptz not null,
  version integer not null,
  constraint network_tokens_pkey primary key (reference, mode)
);

-- Moving in and out: imports by parts, what became of each row, and signed exports.

create table imports (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  status text collate "C" not null,
  format text collate "C" not null,
  encoding text collate "C" not null,
  mapping jsonb not null,
  columns jsonb,
  channel text collate "C",
  source_name text not null,
  dry_run boolean not null,
  notices text collate "C" not null,
  parts integer not null,
  rows integer not null,
  lines integer not null,
  whole boolean not null,
  part integer not null,
  place integer not null,
  reports integer not null,
  tally jsonb not null,
  tries integer not null,
  cause text,
  created_at timestamptz not null,
  started_at timestamptz,
  updated_at timestamptz not null,
  finished_at timestamptz,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint imports_pkey primary key (tenant, id),
  constraint imports_status check (status in ('open', 'running', 'done', 'parked')),
  constraint imports_due_said check ((due_at is not null) = (status = 'running'))
) with (fillfactor = 50);
create index imports_due on imports (due_at) where due_at is not null;

create table import_parts (
  import text collate "C" not null,
  number integer not null,
  tenant text collate "C" not null,
  digest text collate "C" not null,
  rows integer not null,
  content bytea,
  version integer not null,
  constraint import_parts_pkey primary key (import, number, tenant)
);
-- Compressed already.
alter table import_parts alter column content set storage external;

create table import_reports (
  import text collate "C" not null,
  number integer not null,
  tenant text collate "C" not null,
  rows integer not null,
  content bytea not null,
  constraint import_reports_pkey primary key (import, number, tenant)
);
alter table import_reports alter column content set storage external;

create table import_marks (
  import text collate "C" not null,
  name text collate "C" not null,
  tenant text collate "C" not null,
  customer text not null,
  version integer not null,
  constraint import_marks_pkey primary key (import, name, tenant)
);

create table exports (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  status text collate "C" not null,
  format text collate "C" not null,
  attempt integer not null,
  parts integer not null,
  rows integer not null,
  manifest text,
  signature text collate "C",
  cause text,
  created_at timestamptz not null,
  finished_at timestamptz,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint exports_pkey primary key (tenant, id),
  constraint exports_status check (status in ('running', 'done', 'parked')),
  constraint exports_due_said check ((due_at is not null) = (status = 'running'))
);
create index exports_due on exports (due_at) where due_at is not null;

create table export_parts (
  export text collate "C" not null,
  attempt integer not null,
  number integer not null,
  tenant text collate "C" not null,
  rows integer not null,
  sha256 text collate "C" not null,
  bytes integer not null,
  content bytea not null,
  version integer not null,
  constraint export_parts_pkey primary key (export, attempt, number, tenant)
);
alter table export_parts alter column content set storage external;

-- Its first column must tell customers apart: with the tenant first it looks as good as the primary key while the table has no statistics, and
-- each instrument's check of its owner then reads all customers of the tenant.
alter table customers drop constraint customers_reference;
alter table customers add constraint customers_reference unique (reference, mode, tenant);

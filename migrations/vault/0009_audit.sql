-- What the vault did with what is sealed. An entry rides in the commit of what it tells of; within a second it is put into one chain, where each
-- row's hash contains that of the row before, and the chain's end is signed as a checkpoint.
create table audit_entries (
  node text collate "C" not null,
  n integer not null,
  at timestamptz not null,
  act text collate "C" not null,
  tenant text collate "C" not null,
  subject text collate "C" not null,
  purpose text collate "C" not null,
  operation text collate "C" not null,
  detail text collate "C" not null,
  mac bytea not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint audit_entries_pkey primary key (node, n),
  constraint audit_entries_mac_length check (octet_length(mac) = 32)
);
create index audit_entries_due on audit_entries (due_at) where due_at is not null;

create table audit_log (
  seq integer not null,
  node text collate "C" not null,
  n integer not null,
  at timestamptz not null,
  act text collate "C" not null,
  tenant text collate "C" not null,
  subject text collate "C" not null,
  purpose text collate "C" not null,
  operation text collate "C" not null,
  detail text collate "C" not null,
  hash bytea not null,
  constraint audit_log_pkey primary key (seq),
  constraint audit_log_entry unique (n, node),
  constraint audit_log_seq_range check (seq >= 0),
  constraint audit_log_hash_length check (octet_length(hash) = 32)
);

create table audit_heads (
  log text collate "C" not null,
  size integer not null,
  hash bytea not null,
  frontier jsonb not null,
  version integer not null,
  constraint audit_heads_pkey primary key (log),
  constraint audit_heads_log_known check (log = 'vault'),
  constraint audit_heads_size_range check (size >= 0)
) with (fillfactor = 50);

create table audit_checkpoints (
  size integer not null,
  note text collate "C" not null,
  at timestamptz not null,
  constraint audit_checkpoints_pkey primary key (size),
  constraint audit_checkpoints_size_positive check (size > 0)
);

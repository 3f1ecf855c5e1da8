-- The vault's own tables. Only the role bindery_vault reads or writes this schema; the API, the worker and the lists do not.

-- Keys that wrap keys, and fingerprint keys. Scope '*': the purpose's own key, wrapped by the root key, which is not in any database.
create table keys (
  purpose text not null,
  scope text not null,
  key_version integer not null,
  id bytea not null,
  wrapped bytea not null,
  kcv bytea not null,
  created_at timestamptz not null,
  constraint keys_pkey primary key (purpose, scope, key_version),
  constraint keys_purpose_known check (purpose in ('pan', 'secret', 'pii', 'fp')),
  constraint keys_version_positive check (key_version > 0),
  constraint keys_id_length check (octet_length(id) = 16),
  constraint keys_wrapped_length check (octet_length(wrapped) = 60),
  constraint keys_kcv_length check (octet_length(kcv) = 8)
);

-- One data key per owner and version. Deleting a row shreds what it opens, wherever copies of the envelope lie.
create table deks (
  tenant text not null,
  owner text not null,
  owner_version integer not null,
  id bytea not null,
  purpose text not null,
  key_version integer not null,
  wrapped bytea not null,
  created_at timestamptz not null,
  version integer not null default 1,
  constraint deks_pkey primary key (tenant, owner, owner_version),
  constraint deks_id_length check (octet_length(id) = 16),
  constraint deks_wrapped_length check (octet_length(wrapped) = 60)
);

-- Sealed cards. BIN and last four stand beside a keyed fingerprint, whose key is not in the database (PCI SSC FAQ 1308).
create table records (
  tenant text not null,
  mode text not null,
  instrument text not null,
  instrument_version integer not null,
  field text not null,
  envelope bytea not null,
  operation text not null,
  reference text not null,
  network_fingerprint bytea not null,
  fingerprint text not null,
  brand text not null,
  bin text not null,
  last4 text not null,
  expiry_month integer not null,
  expiry_year integer not null,
  holder boolean not null,
  adopted_at timestamptz not null,
  due_at timestamptz,
  clock text,
  version integer not null default 1,
  constraint records_pkey primary key (tenant, instrument, instrument_version, field),
  constraint records_reference unique (reference, tenant),
  constraint records_mode_known check (mode in ('test', 'live')),
  constraint records_last4_digits check (last4 ~ '^[0-9]{4}$'),
  constraint records_bin_digits check (bin ~ '^[0-9]{6}([0-9]{2})?$'),
  constraint records_expiry_month_range check (expiry_month between 1 and 12),
  constraint records_envelope_length check (octet_length(envelope) >= 138)
);

create index records_network_fingerprint on records (network_fingerprint);

-- What `due` asks: cards that nobody has confirmed yet.
create index records_due on records (due_at) where due_at is not null;

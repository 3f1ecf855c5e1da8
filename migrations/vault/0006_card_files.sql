-- Card data from another vault and for one: a key for each transfer, and what each release of card numbers was allowed for.

create table card_files (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  certificate text not null,
  key_id bytea not null,
  key_version integer not null,
  wrapped bytea not null,
  sender text not null,
  parts integer not null,
  cards integer not null,
  complete boolean not null,
  digest text collate "C",
  created_at timestamptz not null,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint card_files_pkey primary key (tenant, id),
  constraint card_files_mode_known check (mode in ('test', 'live')),
  constraint card_files_key_length check (octet_length(key_id) = 16),
  constraint card_files_wrapped_length check (octet_length(wrapped) = 60),
  constraint card_files_counts check (parts >= 0 and cards >= 0)
);
create index card_files_due on card_files (due_at) where due_at is not null;

-- Under which files of ours are signed: one for each tenant.
create table sender_keys (
  tenant text collate "C" not null,
  certificate text not null,
  key_id bytea not null,
  key_version integer not null,
  wrapped bytea not null,
  created_at timestamptz not null,
  constraint sender_keys_pkey primary key (tenant),
  constraint sender_keys_key_length check (octet_length(key_id) = 16),
  constraint sender_keys_wrapped_length check (octet_length(wrapped) = 60)
);

-- Made by an operator of the vault, never by the API: so many cards of one tenant, for one certificate, once.
create table release_grants (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  certificate text collate "C" not null,
  cards_max integer not null,
  cards integer not null,
  part integer not null,
  asked text collate "C",
  closed boolean not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  version integer not null,
  constraint release_grants_pkey primary key (tenant, id),
  constraint release_grants_mode_known check (mode in ('test', 'live')),
  constraint release_grants_certificate_digest check (certificate ~ '^[0-9a-f]{64}$'),
  constraint release_grants_bounded check (cards_max between 1 and 10000000 and cards between 0 and cards_max)
);

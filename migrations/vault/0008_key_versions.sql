-- Keys have versions that come and go: added, confirmed by every process of the vault, current, retired, destroyed (no row). What there is
-- already is the current version of its key, wrapped by version 1 of its purpose's key or, where that is the purpose's own, by the root.
alter table keys
  add column status text collate "C" not null default 'current',
  add column parent_version integer not null default 1,
  add column root text collate "C",
  add column wraps integer not null default 0,
  add column promoted_at timestamptz,
  add column retired_at timestamptz,
  add column due_at timestamptz,
  add column clock text collate "C",
  add column version integer not null default 1,
  drop constraint keys_purpose_known,
  drop constraint keys_wrapped_length,
  add constraint keys_purpose_known check (purpose in ('pan', 'bank', 'secret', 'pii', 'fp', 'audit')),
  add constraint keys_status_known check (status in ('added', 'current', 'retired')),
  -- 2³⁰: a quarter of what NIST SP 800-38D allows one AES-GCM key with random initialisation vectors.
  add constraint keys_wraps_range check (wraps between 0 and 1073741824),
  add constraint keys_wrapped_length check (
    case when scope = '*' then octet_length(wrapped) between 60 and 2048 else octet_length(wrapped) = 60 end
  );

-- How often a key has wrapped so far is counted from what it wrapped, rounded up and with a block for what was removed since.
update keys set
  parent_version = case when scope = '*' then 0 else 1 end,
  promoted_at = created_at,
  due_at = case
    when scope = '*' then created_at + interval '365 days'
    when purpose in ('pan', 'secret', 'pii') then created_at + interval '90 days'
  end,
  wraps = least(1073741824, 10000 + 10000 * ceil((
    select count(*) from deks where deks.purpose = keys.purpose and deks.tenant = keys.scope
  ) / 10000.0));

alter table keys
  alter column status drop default,
  alter column parent_version drop default,
  alter column wraps drop default,
  add constraint keys_parent_fits check (case when scope = '*' then parent_version = 0 else parent_version > 0 and root is null end);

create index keys_parent on keys (parent_version, purpose);
create index keys_status on keys (status);
create index keys_due on keys (due_at) where due_at is not null;

-- Which data keys a version of a tenant's key still wraps: what is wrapped anew, and none before a version is destroyed.
create index deks_wrapped_by on deks (key_version, purpose, tenant);

-- Processes of the vault that run, by their own word.
create table nodes (
  role text collate "C" not null,
  id text collate "C" not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  version integer not null,
  constraint nodes_pkey primary key (role, id),
  constraint nodes_role_known check (role = 'vault')
) with (fillfactor = 50);

-- Which of them have opened which key that was added.
create table confirmations (
  purpose text collate "C" not null,
  scope text collate "C" not null,
  key_version integer not null,
  node text collate "C" not null,
  at timestamptz not null,
  version integer not null,
  constraint confirmations_pkey primary key (purpose, scope, key_version, node)
);

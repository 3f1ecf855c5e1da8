-- Who may call (tenants, api_keys) and what was answered already (idempotency).

create table tenants (
  id text not null,
  name text not null,
  created_at timestamptz not null,
  version integer not null,
  constraint tenants_pkey primary key (id),
  constraint tenants_name check (length(name) between 1 and 200)
);

-- The key itself is never kept: `hash` is the SHA-256 of it in hexadecimal. A key carries 165 random bits, so no salt is needed.
create table api_keys (
  id text not null,
  tenant text not null,
  mode text not null,
  kind text not null,
  hash text not null,
  hint text not null,
  created_at timestamptz not null,
  revoked_at timestamptz,
  version integer not null,
  constraint api_keys_pkey primary key (id),
  constraint api_keys_hash unique (hash),
  constraint api_keys_tenant_fkey foreign key (tenant) references tenants (id),
  constraint api_keys_mode check (mode in ('test', 'live')),
  constraint api_keys_kind check (kind in ('secret', 'publishable')),
  constraint api_keys_hash_form check (length(hash) = 64)
);
create index api_keys_by_tenant on api_keys (tenant, id);

-- Pages are left mostly empty: every row grows to four times its size when its answer comes, and then stays where it is.
-- One row per Idempotency-Key. `due_at` is when the row may be deleted; `lease_until` when a running request counts as dead.
create table idempotency (
  tenant text not null,
  mode text not null,
  key text not null,
  endpoint text not null,
  hash text not null,
  state text not null,
  request text not null,
  resource text,
  status integer,
  headers jsonb,
  body text,
  created_at timestamptz not null,
  lease_until timestamptz not null,
  due_at timestamptz,
  clock text,
  version integer not null,
  constraint idempotency_pkey primary key (tenant, mode, key),
  constraint idempotency_mode check (mode in ('test', 'live')),
  constraint idempotency_state check (state in ('running', 'done')),
  constraint idempotency_done check ((state = 'done') = (status is not null and body is not null)),
  constraint idempotency_status check (status between 100 and 499)
) with (fillfactor = 25);
create index idempotency_due on idempotency (due_at) where due_at is not null;

-- What must never be found in these tables is asked again and again, a page at a time: how far each question has come, and what it found.
create table invariant_checks (
  name text collate "C" not null,
  round integer not null,
  cursor jsonb,
  looked bigint not null,
  found bigint not null,
  began_at timestamptz not null,
  last_looked bigint,
  last_found bigint,
  last_ended_at timestamptz,
  cause text,
  due_at timestamptz,
  clock text collate "C",
  version integer not null,
  constraint invariant_checks_pkey primary key (name)
) with (fillfactor = 50);
create index invariant_checks_due on invariant_checks (due_at) where due_at is not null;

create table invariant_findings (
  tenant text collate "C" not null,
  invariant text collate "C" not null,
  subject text collate "C" not null,
  mode text collate "C" not null,
  shown jsonb not null,
  round integer not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  version integer not null,
  constraint invariant_findings_pkey primary key (subject, invariant, tenant)
);

-- A transfer is never changed and never removed, by whoever is connected. Row by row: where none is touched it costs nothing.
create function transfers_never() returns trigger language plpgsql as $$
begin
  raise exception 'a transfer is never changed or removed: % of % %', lower(tg_op), old.tenant, old.id using errcode = 'restrict_violation';
end
$$;
create trigger transfers_never_change before update on transfers for each row execute function transfers_never();
create trigger transfers_never_vanish before delete on transfers for each row execute function transfers_never();

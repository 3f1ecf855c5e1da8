/** The rows of a bind, as near to the product's as the measurement of the store alone needs. */
import { big, int, json, maybe, table, text, time } from '../src/world/table.ts'

export const idempotency = table(
  'bench_idempotency',
  { tenant: text(), key: text(), hash: text(), answer: maybe(json<unknown>()), created_at: time(), version: int() },
  { key: ['tenant', 'key'] },
)
export const instruments = table(
  'bench_instruments',
  {
    tenant: text(),
    id: text(),
    customer: text(),
    kind: text(),
    status: text(),
    sealed: text(),
    data: json<unknown>(),
    created_at: time(),
    version: int(),
  },
  { key: ['id'], indexes: { bench_instruments_customer: ['customer'] } },
)
export const bindings = table(
  'bench_bindings',
  {
    tenant: text(),
    id: text(),
    instrument: text(),
    channel: text(),
    status: text(),
    token: maybe(text()),
    data: json<unknown>(),
    due_at: maybe(time()),
    clock: maybe(text()),
    created_at: time(),
    version: int(),
  },
  { key: ['id'], unique: { bench_bindings_token: ['channel', 'token'] }, indexes: { bench_bindings_instrument: ['instrument'] } },
)
export const operations = table(
  'bench_operations',
  {
    id: text(),
    binding: text(),
    verb: text(),
    channel_key: text(),
    status: text(),
    due_at: maybe(time()),
    clock: maybe(text()),
    created_at: time(),
    version: int(),
  },
  { key: ['id'], indexes: { bench_operations_binding: ['binding'] } },
)
export const facts = table(
  'bench_facts',
  { source: text(), event: text(), binding: text(), kind: text(), data: json<unknown>(), seen_at: time() },
  { key: ['source', 'event'], indexes: { bench_facts_binding: ['binding'] } },
)
export const identities = table(
  'bench_identities',
  { tenant: text(), customer: text(), kind: text(), value: text(), instrument: text() },
  { key: ['tenant', 'customer', 'kind', 'value'] },
)
export const events = table(
  'bench_events',
  { id: text(), tenant: text(), subject: text(), type: text(), sequence: big(), data: json<unknown>(), created_at: time() },
  { key: ['id'] },
)
export const benchTables = [idempotency, instruments, bindings, operations, facts, identities, events] as const

export const benchSql = `
drop table if exists bench_idempotency, bench_instruments, bench_bindings, bench_operations, bench_facts, bench_identities, bench_events;
create table bench_idempotency (tenant text not null, key text not null, hash text not null, answer jsonb, created_at timestamptz not null,
  version integer not null, constraint bench_idempotency_pkey primary key (tenant, key));
create table bench_instruments (tenant text not null, id text not null, customer text not null, kind text not null, status text not null,
  sealed text not null, data jsonb not null, created_at timestamptz not null, version integer not null,
  constraint bench_instruments_pkey primary key (id));
create index bench_instruments_customer on bench_instruments (customer);
create table bench_bindings (tenant text not null, id text not null, instrument text not null, channel text not null, status text not null,
  token text, data jsonb not null, due_at timestamptz, clock text, created_at timestamptz not null, version integer not null,
  constraint bench_bindings_pkey primary key (id), constraint bench_bindings_token unique (channel, token));
create index bench_bindings_instrument on bench_bindings (instrument);
create index bench_bindings_due on bench_bindings (due_at) where due_at is not null;
create table bench_operations (id text not null, binding text not null, verb text not null, channel_key text not null, status text not null,
  due_at timestamptz, clock text, created_at timestamptz not null, version integer not null,
  constraint bench_operations_pkey primary key (id));
create index bench_operations_binding on bench_operations (binding);
create index bench_operations_due on bench_operations (due_at) where due_at is not null;
create table bench_facts (source text not null, event text not null, binding text not null, kind text not null, data jsonb not null,
  seen_at timestamptz not null, constraint bench_facts_pkey primary key (source, event));
create index bench_facts_binding on bench_facts (binding);
create table bench_identities (tenant text not null, customer text not null, kind text not null, value text not null, instrument text not null,
  constraint bench_identities_pkey primary key (tenant, customer, kind, value));
create table bench_events (id text not null, tenant text not null, subject text not null, type text not null, sequence bigint not null,
  data jsonb not null, created_at timestamptz not null, constraint bench_events_pkey primary key (id));
`

-- What the migrations add up to. Written by `npm run schema`; do not edit.

create table bindery.accounts (
  tenant text collate "C" not null,
  id text collate "C" not null,
  currency text collate "C" not null,
  debits_posted bigint not null,
  credits_posted bigint not null,
  limit_debits boolean not null,
  limit_credits boolean not null,
  version integer not null,
  constraint accounts_pkey PRIMARY KEY (tenant, id),
  constraint accounts_credits_limit CHECK (((NOT limit_credits) OR (credits_posted <= debits_posted))),
  constraint accounts_debits_limit CHECK (((NOT limit_debits) OR (debits_posted <= credits_posted))),
  constraint accounts_posted_positive CHECK (((debits_posted >= 0) AND (credits_posted >= 0)))
);
alter table bindery.accounts enable row level security;
create policy own_tenant on bindery.accounts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.accounts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.accounts as permissive for select to bindery_watcher using (true);

create table bindery.api_keys (
  id text not null,
  tenant text not null,
  mode text not null,
  kind text not null,
  hash text not null,
  hint text not null,
  created_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  version integer not null,
  role text collate "C" not null,
  person text collate "C",
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_hash UNIQUE (hash),
  constraint api_keys_hash_form CHECK ((length(hash) = 64)),
  constraint api_keys_kind CHECK ((kind = ANY (ARRAY['secret'::text, 'publishable'::text]))),
  constraint api_keys_mode CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint api_keys_person CHECK (((length(person) >= 1) AND (length(person) <= 200))),
  constraint api_keys_role CHECK (((role = ANY (ARRAY['owner'::text, 'operator'::text, 'developer'::text, 'application'::text, 'support'::text, 'auditor'::text, 'browser'::text])) AND ((role = 'browser'::text) = (kind = 'publishable'::text)))),
  constraint api_keys_tenant_fkey FOREIGN KEY (tenant) REFERENCES bindery.tenants(id)
);
CREATE INDEX api_keys_by_tenant ON bindery.api_keys USING btree (tenant, id);
alter table bindery.api_keys enable row level security;
create policy own_tenant on bindery.api_keys as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.api_keys as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.api_keys as permissive for select to bindery_watcher using (true);

create table bindery.approvals (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  act text collate "C" not null,
  method text collate "C" not null,
  url text not null,
  body jsonb,
  hash text collate "C" not null,
  status text collate "C" not null,
  asked_by text collate "C" not null,
  asked_key text collate "C" not null,
  decided_by text collate "C",
  decided_key text collate "C",
  created_at timestamp with time zone not null,
  decided_at timestamp with time zone,
  used_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  version integer not null,
  constraint approvals_pkey PRIMARY KEY (tenant, id),
  constraint approvals_decided CHECK (((status = 'lapsed'::text) OR ((status = 'asked'::text) = (decided_by IS NULL)))),
  constraint approvals_decided_whole CHECK ((((decided_by IS NULL) = (decided_at IS NULL)) AND ((decided_by IS NULL) = (decided_key IS NULL)))),
  constraint approvals_mode CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint approvals_status CHECK ((status = ANY (ARRAY['asked'::text, 'approved'::text, 'denied'::text, 'used'::text, 'lapsed'::text]))),
  constraint approvals_two_persons CHECK (((decided_by <> asked_by) AND (decided_key <> asked_key))),
  constraint approvals_used CHECK (((status = 'used'::text) = (used_at IS NOT NULL)))
);
CREATE INDEX approvals_waiting ON bindery.approvals USING btree (asked_by, tenant, status);
alter table bindery.approvals enable row level security;
create policy own_tenant on bindery.approvals as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.approvals as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.approvals as permissive for select to bindery_watcher using (true);

create table bindery.binding_sessions (
  id text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  status text collate "C" not null,
  secret_hash text collate "C" not null,
  kinds jsonb,
  channels jsonb,
  origins jsonb not null,
  return_url text collate "C" not null,
  consent_text text collate "C",
  terms jsonb,
  replaces text collate "C",
  instrument text collate "C",
  submitted text collate "C",
  submitted_at timestamp with time zone,
  submissions integer not null,
  grants integer not null,
  refused integer not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint binding_sessions_pkey PRIMARY KEY (id),
  constraint binding_sessions_status CHECK ((status = ANY (ARRAY['open'::text, 'submitted'::text, 'challenge'::text, 'complete'::text, 'failed'::text, 'expired'::text, 'cancelled'::text]))),
  constraint binding_sessions_submissions CHECK (((submissions >= 0) AND (submissions <= 5))),
  constraint binding_sessions_owner FOREIGN KEY (tenant, customer) REFERENCES bindery.customers(tenant, id)
);
CREATE INDEX binding_sessions_customer ON bindery.binding_sessions USING btree (customer, tenant);
CREATE INDEX binding_sessions_due ON bindery.binding_sessions USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.binding_sessions enable row level security;
create policy own_tenant on bindery.binding_sessions as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.binding_sessions as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.binding_sessions as permissive for select to bindery_watcher using (true);

create table bindery.bindings (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  channel text collate "C" not null,
  status text collate "C" not null,
  slot text collate "C",
  token text collate "C",
  names jsonb not null,
  action jsonb,
  refusal jsonb,
  network_transaction_id text,
  transaction_link_id text,
  consent jsonb,
  client jsonb,
  return_url text,
  operations integer not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  version integer not null,
  route jsonb,
  shown jsonb,
  reason text,
  notified integer not null,
  asked_expiry jsonb,
  replaces text collate "C",
  mandate jsonb,
  last_collected jsonb,
  proven_by text collate "C",
  valid_until timestamp with time zone,
  constraint bindings_pkey PRIMARY KEY (tenant, id),
  constraint bindings_slot UNIQUE (slot, tenant),
  constraint bindings_slot_held CHECK (((slot IS NULL) = (status = ANY (ARRAY['revoking'::text, 'revoked'::text, 'expired'::text, 'failed'::text])))),
  constraint bindings_status CHECK ((status = ANY (ARRAY['initiated'::text, 'challenge'::text, 'verifying'::text, 'uncertain'::text, 'active'::text, 'suspended'::text, 'revoking'::text, 'revoked'::text, 'expired'::text, 'failed'::text]))),
  constraint bindings_of FOREIGN KEY (tenant, instrument) REFERENCES bindery.instruments(tenant, id)
) with (fillfactor=50);
CREATE INDEX bindings_instrument ON bindery.bindings USING btree (instrument, tenant);
CREATE INDEX bindings_swept ON bindery.bindings USING btree (channel, tenant, mode, customer) WHERE ((status = ANY (ARRAY['active'::text, 'suspended'::text])) OR (reason = 'not_listed'::text));
alter table bindery.bindings enable row level security;
create policy own_tenant on bindery.bindings as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.bindings as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.bindings as permissive for select to bindery_watcher using (true);

create table bindery.canaries (
  state text collate "C" not null,
  tenant text collate "C" not null,
  subject text collate "C" not null,
  mode text collate "C" not null,
  kind text collate "C" not null,
  note text not null,
  set_by text collate "C" not null,
  set_at timestamp with time zone not null,
  version integer not null,
  constraint canaries_pkey PRIMARY KEY (state, tenant, subject),
  constraint canaries_kind CHECK ((kind = ANY (ARRAY['instrument'::text, 'key'::text]))),
  constraint canaries_state CHECK ((state = 'on'::text))
);
alter table bindery.canaries enable row level security;
create policy own_tenant on bindery.canaries as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.canaries as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.canaries as permissive for select to bindery_watcher using (true);

create table bindery.canary_uses (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  subject text collate "C" not null,
  act text collate "C" not null,
  used_by text collate "C",
  request text collate "C" not null,
  used_at timestamp with time zone not null,
  constraint canary_uses_pkey PRIMARY KEY (tenant, id)
);
CREATE INDEX canary_uses_subject ON bindery.canary_uses USING btree (subject, tenant);
alter table bindery.canary_uses enable row level security;
create policy own_tenant on bindery.canary_uses as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.canary_uses as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.canary_uses as permissive for select to bindery_watcher using (true);

create table bindery.channel_names (
  channel text collate "C" not null,
  mode text collate "C" not null,
  name text collate "C" not null,
  tenant text collate "C" not null,
  binding text collate "C" not null,
  version integer not null,
  constraint channel_names_pkey PRIMARY KEY (channel, mode, name)
);
alter table bindery.channel_names enable row level security;
create policy own_tenant on bindery.channel_names as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.channel_names as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.channel_names as permissive for select to bindery_watcher using (true);

create table bindery.charge_counts (
  binding text collate "C" not null,
  month text collate "C" not null,
  result text collate "C" not null,
  tenant text collate "C" not null,
  count integer not null,
  constraint charge_counts_pkey PRIMARY KEY (binding, month, result, tenant)
);
alter table bindery.charge_counts enable row level security;
create policy own_tenant on bindery.charge_counts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.charge_counts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.charge_counts as permissive for select to bindery_watcher using (true);

create table bindery.charge_reports (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  outcome text collate "C" not null,
  code text collate "C",
  category text collate "C",
  network_transaction_id text collate "C",
  transaction_link_id text collate "C",
  charged_at timestamp with time zone not null,
  reported_at timestamp with time zone not null,
  constraint charge_reports_pkey PRIMARY KEY (tenant, mode, id),
  constraint charge_reports_outcome CHECK ((((outcome = 'approved'::text) AND (category IS NULL)) OR ((outcome = 'declined'::text) AND (category IS NOT NULL))))
);
alter table bindery.charge_reports enable row level security;
create policy own_tenant on bindery.charge_reports as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.charge_reports as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.charge_reports as permissive for select to bindery_watcher using (true);

create table bindery.clocks (
  tenant text collate "C" not null,
  id text collate "C" not null,
  now_at timestamp with time zone not null,
  created_at timestamp with time zone not null,
  version integer not null,
  held_until timestamp with time zone,
  constraint clocks_pkey PRIMARY KEY (tenant, id)
);
alter table bindery.clocks enable row level security;
create policy own_tenant on bindery.clocks as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.clocks as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.clocks as permissive for select to bindery_watcher using (true);

create table bindery.cursors (
  tenant text not null,
  endpoint text not null,
  xid bigint not null,
  "position" bigint not null,
  moved_at timestamp with time zone not null,
  version integer not null,
  constraint cursors_pkey PRIMARY KEY (tenant, endpoint)
);
alter table bindery.cursors enable row level security;
create policy own_tenant on bindery.cursors as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.cursors as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.cursors as permissive for select to bindery_watcher using (true);

create table bindery.customers (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  reference text,
  clock text collate "C",
  channel_customers jsonb not null,
  metadata jsonb not null,
  created_at timestamp with time zone not null,
  version integer not null,
  "position" bigint not null generated always as identity,
  reuse jsonb not null,
  erased_at timestamp with time zone,
  constraint customers_pkey PRIMARY KEY (tenant, id),
  constraint customers_reference UNIQUE (reference, mode, tenant),
  constraint customers_clock FOREIGN KEY (tenant, clock) REFERENCES bindery.clocks(tenant, id)
);
CREATE INDEX customers_position ON bindery.customers USING btree (mode, tenant, "position");
alter table bindery.customers enable row level security;
create policy own_tenant on bindery.customers as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.customers as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.customers as permissive for select to bindery_watcher using (true);

create table bindery.deaths (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  channel text collate "C" not null,
  status text collate "C" not null,
  tried jsonb not null,
  cause text collate "C",
  created_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint deaths_pkey PRIMARY KEY (tenant, id),
  constraint deaths_due_said CHECK (((due_at IS NULL) = (status = ANY (ARRAY['healed'::text, 'asked'::text, 'over'::text])))),
  constraint deaths_status CHECK ((status = ANY (ARRAY['due'::text, 'trying'::text, 'healed'::text, 'asked'::text, 'over'::text])))
);
CREATE INDEX deaths_clock ON bindery.deaths USING btree (clock, due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NOT NULL));
CREATE INDEX deaths_due ON bindery.deaths USING btree (due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NULL));
CREATE INDEX deaths_instrument ON bindery.deaths USING btree (instrument, tenant);
alter table bindery.deaths enable row level security;
create policy own_tenant on bindery.deaths as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.deaths as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.deaths as permissive for select to bindery_watcher using (true);

create table bindery.defaults (
  tenant text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C",
  because text collate "C" not null,
  updated_at timestamp with time zone not null,
  version integer not null,
  constraint defaults_pkey PRIMARY KEY (tenant, customer),
  constraint defaults_because CHECK ((because = ANY (ARRAY['asked'::text, 'next_best'::text, 'none_left'::text, 'no_succession'::text])))
);
alter table bindery.defaults enable row level security;
create policy own_tenant on bindery.defaults as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.defaults as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.defaults as permissive for select to bindery_watcher using (true);

create table bindery.deliveries (
  tenant text not null,
  endpoint text not null,
  event text not null,
  line text not null,
  sequence integer not null,
  state text not null,
  tries integer not null,
  due_at timestamp with time zone,
  last_try_at timestamp with time zone,
  last_status integer,
  last_error text,
  created_at timestamp with time zone not null,
  version integer not null,
  xid xid8 not null default pg_current_xact_id(),
  "position" bigint not null generated always as identity,
  constraint deliveries_pkey PRIMARY KEY (tenant, endpoint, line, sequence),
  constraint deliveries_event UNIQUE (tenant, endpoint, event),
  constraint deliveries_pending_is_due CHECK (((state = 'pending'::text) = (due_at IS NOT NULL))),
  constraint deliveries_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'parked'::text, 'skipped'::text]))),
  constraint deliveries_tries_bound CHECK ((tries >= 0))
);
CREATE INDEX deliveries_due ON bindery.deliveries USING btree (tenant, endpoint, due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX deliveries_line ON bindery.deliveries USING btree (tenant, endpoint, line, state, sequence);
CREATE INDEX deliveries_list ON bindery.deliveries USING btree (tenant, endpoint, xid, "position");
alter table bindery.deliveries enable row level security;
create policy own_tenant on bindery.deliveries as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.deliveries as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.deliveries as permissive for select to bindery_watcher using (true);

create table bindery.dependents (
  tenant text collate "C" not null,
  id text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  reference text collate "C" not null,
  kind text collate "C" not null,
  title text,
  next_charge_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  version integer not null,
  constraint dependents_pkey PRIMARY KEY (tenant, id),
  constraint dependents_reference UNIQUE (instrument, tenant, reference),
  constraint dependents_instrument_fkey FOREIGN KEY (tenant, instrument) REFERENCES bindery.instruments(tenant, id)
);
alter table bindery.dependents enable row level security;
create policy own_tenant on bindery.dependents as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.dependents as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.dependents as permissive for select to bindery_watcher using (true);

create table bindery.erasures (
  tenant text collate "C" not null,
  subject text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  stage text collate "C" not null,
  told_to integer not null,
  looks integer not null,
  stuck boolean not null,
  orphans jsonb not null,
  hidden jsonb not null,
  cause text,
  tries integer not null,
  request text collate "C",
  created_at timestamp with time zone not null,
  erased_at timestamp with time zone,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint erasures_pkey PRIMARY KEY (tenant, subject),
  constraint erasures_stage CHECK ((stage = ANY (ARRAY['revoking'::text, 'shredding'::text, 'forgetting'::text, 'erased'::text])))
) with (fillfactor=50);
CREATE INDEX erasures_due ON bindery.erasures USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX erasures_unfinished ON bindery.erasures USING btree (tenant, mode, created_at, subject) WHERE (stage <> 'erased'::text);
alter table bindery.erasures enable row level security;
create policy own_tenant on bindery.erasures as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.erasures as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.erasures as permissive for select to bindery_watcher using (true);

create table bindery.events (
  tenant text not null,
  id text not null,
  mode text not null,
  instrument text,
  customer text,
  sequence integer,
  type text not null,
  data jsonb not null,
  created_at timestamp with time zone not null,
  xid xid8 not null default pg_current_xact_id(),
  "position" bigint not null generated always as identity,
  version integer not null default 1,
  constraint events_pkey PRIMARY KEY (tenant, id),
  constraint events_sequence UNIQUE (instrument, sequence, tenant),
  constraint events_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint events_sequence_counts CHECK ((((instrument IS NULL) = (sequence IS NULL)) AND (COALESCE(sequence, 1) > 0)))
);
CREATE INDEX events_feed ON bindery.events USING btree (mode, tenant, xid, "position");
alter table bindery.events enable row level security;
create policy own_tenant on bindery.events as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.events as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.events as permissive for select to bindery_watcher using (true);

create table bindery.export_parts (
  export text collate "C" not null,
  attempt integer not null,
  number integer not null,
  tenant text collate "C" not null,
  rows integer not null,
  sha256 text collate "C" not null,
  bytes integer not null,
  content bytea not null,
  version integer not null,
  constraint export_parts_pkey PRIMARY KEY (export, attempt, number, tenant)
);
alter table bindery.export_parts enable row level security;
create policy own_tenant on bindery.export_parts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.export_parts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.export_parts as permissive for select to bindery_watcher using (true);

create table bindery.exports (
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
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint exports_pkey PRIMARY KEY (tenant, id),
  constraint exports_due_said CHECK (((due_at IS NOT NULL) = (status = 'running'::text))),
  constraint exports_status CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'parked'::text])))
);
CREATE INDEX exports_due ON bindery.exports USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.exports enable row level security;
create policy own_tenant on bindery.exports as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.exports as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.exports as permissive for select to bindery_watcher using (true);

create table bindery.facts (
  tenant text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  source text collate "C" not null,
  source_event text collate "C" not null,
  kind text collate "C" not null,
  operation text collate "C",
  standing jsonb not null,
  news jsonb not null,
  effective_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  request text collate "C",
  version integer not null default 1,
  constraint facts_pkey PRIMARY KEY (tenant, id),
  constraint facts_source_event UNIQUE (source_event, source, tenant)
);
CREATE INDEX facts_binding ON bindery.facts USING btree (binding, tenant);
alter table bindery.facts enable row level security;
create policy own_tenant on bindery.facts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.facts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.facts as permissive for select to bindery_watcher using (true);

create table bindery.idempotency (
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
  created_at timestamp with time zone not null,
  lease_until timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text,
  version integer not null,
  constraint idempotency_pkey PRIMARY KEY (tenant, mode, key),
  constraint idempotency_done CHECK (((state = 'done'::text) = ((status IS NOT NULL) AND (body IS NOT NULL)))),
  constraint idempotency_mode CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint idempotency_state CHECK ((state = ANY (ARRAY['running'::text, 'done'::text]))),
  constraint idempotency_status CHECK (((status >= 100) AND (status <= 499)))
) with (fillfactor=25);
CREATE INDEX idempotency_due ON bindery.idempotency USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX idempotency_resource ON bindery.idempotency USING btree (resource, tenant);
alter table bindery.idempotency enable row level security;
create policy own_tenant on bindery.idempotency as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.idempotency as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.idempotency as permissive for select to bindery_watcher using (true);

create table bindery.identities (
  tenant text collate "C" not null,
  customer text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  instrument text collate "C" not null,
  created_at timestamp with time zone not null,
  version integer not null,
  constraint identities_pkey PRIMARY KEY (tenant, customer, kind, value)
);
alter table bindery.identities enable row level security;
create policy own_tenant on bindery.identities as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.identities as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.identities as permissive for select to bindery_watcher using (true);

create table bindery.import_marks (
  import text collate "C" not null,
  name text collate "C" not null,
  tenant text collate "C" not null,
  customer text not null,
  version integer not null,
  constraint import_marks_pkey PRIMARY KEY (import, name, tenant)
);
alter table bindery.import_marks enable row level security;
create policy own_tenant on bindery.import_marks as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.import_marks as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.import_marks as permissive for select to bindery_watcher using (true);

create table bindery.import_parts (
  import text collate "C" not null,
  number integer not null,
  tenant text collate "C" not null,
  digest text collate "C" not null,
  rows integer not null,
  content bytea,
  version integer not null,
  constraint import_parts_pkey PRIMARY KEY (import, number, tenant)
);
alter table bindery.import_parts enable row level security;
create policy own_tenant on bindery.import_parts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.import_parts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.import_parts as permissive for select to bindery_watcher using (true);

create table bindery.import_reports (
  import text collate "C" not null,
  number integer not null,
  tenant text collate "C" not null,
  rows integer not null,
  content bytea not null,
  constraint import_reports_pkey PRIMARY KEY (import, number, tenant)
);
alter table bindery.import_reports enable row level security;
create policy own_tenant on bindery.import_reports as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.import_reports as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.import_reports as permissive for select to bindery_watcher using (true);

create table bindery.imports (
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
  created_at timestamp with time zone not null,
  started_at timestamp with time zone,
  updated_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  card_file text collate "C",
  constraint imports_pkey PRIMARY KEY (tenant, id),
  constraint imports_due_said CHECK (((due_at IS NOT NULL) = (status = 'running'::text))),
  constraint imports_status CHECK ((status = ANY (ARRAY['open'::text, 'running'::text, 'done'::text, 'parked'::text])))
) with (fillfactor=50);
CREATE INDEX imports_due ON bindery.imports USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.imports enable row level security;
create policy own_tenant on bindery.imports as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.imports as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.imports as permissive for select to bindery_watcher using (true);

create table bindery.inbox (
  channel text collate "C" not null,
  mode text collate "C" not null,
  event text collate "C" not null,
  told jsonb not null,
  status text collate "C" not null,
  tries integer not null,
  cause text,
  received_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  tenant text collate "C",
  binding text collate "C",
  constraint inbox_pkey PRIMARY KEY (channel, mode, event)
);
CREATE INDEX inbox_binding ON bindery.inbox USING btree (binding, tenant);
CREATE INDEX inbox_clock ON bindery.inbox USING btree (clock, due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NOT NULL));
CREATE INDEX inbox_due ON bindery.inbox USING btree (due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NULL));
CREATE INDEX inbox_parked ON bindery.inbox USING btree (tenant, mode, received_at) WHERE (status = 'parked'::text);
alter table bindery.inbox enable row level security;
create policy own_tenant on bindery.inbox as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.inbox as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.inbox as permissive for select to bindery_watcher using (true);

create table bindery.instrument_facts (
  tenant text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  source text collate "C" not null,
  source_event text collate "C" not null,
  kind text collate "C" not null,
  news jsonb not null,
  standing jsonb not null,
  effective_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  request text collate "C",
  version integer not null default 1,
  constraint instrument_facts_pkey PRIMARY KEY (tenant, id),
  constraint instrument_facts_source_event UNIQUE (instrument, source_event, source, tenant)
);
CREATE INDEX instrument_facts_instrument ON bindery.instrument_facts USING btree (instrument, tenant);
alter table bindery.instrument_facts enable row level security;
create policy own_tenant on bindery.instrument_facts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.instrument_facts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.instrument_facts as permissive for select to bindery_watcher using (true);

create table bindery.instrument_usage (
  instrument text collate "C" not null,
  period text collate "C" not null,
  currency text collate "C" not null,
  tenant text collate "C" not null,
  count integer not null,
  amount bigint not null,
  constraint instrument_usage_pkey PRIMARY KEY (instrument, period, currency, tenant)
);
alter table bindery.instrument_usage enable row level security;
create policy own_tenant on bindery.instrument_usage as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.instrument_usage as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.instrument_usage as permissive for select to bindery_watcher using (true);

create table bindery.instruments (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  kind text collate "C" not null,
  status text collate "C" not null,
  card_version integer not null,
  display jsonb not null,
  sequence integer not null,
  unbound_at timestamp with time zone,
  merged_into text collate "C",
  metadata jsonb not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  version integer not null,
  "position" bigint not null generated always as identity,
  captured jsonb not null,
  own jsonb not null,
  reasons jsonb not null,
  due_at timestamp with time zone,
  clock text collate "C",
  versions integer not null,
  sharing jsonb,
  policy jsonb not null,
  allow_redisplay text collate "C" not null,
  preferred boolean not null,
  constraint instruments_pkey PRIMARY KEY (tenant, id),
  constraint instruments_redisplay CHECK ((allow_redisplay = ANY (ARRAY['always'::text, 'limited'::text, 'unspecified'::text]))),
  constraint instruments_status CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'suspended'::text, 'expired'::text, 'failed'::text, 'replaced'::text, 'blocked'::text, 'unbound'::text, 'erased'::text]))),
  constraint instruments_owner FOREIGN KEY (tenant, customer) REFERENCES bindery.customers(tenant, id)
) with (fillfactor=50);
CREATE INDEX instruments_clock ON bindery.instruments USING btree (clock, due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NOT NULL));
CREATE INDEX instruments_customer ON bindery.instruments USING btree (customer, tenant);
CREATE INDEX instruments_due ON bindery.instruments USING btree (due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NULL));
CREATE INDEX instruments_position ON bindery.instruments USING btree (mode, tenant, "position");
alter table bindery.instruments enable row level security;
create policy own_tenant on bindery.instruments as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.instruments as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.instruments as permissive for select to bindery_watcher using (true);

create table bindery.invariant_checks (
  name text collate "C" not null,
  round integer not null,
  cursor jsonb,
  looked bigint not null,
  found bigint not null,
  began_at timestamp with time zone not null,
  last_looked bigint,
  last_found bigint,
  last_ended_at timestamp with time zone,
  cause text,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint invariant_checks_pkey PRIMARY KEY (name)
) with (fillfactor=50);
CREATE INDEX invariant_checks_due ON bindery.invariant_checks USING btree (due_at) WHERE (due_at IS NOT NULL);

create table bindery.invariant_findings (
  tenant text collate "C" not null,
  invariant text collate "C" not null,
  subject text collate "C" not null,
  mode text collate "C" not null,
  shown jsonb not null,
  round integer not null,
  first_seen_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  version integer not null,
  constraint invariant_findings_pkey PRIMARY KEY (subject, invariant, tenant)
);
alter table bindery.invariant_findings enable row level security;
create policy own_tenant on bindery.invariant_findings as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.invariant_findings as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.invariant_findings as permissive for select to bindery_watcher using (true);

create table bindery.kill_switches (
  state text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  reason text not null,
  set_by text collate "C" not null,
  set_at timestamp with time zone not null,
  version integer not null,
  constraint kill_switches_pkey PRIMARY KEY (state, kind, value, tenant, mode),
  constraint kill_switches_kind CHECK ((kind = ANY (ARRAY['channel'::text, 'tenant'::text, 'bin'::text, 'feature'::text]))),
  constraint kill_switches_state CHECK ((state = 'on'::text))
);
alter table bindery.kill_switches enable row level security;
create policy own_tenant on bindery.kill_switches as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.kill_switches as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.kill_switches as permissive for select to bindery_watcher using (true);

create table bindery.mandate_usage (
  binding text collate "C" not null,
  period text collate "C" not null,
  tenant text collate "C" not null,
  count integer not null,
  amount bigint not null,
  constraint mandate_usage_pkey PRIMARY KEY (binding, period, tenant)
);
alter table bindery.mandate_usage enable row level security;
create policy own_tenant on bindery.mandate_usage as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.mandate_usage as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.mandate_usage as permissive for select to bindery_watcher using (true);

create table bindery.misses (
  tenant text collate "C" not null,
  binding text collate "C" not null,
  count integer not null,
  missed_at timestamp with time zone not null,
  version integer not null,
  constraint misses_pkey PRIMARY KEY (tenant, binding)
);
alter table bindery.misses enable row level security;
create policy own_tenant on bindery.misses as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.misses as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.misses as permissive for select to bindery_watcher using (true);

create table bindery.network_tokens (
  mode text collate "C" not null,
  reference text collate "C" not null,
  tenant text collate "C" not null,
  instrument text collate "C" not null,
  created_at timestamp with time zone not null,
  version integer not null,
  constraint network_tokens_pkey PRIMARY KEY (reference, mode)
);
alter table bindery.network_tokens enable row level security;
create policy own_tenant on bindery.network_tokens as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.network_tokens as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.network_tokens as permissive for select to bindery_watcher using (true);

create table bindery.operations (
  id text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  channel text collate "C" not null,
  verb text collate "C" not null,
  status text collate "C" not null,
  place integer not null,
  input jsonb not null,
  tries integer not null,
  cause text,
  request text collate "C",
  due_at timestamp with time zone,
  clock text collate "C",
  created_at timestamp with time zone not null,
  version integer not null,
  constraint operations_pkey PRIMARY KEY (id),
  constraint operations_due_said CHECK (((due_at IS NULL) = (status = ANY (ARRAY['settled'::text, 'parked'::text])))),
  constraint operations_status CHECK ((status = ANY (ARRAY['open'::text, 'waiting'::text, 'settled'::text, 'parked'::text]))),
  constraint operations_of FOREIGN KEY (tenant, binding) REFERENCES bindery.bindings(tenant, id)
);
CREATE INDEX operations_binding ON bindery.operations USING btree (binding, tenant);
CREATE INDEX operations_clock ON bindery.operations USING btree (clock, due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NOT NULL));
CREATE INDEX operations_due ON bindery.operations USING btree (due_at) WHERE ((due_at IS NOT NULL) AND (clock IS NULL));
CREATE INDEX operations_unknown ON bindery.operations USING btree (tenant, mode, status, created_at, id) WHERE ((status = ANY (ARRAY['open'::text, 'waiting'::text, 'parked'::text])) AND (cause IS NOT NULL));
alter table bindery.operations enable row level security;
create policy own_tenant on bindery.operations as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.operations as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.operations as permissive for select to bindery_watcher using (true);

create table bindery.portal_links (
  id text collate "C" not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  may jsonb not null,
  return_url text collate "C" not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  version integer not null,
  hosted boolean not null,
  constraint portal_links_pkey PRIMARY KEY (id),
  constraint portal_links_life CHECK ((expires_at > created_at)),
  constraint portal_links_owner FOREIGN KEY (tenant, customer) REFERENCES bindery.customers(tenant, id)
);
CREATE INDEX portal_links_customer ON bindery.portal_links USING btree (customer, tenant);
alter table bindery.portal_links enable row level security;
create policy own_tenant on bindery.portal_links as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.portal_links as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.portal_links as permissive for select to bindery_watcher using (true);

create table bindery.pre_debit_notices (
  tenant text collate "C" not null,
  id text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  charge_on text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  charge_at timestamp with time zone not null,
  told_at timestamp with time zone not null,
  told_by text collate "C" not null,
  created_at timestamp with time zone not null,
  constraint pre_debit_notices_pkey PRIMARY KEY (tenant, id),
  constraint pre_debit_notices_told_by CHECK ((told_by = ANY (ARRAY['tenant'::text, 'channel'::text])))
);
CREATE INDEX pre_debit_notices_day ON bindery.pre_debit_notices USING btree (binding, charge_on, tenant);
alter table bindery.pre_debit_notices enable row level security;
create policy own_tenant on bindery.pre_debit_notices as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.pre_debit_notices as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.pre_debit_notices as permissive for select to bindery_watcher using (true);

create table bindery.rides (
  id uuid not null,
  at timestamp with time zone not null,
  answer jsonb,
  constraint rides_pkey PRIMARY KEY (id)
);

create table bindery.routing_rules (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  priority integer not null,
  condition jsonb not null,
  channels jsonb not null,
  bind_on text collate "C" not null,
  created_at timestamp with time zone not null,
  version integer not null,
  constraint routing_rules_pkey PRIMARY KEY (tenant, id),
  constraint routing_rules_priority UNIQUE (tenant, mode, priority),
  constraint routing_rules_bind_on CHECK ((bind_on = ANY (ARRAY['first'::text, 'all'::text])))
);
alter table bindery.routing_rules enable row level security;
create policy own_tenant on bindery.routing_rules as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.routing_rules as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.routing_rules as permissive for select to bindery_watcher using (true);

create table bindery.safeguard_changes (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  subject text collate "C" not null,
  before jsonb,
  after jsonb,
  reason text,
  request text collate "C" not null,
  changed_by text collate "C" not null,
  changed_at timestamp with time zone not null,
  constraint safeguard_changes_pkey PRIMARY KEY (tenant, id)
);
alter table bindery.safeguard_changes enable row level security;
create policy own_tenant on bindery.safeguard_changes as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.safeguard_changes as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.safeguard_changes as permissive for select to bindery_watcher using (true);

create table bindery.safeguard_counts (
  value text collate "C" not null,
  slot integer not null,
  tenant text collate "C" not null,
  mode text collate "C" not null,
  attempts integer not null,
  declines integer not null,
  denied integer not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint safeguard_counts_pkey PRIMARY KEY (value, slot, mode, tenant),
  constraint safeguard_counts_positive CHECK (((attempts >= 0) AND (declines >= 0) AND (denied >= 0)))
) with (fillfactor=50);
CREATE INDEX safeguard_counts_due ON bindery.safeguard_counts USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.safeguard_counts enable row level security;
create policy own_tenant on bindery.safeguard_counts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.safeguard_counts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.safeguard_counts as permissive for select to bindery_watcher using (true);

create table bindery.safeguard_decisions (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  customer text collate "C" not null,
  request text collate "C" not null,
  verb text collate "C" not null,
  verdict text collate "C" not null,
  findings jsonb not null,
  created_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint safeguard_decisions_pkey PRIMARY KEY (tenant, id)
);
CREATE INDEX safeguard_decisions_customer ON bindery.safeguard_decisions USING btree (customer, tenant);
CREATE INDEX safeguard_decisions_due ON bindery.safeguard_decisions USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX safeguard_decisions_request ON bindery.safeguard_decisions USING btree (request, tenant);
alter table bindery.safeguard_decisions enable row level security;
create policy own_tenant on bindery.safeguard_decisions as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.safeguard_decisions as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.safeguard_decisions as permissive for select to bindery_watcher using (true);

create table bindery.safeguard_policies (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  layer text collate "C" not null,
  limits jsonb not null,
  off boolean not null,
  reason text,
  set_at timestamp with time zone not null,
  set_by text collate "C" not null,
  version integer not null,
  constraint safeguard_policies_pkey PRIMARY KEY (tenant, mode, layer)
);
alter table bindery.safeguard_policies enable row level security;
create policy own_tenant on bindery.safeguard_policies as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.safeguard_policies as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.safeguard_policies as permissive for select to bindery_watcher using (true);

create table bindery.settlements (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  subject text collate "C" not null,
  kind text collate "C" not null,
  channel text collate "C" not null,
  instrument text collate "C" not null,
  binding text collate "C" not null,
  outcome text collate "C" not null,
  evidence text,
  cause text,
  since timestamp with time zone not null,
  settled_by text collate "C",
  settled_key text collate "C" not null,
  approval text collate "C",
  request text collate "C" not null,
  settled_at timestamp with time zone not null,
  version integer not null,
  constraint settlements_pkey PRIMARY KEY (tenant, id),
  constraint settlements_mode CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint settlements_outcome CHECK ((outcome = ANY (ARRAY['bound'::text, 'not_bound'::text, 'revoked'::text, 'dismissed'::text])))
);
CREATE INDEX settlements_instrument ON bindery.settlements USING btree (instrument, tenant);
alter table bindery.settlements enable row level security;
create policy own_tenant on bindery.settlements as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.settlements as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.settlements as permissive for select to bindery_watcher using (true);

create table bindery.sharing_limits (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  customers_max integer not null,
  version integer not null,
  constraint sharing_limits_pkey PRIMARY KEY (tenant, mode),
  constraint sharing_limits_customers CHECK (((customers_max >= 1) AND (customers_max <= 100)))
);
alter table bindery.sharing_limits enable row level security;
create policy own_tenant on bindery.sharing_limits as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.sharing_limits as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.sharing_limits as permissive for select to bindery_watcher using (true);

create table bindery.sharings (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  holders integer not null,
  version integer not null,
  constraint sharings_pkey PRIMARY KEY (tenant, mode, kind, value)
);
alter table bindery.sharings enable row level security;
create policy own_tenant on bindery.sharings as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.sharings as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.sharings as permissive for select to bindery_watcher using (true);

create table bindery.successions (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  succession text collate "C" not null,
  version integer not null,
  constraint successions_pkey PRIMARY KEY (tenant, mode),
  constraint successions_known CHECK ((succession = ANY (ARRAY['next_best'::text, 'none'::text])))
);
alter table bindery.successions enable row level security;
create policy own_tenant on bindery.successions as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.successions as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.successions as permissive for select to bindery_watcher using (true);

create table bindery.sweep_findings (
  tenant text collate "C" not null,
  sweep text collate "C" not null,
  binding text collate "C" not null,
  instrument text collate "C" not null,
  news jsonb not null,
  found_at timestamp with time zone not null,
  version integer not null,
  constraint sweep_findings_pkey PRIMARY KEY (tenant, sweep, binding)
);
alter table bindery.sweep_findings enable row level security;
create policy own_tenant on bindery.sweep_findings as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.sweep_findings as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.sweep_findings as permissive for select to bindery_watcher using (true);

create table bindery.sweeps (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  channel text collate "C" not null,
  status text collate "C" not null,
  slot text collate "C",
  cursor text collate "C",
  looked integer not null,
  missing integer not null,
  changes integer not null,
  unanswered integer not null,
  changed integer not null,
  misses integer not null,
  change_percent_max integer not null,
  repeat_hours integer,
  created_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint sweeps_pkey PRIMARY KEY (tenant, id),
  constraint sweeps_slot UNIQUE (slot, tenant),
  constraint sweeps_slot_held CHECK (((slot IS NULL) = (status = ANY (ARRAY['planned'::text, 'done'::text, 'discarded'::text])))),
  constraint sweeps_status CHECK ((status = ANY (ARRAY['planned'::text, 'walking'::text, 'held'::text, 'applying'::text, 'done'::text, 'discarded'::text])))
);
CREATE INDEX sweeps_due ON bindery.sweeps USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.sweeps enable row level security;
create policy own_tenant on bindery.sweeps as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.sweeps as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.sweeps as permissive for select to bindery_watcher using (true);

create table bindery.tenants (
  id text not null,
  name text not null,
  created_at timestamp with time zone not null,
  version integer not null,
  constraint tenants_pkey PRIMARY KEY (id),
  constraint tenants_name CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);
alter table bindery.tenants enable row level security;
create policy own_tenant on bindery.tenants as permissive for select to bindery_reader using ((id = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.tenants as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.tenants as permissive for select to bindery_watcher using (true);

create table bindery.token_requests (
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
  created_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint token_requests_pkey PRIMARY KEY (id),
  constraint token_requests_status CHECK ((status = ANY (ARRAY['open'::text, 'settled'::text, 'parked'::text])))
);
CREATE INDEX token_requests_due ON bindery.token_requests USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX token_requests_instrument ON bindery.token_requests USING btree (instrument, tenant);
alter table bindery.token_requests enable row level security;
create policy own_tenant on bindery.token_requests as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.token_requests as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.token_requests as permissive for select to bindery_watcher using (true);

create table bindery.transfers (
  tenant text collate "C" not null,
  id text collate "C" not null,
  debit text collate "C" not null,
  credit text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  reference text collate "C" not null,
  created_at timestamp with time zone not null,
  constraint transfers_pkey PRIMARY KEY (tenant, id),
  constraint transfers_amount_positive CHECK ((amount > 0)),
  constraint transfers_two_accounts CHECK ((debit <> credit)),
  constraint transfers_credit_fkey FOREIGN KEY (tenant, credit) REFERENCES bindery.accounts(tenant, id),
  constraint transfers_debit_fkey FOREIGN KEY (tenant, debit) REFERENCES bindery.accounts(tenant, id)
);
CREATE INDEX transfers_credit ON bindery.transfers USING btree (tenant, credit, id);
CREATE INDEX transfers_debit ON bindery.transfers USING btree (tenant, debit, id);
CREATE TRIGGER transfers_never_change BEFORE UPDATE ON bindery.transfers FOR EACH ROW EXECUTE FUNCTION bindery.transfers_never();
CREATE TRIGGER transfers_never_vanish BEFORE DELETE ON bindery.transfers FOR EACH ROW EXECUTE FUNCTION bindery.transfers_never();
alter table bindery.transfers enable row level security;
create policy own_tenant on bindery.transfers as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.transfers as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.transfers as permissive for select to bindery_watcher using (true);

create table bindery.twins (
  tenant text collate "C" not null,
  later text collate "C" not null,
  older text collate "C" not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint twins_pkey PRIMARY KEY (tenant, later, older)
);
CREATE INDEX twins_due ON bindery.twins USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.twins enable row level security;
create policy own_tenant on bindery.twins as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.twins as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.twins as permissive for select to bindery_watcher using (true);

create table bindery.update_schedules (
  tenant text collate "C" not null,
  instrument text collate "C" not null,
  mode text collate "C" not null,
  policy text collate "C",
  days_min integer,
  asked_at timestamp with time zone,
  inquiries integer not null,
  queue text collate "C",
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint update_schedules_pkey PRIMARY KEY (tenant, instrument)
);
CREATE INDEX update_schedules_due ON bindery.update_schedules USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX update_schedules_queue ON bindery.update_schedules USING btree (queue);
alter table bindery.update_schedules enable row level security;
create policy own_tenant on bindery.update_schedules as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.update_schedules as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.update_schedules as permissive for select to bindery_watcher using (true);

create table bindery.updater_counts (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  updater text collate "C" not null,
  month text collate "C" not null,
  what text collate "C" not null,
  number integer not null,
  version integer not null,
  constraint updater_counts_pkey PRIMARY KEY (tenant, mode, updater, month, what)
);
alter table bindery.updater_counts enable row level security;
create policy own_tenant on bindery.updater_counts as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.updater_counts as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.updater_counts as permissive for select to bindery_watcher using (true);

create table bindery.updater_lines (
  tenant text collate "C" not null,
  run text collate "C" not null,
  line integer not null,
  instrument text collate "C" not null,
  card_version integer not null,
  about jsonb,
  next_version integer,
  advice text collate "C",
  told_at timestamp with time zone,
  version integer not null,
  constraint updater_lines_pkey PRIMARY KEY (run, tenant, line)
);
CREATE INDEX updater_lines_instrument ON bindery.updater_lines USING btree (instrument, tenant);
alter table bindery.updater_lines enable row level security;
create policy own_tenant on bindery.updater_lines as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.updater_lines as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.updater_lines as permissive for select to bindery_watcher using (true);

create table bindery.updater_runs (
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
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint updater_runs_pkey PRIMARY KEY (tenant, id),
  constraint updater_runs_status CHECK ((status = ANY (ARRAY['writing'::text, 'open'::text, 'asking'::text, 'telling'::text, 'done'::text, 'failed'::text])))
);
CREATE INDEX updater_runs_due ON bindery.updater_runs USING btree (due_at) WHERE (due_at IS NOT NULL);
alter table bindery.updater_runs enable row level security;
create policy own_tenant on bindery.updater_runs as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.updater_runs as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.updater_runs as permissive for select to bindery_watcher using (true);

create table bindery.webhook_endpoints (
  tenant text not null,
  id text not null,
  mode text not null,
  url text not null,
  description text not null,
  types jsonb not null,
  status text not null,
  disabled_reason text,
  secrets jsonb not null,
  failing_since timestamp with time zone,
  created_at timestamp with time zone not null,
  version integer not null,
  constraint webhook_endpoints_pkey PRIMARY KEY (tenant, id),
  constraint webhook_endpoints_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint webhook_endpoints_status_known CHECK (
CASE
    WHEN (status = 'enabled'::text) THEN (disabled_reason IS NULL)
    ELSE ((status = 'disabled'::text) AND (disabled_reason IS NOT NULL))
END)
);
CREATE INDEX webhook_endpoints_mode ON bindery.webhook_endpoints USING btree (mode, tenant);
alter table bindery.webhook_endpoints enable row level security;
create policy own_tenant on bindery.webhook_endpoints as permissive for select to bindery_reader using ((tenant = current_setting('bindery.tenant'::text, true)));
create policy rides on bindery.webhook_endpoints as permissive for all to bindery_rider using (true) with check (true);
create policy watches on bindery.webhook_endpoints as permissive for select to bindery_watcher using (true);

create table vault.audit_checkpoints (
  size integer not null,
  note text collate "C" not null,
  at timestamp with time zone not null,
  constraint audit_checkpoints_pkey PRIMARY KEY (size),
  constraint audit_checkpoints_size_positive CHECK ((size > 0))
);

create table vault.audit_entries (
  node text collate "C" not null,
  n integer not null,
  at timestamp with time zone not null,
  act text collate "C" not null,
  tenant text collate "C" not null,
  subject text collate "C" not null,
  purpose text collate "C" not null,
  operation text collate "C" not null,
  detail text collate "C" not null,
  mac bytea not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint audit_entries_pkey PRIMARY KEY (node, n),
  constraint audit_entries_mac_length CHECK ((octet_length(mac) = 32))
);
CREATE INDEX audit_entries_due ON vault.audit_entries USING btree (due_at) WHERE (due_at IS NOT NULL);

create table vault.audit_heads (
  log text collate "C" not null,
  size integer not null,
  hash bytea not null,
  frontier jsonb not null,
  version integer not null,
  constraint audit_heads_pkey PRIMARY KEY (log),
  constraint audit_heads_log_known CHECK ((log = 'vault'::text)),
  constraint audit_heads_size_range CHECK ((size >= 0))
) with (fillfactor=50);

create table vault.audit_log (
  seq integer not null,
  node text collate "C" not null,
  n integer not null,
  at timestamp with time zone not null,
  act text collate "C" not null,
  tenant text collate "C" not null,
  subject text collate "C" not null,
  purpose text collate "C" not null,
  operation text collate "C" not null,
  detail text collate "C" not null,
  hash bytea not null,
  constraint audit_log_pkey PRIMARY KEY (seq),
  constraint audit_log_entry UNIQUE (n, node),
  constraint audit_log_hash_length CHECK ((octet_length(hash) = 32)),
  constraint audit_log_seq_range CHECK ((seq >= 0))
);

create table vault.card_files (
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
  created_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null,
  constraint card_files_pkey PRIMARY KEY (tenant, id),
  constraint card_files_counts CHECK (((parts >= 0) AND (cards >= 0))),
  constraint card_files_key_length CHECK ((octet_length(key_id) = 16)),
  constraint card_files_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint card_files_wrapped_length CHECK ((octet_length(wrapped) = 60))
);
CREATE INDEX card_files_due ON vault.card_files USING btree (due_at) WHERE (due_at IS NOT NULL);

create table vault.confirmations (
  purpose text collate "C" not null,
  scope text collate "C" not null,
  key_version integer not null,
  node text collate "C" not null,
  at timestamp with time zone not null,
  version integer not null,
  constraint confirmations_pkey PRIMARY KEY (purpose, scope, key_version, node)
);

create table vault.deks (
  tenant text not null,
  owner text not null,
  owner_version integer not null,
  id bytea not null,
  purpose text not null,
  key_version integer not null,
  wrapped bytea not null,
  created_at timestamp with time zone not null,
  version integer not null default 1,
  constraint deks_pkey PRIMARY KEY (tenant, owner, owner_version),
  constraint deks_id_length CHECK ((octet_length(id) = 16)),
  constraint deks_wrapped_length CHECK ((octet_length(wrapped) = 60))
);
CREATE INDEX deks_wrapped_by ON vault.deks USING btree (key_version, purpose, tenant);

create table vault.detokenizations (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  day text collate "C" not null,
  who text collate "C" not null,
  count integer not null,
  version integer not null,
  constraint detokenizations_pkey PRIMARY KEY (tenant, mode, day, who),
  constraint detokenizations_count_positive CHECK ((count >= 0)),
  constraint detokenizations_day_written CHECK ((day ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'::text)),
  constraint detokenizations_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])))
) with (fillfactor=50);

create table vault.keys (
  purpose text not null,
  scope text not null,
  key_version integer not null,
  id bytea not null,
  wrapped bytea not null,
  kcv bytea not null,
  created_at timestamp with time zone not null,
  status text collate "C" not null,
  parent_version integer not null,
  root text collate "C",
  wraps integer not null,
  promoted_at timestamp with time zone,
  retired_at timestamp with time zone,
  due_at timestamp with time zone,
  clock text collate "C",
  version integer not null default 1,
  constraint keys_pkey PRIMARY KEY (purpose, scope, key_version),
  constraint keys_id_length CHECK ((octet_length(id) = 16)),
  constraint keys_kcv_length CHECK ((octet_length(kcv) = 8)),
  constraint keys_parent_fits CHECK (
CASE
    WHEN (scope = '*'::text) THEN (parent_version = 0)
    ELSE ((parent_version > 0) AND (root IS NULL))
END),
  constraint keys_purpose_known CHECK ((purpose = ANY (ARRAY['pan'::text, 'bank'::text, 'secret'::text, 'pii'::text, 'fp'::text, 'audit'::text]))),
  constraint keys_status_known CHECK ((status = ANY (ARRAY['added'::text, 'current'::text, 'retired'::text]))),
  constraint keys_version_positive CHECK ((key_version > 0)),
  constraint keys_wrapped_length CHECK (
CASE
    WHEN (scope = '*'::text) THEN ((octet_length(wrapped) >= 60) AND (octet_length(wrapped) <= 2048))
    ELSE (octet_length(wrapped) = 60)
END),
  constraint keys_wraps_range CHECK (((wraps >= 0) AND (wraps <= 1073741824)))
);
CREATE INDEX keys_due ON vault.keys USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX keys_parent ON vault.keys USING btree (parent_version, purpose);
CREATE INDEX keys_status ON vault.keys USING btree (status);

create table vault.nodes (
  role text collate "C" not null,
  id text collate "C" not null,
  started_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  version integer not null,
  constraint nodes_pkey PRIMARY KEY (role, id),
  constraint nodes_role_known CHECK ((role = 'vault'::text))
) with (fillfactor=50);

create table vault.opened_tokens (
  wallet text not null,
  id_hash text not null,
  opened_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text,
  version integer not null default 1,
  constraint opened_tokens_pkey PRIMARY KEY (wallet, id_hash),
  constraint opened_tokens_wallet_known CHECK ((wallet = ANY (ARRAY['apple_pay'::text, 'google_pay'::text])))
);
CREATE INDEX opened_tokens_due ON vault.opened_tokens USING btree (due_at) WHERE (due_at IS NOT NULL);

create table vault.owners (
  tenant text collate "C" not null,
  owner text collate "C" not null,
  sealed integer not null,
  shredded integer not null,
  shredded_at timestamp with time zone,
  version integer not null,
  constraint owners_pkey PRIMARY KEY (tenant, owner)
) with (fillfactor=50);

create table vault.records (
  tenant text not null,
  mode text not null,
  instrument text not null,
  instrument_version integer not null,
  field text not null,
  envelope bytea not null,
  operation text not null,
  reference text not null,
  network_fingerprint bytea,
  fingerprint text,
  brand text,
  bin text,
  last4 text,
  expiry_month integer,
  expiry_year integer,
  holder boolean not null,
  adopted_at timestamp with time zone not null,
  due_at timestamp with time zone,
  clock text,
  version integer not null default 1,
  kind text not null,
  scheme text,
  eci text,
  country text,
  held jsonb,
  tail text,
  constraint records_pkey PRIMARY KEY (tenant, instrument, instrument_version, field),
  constraint records_reference UNIQUE (reference, tenant),
  constraint records_bin_digits CHECK ((bin ~ '^[0-9]{6}([0-9]{2})?$'::text)),
  constraint records_envelope_length CHECK ((octet_length(envelope) >= 138)),
  constraint records_expiry_month_range CHECK (((expiry_month >= 1) AND (expiry_month <= 12))),
  constraint records_field_fits CHECK ((field =
CASE
    WHEN (kind = ANY (ARRAY['card'::text, 'device_token'::text])) THEN 'card'::text
    ELSE 'payer'::text
END)),
  constraint records_kind_known CHECK ((kind = ANY (ARRAY['card'::text, 'device_token'::text, 'bank_account'::text, 'wallet'::text, 'instant_mandate'::text, 'carrier_account'::text]))),
  constraint records_last4_digits CHECK ((last4 ~ '^[0-9]{4}$'::text)),
  constraint records_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint records_shown CHECK (
CASE
    WHEN (kind = ANY (ARRAY['card'::text, 'device_token'::text])) THEN ((num_nonnulls(network_fingerprint, fingerprint, brand, bin, last4, expiry_month, expiry_year) = 7) AND (num_nonnulls(country, held, tail) = 0))
    ELSE ((num_nonnulls(brand, bin, last4, expiry_month, expiry_year) = 0) AND (num_nonnulls(country, held, tail) = 3) AND (num_nonnulls(network_fingerprint, fingerprint) <> 1))
END),
  constraint records_tail_short CHECK ((tail ~ '^[0-9A-Z]{0,4}$'::text))
);
CREATE INDEX records_due ON vault.records USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX records_network_fingerprint ON vault.records USING btree (network_fingerprint);

create table vault.release_grants (
  tenant text collate "C" not null,
  id text collate "C" not null,
  mode text collate "C" not null,
  certificate text collate "C" not null,
  cards_max integer not null,
  cards integer not null,
  part integer not null,
  asked text collate "C",
  closed boolean not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  version integer not null,
  constraint release_grants_pkey PRIMARY KEY (tenant, id),
  constraint release_grants_bounded CHECK ((((cards_max >= 1) AND (cards_max <= 10000000)) AND ((cards >= 0) AND (cards <= cards_max)))),
  constraint release_grants_certificate_digest CHECK ((certificate ~ '^[0-9a-f]{64}$'::text)),
  constraint release_grants_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])))
);

create table vault.rides (
  id uuid not null,
  at timestamp with time zone not null,
  answer jsonb,
  constraint rides_pkey PRIMARY KEY (id)
);

create table vault.sender_keys (
  tenant text collate "C" not null,
  certificate text not null,
  key_id bytea not null,
  key_version integer not null,
  wrapped bytea not null,
  created_at timestamp with time zone not null,
  constraint sender_keys_pkey PRIMARY KEY (tenant),
  constraint sender_keys_key_length CHECK ((octet_length(key_id) = 16)),
  constraint sender_keys_wrapped_length CHECK ((octet_length(wrapped) = 60))
);

create table vault.sightings (
  print text collate "C" not null,
  slot integer not null,
  mode text collate "C" not null,
  attempts integer not null,
  due_at timestamp with time zone,
  clock text,
  version integer not null,
  constraint sightings_pkey PRIMARY KEY (print, slot, mode),
  constraint sightings_positive CHECK ((attempts >= 0))
) with (fillfactor=50);
CREATE INDEX sightings_due ON vault.sightings USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE OR REPLACE FUNCTION bindery.transfers_never()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'a transfer is never changed or removed: % of % %', lower(tg_op), old.tenant, old.id using errcode = 'restrict_violation';
end
$function$
;

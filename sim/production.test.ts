/**
 * What a running installation asks of its tables, over a history that was lived through: nothing is found in it as it is, and whatever is
 * spoiled in it by hand is found and named, one thing after the other. The database's own guards are taken away first: they are what makes
 * most of this impossible, and this is about who notices when they are gone.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { queues } from '../src/invariants/queries-work.ts'
import { tables } from '../src/tables.ts'
import { createProduction, everything, type Production } from './production.ts'
import { runSeed } from './seed.ts'

let production: Production
before(async () => {
  production = await createProduction()
})
after(() => production.close())

/** A row's id, as its owner picks it; `''`: whatever `spoil` makes up. */
type Spoiling = { readonly name: string; readonly what: string; readonly pick?: string; readonly spoil: string; readonly subject?: string }

/** A row that is like another but for some columns. */
const copy = (table: string, changes: string, where: string): string => `
  insert into ${table} overriding system value
  select (jsonb_populate_record(r, jsonb_build_object(${changes}))).*
  from ${table} r
  where ${where};`

const living = `select b.id from bindery.bindings b where b.status = 'active' order by b.id limit 1`
const bindingsRow = `b.id = ':id'`.replace('b.', 'r.')
const transfer = (columns: string): string =>
  `insert into bindery.transfers (tenant, id, debit, credit, amount, currency, reference, created_at) values ('t', 'trf_1', ${columns}, 'r', now());`
const account = (id: string, more = ''): string =>
  `insert into bindery.accounts (tenant, id, currency, debits_posted, credits_posted, limit_debits, limit_credits, version)
   values ('t', '${id}', ${more === '' ? `'EUR', 0, 0, false, false` : more}, 1);`
const approval = (asked: string, decided: string, times = `now(), now() + interval '1 hour', now()`): string =>
  `insert into bindery.approvals (tenant, id, mode, act, status, asked_by, asked_key, decided_by, decided_key, decided_at, expires_at, used_at)
   values ('t', 'apr_1', 'live', 'openGate', 'used', ${asked}, ${decided}, ${times});`

const spoilings: readonly Spoiling[] = [
  {
    name: 'bound_once',
    what: 'a second instrument of the same card at the same channel',
    pick: `select i.id from bindery.instruments i join bindery.bindings b on b.instrument = i.id and b.status = 'active'
           where i.sharing is not null and i.id not in (select instrument from bindery.facts where kind = 'reinstated') order by i.id limit 1`,
    spoil:
      copy('bindery.instruments', `'id', r.id || 'x'`, `r.id = ':id'`) +
      copy('bindery.bindings', `'id', r.id || 'x', 'instrument', r.instrument || 'x', 'slot', r.slot || 'x'`, `r.instrument = ':id'`),
  },
  {
    name: 'one_slot',
    what: 'a second living binding',
    pick: living,
    spoil: copy('bindery.bindings', `'id', r.id || 'x', 'slot', 'x'`, bindingsRow),
  },
  {
    name: 'folds',
    what: 'a status written by hand',
    pick: living,
    spoil: `update bindery.bindings set status = 'suspended' where id = ':id';`,
  },
  {
    name: 'folds',
    what: 'facts that were taken away',
    pick: `select id from bindery.bindings where status = 'revoked' order by id limit 1`,
    spoil: `delete from bindery.facts where binding = ':id' and kind = 'revoked';`,
  },
  { name: 'told_by_someone', what: 'a fact of nobody', pick: living, spoil: `update bindery.facts set source = '' where binding = ':id';` },
  {
    name: 'told_by_someone',
    what: 'a fact without reason',
    pick: living,
    spoil: `update bindery.facts set source_event = '' where binding = ':id';`,
  },
  {
    name: 'told_by_someone',
    what: 'a fact of no kind',
    pick: living,
    spoil: `update bindery.facts set kind = 'wished' where binding = ':id';`,
  },
  {
    name: 'verified',
    what: 'nothing says it was bound',
    pick: living,
    spoil: `delete from bindery.facts where binding = ':id' and kind = 'bound';`,
  },
  {
    name: 'verified',
    what: 'its token lapsed',
    pick: living,
    spoil: `update bindery.bindings set valid_until = '2025-12-01' where id = ':id';`,
  },
  {
    name: 'active_by_a_binding',
    what: 'all its bindings are gone',
    pick: `select id from bindery.instruments where status = 'active' order by id limit 1`,
    spoil: `update bindery.bindings set status = 'revoked' where instrument = ':id';`,
  },
  {
    name: 'revoked_stays',
    what: 'it lives again',
    pick: `select b.id from bindery.bindings b where b.status = 'revoked'
           and exists (select from bindery.facts where binding = b.id and kind = 'revoked')
           and not exists (select from bindery.facts where binding = b.id and kind = 'reinstated') order by b.id limit 1`,
    spoil: `update bindery.bindings set status = 'active' where id = ':id';`,
  },
  {
    name: 'ended_stays',
    what: 'unbound, and active all the same',
    pick: `select id from bindery.instruments where status = 'active' order by id limit 1`,
    spoil: `update bindery.instruments set unbound_at = now() where id = ':id';`,
  },
  {
    name: 'ended_stays',
    what: 'erased, and a channel has it',
    pick: `select id from bindery.instruments where status = 'active' order by id limit 1`,
    spoil: `update bindery.instruments set own = own || '{"erasure": "erased"}', status = 'erased' where id = ':id';`,
  },
  {
    name: 'no_call_after_the_end',
    what: 'bound after it was removed',
    pick: `select instrument as id from bindery.operations where verb = 'bind' and tries > 0 order by id limit 1`,
    spoil: `update bindery.instruments set unbound_at = '2020-01-01' where id = ':id';`,
  },
  {
    name: 'names_lead_home',
    what: 'a name of nothing',
    spoil: `insert into bindery.channel_names (channel, mode, name, tenant, binding, version) values ('stripe', 'test', 'seti_none', 't', 'bnd_none', 1);`,
    subject: 'bnd_none',
  },
  {
    name: 'tokens_have_names',
    what: 'a name that was lost',
    pick: living,
    spoil: `delete from bindery.channel_names n using bindery.bindings b where b.id = ':id' and n.name = b.token;`,
  },
  {
    name: 'shared_within_the_limit',
    what: 'more customers than may',
    pick: `select value as id from bindery.sharings order by value limit 1`,
    spoil: `update bindery.sharings set holders = 5 where value = ':id';`,
  },
  {
    name: 'sharing_counted_right',
    what: 'one too few',
    pick: `select value as id from bindery.sharings where holders > 0 order by value limit 1`,
    spoil: `update bindery.sharings set holders = holders - 1 where value = ':id';`,
  },
  {
    name: 'sharing_counted_right',
    what: 'no row',
    pick: `select value as id from bindery.sharings where holders > 0 order by value limit 1`,
    spoil: `delete from bindery.sharings where value = ':id';`,
  },
  {
    name: 'comparisons_concluded',
    what: 'a difference of a sweep that is over',
    pick: living,
    spoil: `insert into bindery.sweep_findings (tenant, sweep, binding, instrument, news, found_at, version) values ('t', 'swp_none', ':id', 'i', '{}', now(), 1);`,
  },
  {
    name: 'suspicions_followed',
    what: 'missing for long, and nobody looks',
    pick: living,
    spoil: `delete from bindery.sweeps; delete from bindery.misses;
            insert into bindery.misses (tenant, binding, count, missed_at, version) select tenant, id, 1, '2025-12-01', 1 from bindery.bindings where id = ':id';`,
  },
  {
    name: 'events_once',
    what: 'the same event twice',
    pick: `select binding as id from bindery.facts where source like '%:%' and source_event not like 'forgotten%' order by id limit 1`,
    spoil: copy('bindery.facts', `'id', r.id || 'x', 'source_event', r.source_event || '#2'`, `r.binding = ':id' and r.source like '%:%'`),
  },
  {
    name: 'transfers_in_one_currency',
    what: 'two currencies',
    spoil: account('a') + account('b', `'USD', 0, 0, false, false`) + transfer(`'a', 'b', 5, 'EUR'`),
    subject: 'trf_1',
  },
  {
    name: 'transfers_in_one_currency',
    what: 'nothing',
    spoil: account('a') + account('b') + transfer(`'a', 'b', 0, 'EUR'`),
    subject: 'trf_1',
  },
  { name: 'transfers_have_two_sides', what: 'no credit', spoil: account('a') + transfer(`'a', 'gone', 5, 'EUR'`), subject: 'trf_1' },
  { name: 'transfers_have_two_sides', what: 'no debit', spoil: account('a') + transfer(`'gone', 'a', 5, 'EUR'`), subject: 'trf_1' },
  { name: 'balances_add_up', what: 'money from nowhere', spoil: account('a', `'EUR', 0, 7, false, false`), subject: 'a' },
  {
    name: 'balances_add_up',
    what: 'a transfer that was not counted',
    spoil: account('a') + account('b', `'EUR', 0, 5, false, false`) + transfer(`'a', 'b', 5, 'EUR'`),
    subject: 'a',
  },
  {
    name: 'transfers_are_guarded',
    what: 'the guard is off',
    spoil: `alter table bindery.transfers disable trigger transfers_never_change;`,
    subject: 'transfers',
  },
  { name: 'never_overdrawn', what: 'debits', spoil: account('a', `'EUR', 5, 4, true, false`), subject: 'a' },
  { name: 'never_overdrawn', what: 'credits', spoil: account('a', `'EUR', 4, 5, false, true`), subject: 'a' },
  { name: 'account_currencies', what: 'gold', spoil: account('a', `'XAU', 0, 0, false, false`), subject: 'a' },
  {
    name: 'charge_amounts',
    what: 'less than nothing',
    spoil: `insert into bindery.charge_reports (tenant, mode, id, amount, currency) values ('t', 'test', 'chg_1', -1, 'EUR');`,
    subject: 'chg_1',
  },
  {
    name: 'notice_amounts',
    what: 'no currency',
    spoil: `insert into bindery.pre_debit_notices (tenant, id, amount, currency) values ('t', 'pdn_1', 1, 'eur');`,
    subject: 'pdn_1',
  },
  {
    name: 'usage_amounts',
    what: 'fewer than none',
    spoil: `insert into bindery.instrument_usage (instrument, period, currency, tenant, count, amount) values ('ins_1', '2026-01', 'EUR', 't', -1, 1);`,
    subject: 'ins_1',
  },
  ...queues.map(({ table: name, subject, state }) => {
    const key = tables.find(one => one.name === name)?.key ?? assert.fail(name)
    const columns = [...new Set([...key, subject])]
    const values = columns.map(column => (column === 'sequence' || (column === 'line' && name !== 'deliveries') ? '1' : `'late'`))
    const stated = state.startsWith("'") ? '' : `, "${state}"`
    return {
      name: 'nothing_overdue',
      what: `a row of ${name} that nobody takes`,
      spoil: `insert into bindery.${name} (${columns.join(', ')}, due_at${stated}) values (${values.join(', ')}, '2025-12-01'${stated === '' ? '' : `, 'open'`});`,
      subject: 'late',
    }
  }),
  ...(['operations', 'token_requests', 'imports', 'exports', 'updater_runs', 'deaths', 'inbox'] as const).map(name => ({
    name: 'parked_with_cause',
    what: `a row of ${name}`,
    spoil:
      name === 'inbox'
        ? `insert into bindery.inbox (channel, mode, event, status) values ('stripe', 'test', 'mute', 'parked');`
        : `insert into bindery.${name} (tenant, id, status) values ('t', 'mute', '${{ updater_runs: 'failed', deaths: 'over' }[String(name)] ?? 'parked'}');`,
    subject: 'mute',
  })),
  {
    name: 'parked_with_cause',
    what: 'a row of deliveries',
    spoil: `insert into bindery.deliveries (tenant, endpoint, line, sequence, event, state) values ('t', 'e', 'l', 1, 'mute', 'parked');`,
    subject: 'mute',
  },
  { name: 'two_persons', what: 'one person', spoil: approval(`'ann', 'key_1'`, `'ann', 'key_2'`), subject: 'apr_1' },
  { name: 'two_persons', what: 'one key', spoil: approval(`'ann', 'key_1'`, `'bob', 'key_1'`), subject: 'apr_1' },
  { name: 'two_persons', what: 'nobody', spoil: approval(`'ann', 'key_1'`, `null, null`), subject: 'apr_1' },
  {
    name: 'two_persons',
    what: 'too late',
    spoil: approval(`'ann', 'key_1'`, `'bob', 'key_2'`, `now(), now() - interval '1 hour', null`),
    subject: 'apr_1',
  },
  {
    name: 'two_persons',
    what: 'used too early',
    spoil: approval(`'ann', 'key_1'`, `'bob', 'key_2'`, `now(), now() + interval '1 hour', now() - interval '1 hour'`),
    subject: 'apr_1',
  },
  {
    name: 'two_persons',
    what: 'another’s key',
    spoil: `${approval(`'ann', 'key_1'`, `'bob', 'key_2'`)} insert into bindery.api_keys (id, tenant, person) values ('key_2', 't', 'ann');`,
    subject: 'apr_1',
  },
  ...['salts_once', 'data_keys_once', 'vectors_once'].map(name => ({
    name,
    what: 'a sealed value put elsewhere',
    pick: `select instrument as id from vault.records order by instrument limit 1`,
    spoil: copy('vault.records', `'instrument', r.instrument || 'x', 'reference', 'x'`, `r.instrument = ':id'`),
  })),
  {
    name: 'wraps_once',
    what: 'a data key given twice',
    pick: `select owner as id from vault.deks order by owner limit 1`,
    spoil: copy('vault.deks', `'owner', r.owner || 'x'`, `r.owner = ':id'`),
  },
  {
    name: 'sealed_under_its_key',
    what: 'another’s data key',
    pick: `select instrument as id from vault.records order by instrument limit 1`,
    spoil: `update vault.deks set id = '\\x00000000000000000000000000000000' where owner = ':id';`,
  },
  {
    name: 'sealed_under_its_key',
    what: 'another form',
    pick: `select instrument as id from vault.records order by instrument limit 1`,
    spoil: `update vault.records set envelope = '\\x00'::bytea || substring(envelope from 2) where instrument = ':id';`,
  },
  {
    name: 'wraps_counted',
    what: 'more than were reserved',
    pick: `select encode(k.id, 'hex') as id from vault.keys k join vault.deks d on d.tenant = k.scope and d.purpose = k.purpose and d.key_version = k.key_version order by 1 limit 1`,
    spoil: `update vault.keys set wraps = 0 where encode(id, 'hex') = ':id';`,
  },
  {
    name: 'wraps_counted',
    what: 'more than may be',
    pick: `select encode(id, 'hex') as id from vault.keys order by 1 limit 1`,
    spoil: `update vault.keys set wraps = 1073741825 where encode(id, 'hex') = ':id';`,
  },
  {
    name: 'opened_for_a_purpose',
    what: 'no purpose',
    pick: `select subject as id from vault.audit_entries where act = 'forward' order by 1 limit 1`,
    spoil: `update vault.audit_entries set purpose = '' where subject = ':id';`,
  },
  {
    name: 'told_once',
    what: 'in the chain and before it',
    pick: `select subject as id from vault.audit_entries where act = 'forward' order by 1 limit 1`,
    spoil: `insert into vault.audit_log (seq, node, n, at, act, tenant, subject, purpose, operation, detail, hash)
            select 1000000, node, n, at, act, tenant, subject, purpose, operation, detail, mac from vault.audit_entries where subject = ':id' and act = 'forward' limit 1;`,
  },
  {
    name: 'told_once',
    what: 'leave given twice',
    pick: `select subject as id from vault.audit_entries where act = 'release' order by 1 limit 1`,
    spoil: copy('vault.audit_entries', `'n', r.n + 1000000`, `r.subject = ':id' and r.act = 'release'`),
  },
  {
    name: 'sealed_with_leave',
    what: 'no entry of it',
    pick: `select r.instrument as id from vault.records r where r.operation like 'opn%' and r.adopted_at > (select min(at) from vault.audit_entries) order by 1 limit 1`,
    spoil: `delete from vault.audit_entries e using vault.records r where r.instrument = ':id' and e.operation = r.operation;`,
  },
]

/** Checks, references, unique sets and what must be given; the primary keys stay, for the questions go by them. */
const withoutGuards = `
do $$
declare
  one record;
begin
  for one in
    select c.conrelid::regclass as name, c.conname
    from pg_constraint c
    where c.connamespace in ('bindery'::regnamespace, 'vault'::regnamespace)
      and c.contype in ('f', 'c', 'u')
    order by c.contype <> 'f'
  loop
    execute format('alter table %s drop constraint %I', one.name, one.conname);
  end loop;
  for one in
    select a.attrelid::regclass as name, a.attname
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace in ('bindery'::regnamespace, 'vault'::regnamespace)
    where a.attnum > 0 and a.attnotnull and a.attidentity = '' and not a.attisdropped
      and not exists (select from pg_index i where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey))
  loop
    execute format('alter table %s alter column %I drop not null', one.name, one.attname);
  end loop;
end
$$;
create schema kept;`

const touched = (sql: string): readonly string[] => [
  ...new Set([...sql.matchAll(/(?:insert into|update|delete from)\s+((?:bindery|vault)\.\w+)/g)].map(match => match[1] ?? '')),
]

async function undo(names: readonly string[]): Promise<void> {
  for (const name of names)
    await production.client.query(
      `truncate ${name}; insert into ${name} overriding system value select * from kept.${name.replace('.', '_')}`,
    )
  await production.client.query('alter table bindery.transfers enable trigger all')
}

describe('in a history that was lived through', () => {
  test('nothing is found as it is', async () => {
    const run = await runSeed(3, 400, undefined, production)
    assert.deepEqual(run.violations, [])
    const { rows } = await production.client.query('select count(*)::int as n from bindery.facts')
    assert.ok(rows[0].n > 300, `${rows[0].n} facts`)
    await production.client.query(withoutGuards)
    for (const name of new Set(spoilings.flatMap(one => touched(one.spoil))))
      await production.client.query(`create table kept.${name.replace('.', '_')} as table ${name}`)
  })

  for (const { name, what, pick, spoil, subject } of spoilings)
    test(`${name} finds ${what}, and where`, async () => {
      const invariant = everything.find(one => one.name === name) ?? assert.fail(name)
      const found = async (): Promise<readonly string[]> => (await production.askOne(invariant)).findings.map(one => one.subject)
      const id: string = pick === undefined ? (subject ?? '') : (await production.client.query(pick)).rows[0]?.id
      assert.ok(id, 'there is no row to spoil')
      assert.deepEqual(await found(), [])
      try {
        await production.client.query(spoil.replaceAll(':id', id))
        const after = await found()
        assert.ok(after.includes(id), `${id} is not among ${after}`)
      } finally {
        await undo(touched(spoil))
      }
    })

  test('every question was shown to find something', () => {
    const shown = new Set(spoilings.map(one => one.name))
    assert.deepEqual(
      everything.map(one => one.name).filter(name => !shown.has(name)),
      [],
    )
  })

  test('every table of which rows fall due is one of the queues, or is only forgotten', () => {
    const due = tables.filter(one => 'due_at' in one.columns).map(one => one.name)
    const others = ['idempotency', 'invariant_checks', 'safeguard_counts', 'safeguard_decisions']
    assert.deepEqual(due.toSorted(), [...queues.map(one => one.table), ...others].toSorted())
  })
})

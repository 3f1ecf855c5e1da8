/** I8 to I15: the ledger's tables, and amounts wherever they are written. A transfer is one row, so that its two sides cannot be apart. */
import type { Invariant } from '../world/invariant.ts'

const transfers = { table: 'transfers', key: ['tenant', 'id'], since: 'created_at' } as const
const accounts = { table: 'accounts', key: ['tenant', 'id'], since: undefined } as const
const reports = { table: 'charge_reports', key: ['tenant', 'mode', 'id'], since: 'reported_at' } as const
const notices = { table: 'pre_debit_notices', key: ['tenant', 'id'], since: 'created_at' } as const
const usages = { table: 'instrument_usage', key: ['instrument', 'period', 'currency', 'tenant'], since: undefined } as const

/** An amount in a currency that has no minor unit, or below nothing. */
const amountOf = (of: {
  readonly name: string
  readonly walk: NonNullable<Invariant['walk']>
  readonly what: string
  readonly amounts: readonly [string, ...string[]]
  readonly mode: string
  readonly subject: string
}): Invariant => ({
  id: 'I15',
  name: of.name,
  book: 'bindery',
  never: `${of.what} is in a currency without a minor unit, or below nothing.`,
  walk: of.walk,
  shows: ['currency', 'amount'],
  found: `
select p.tenant, ${of.mode} as mode, ${of.subject} as subject, p.currency, ${of.amounts[0]}::text as amount
from page p
cross join given g
where not g.known->'currencies' ? p.currency
  or ${of.amounts.map(one => `${one} < 0`).join(' or ')}`,
})

export const ledgerInvariants: readonly Invariant[] = [
  {
    id: 'I8',
    name: 'transfers_in_one_currency',
    book: 'bindery',
    never: 'A transfer adds up to something else than nothing: its amount is none, or one of its accounts has another currency.',
    walk: transfers,
    shows: ['amount', 'currency', 'debit', 'credit'],
    found: `
select t.tenant, null as mode, t.id as subject, t.amount::text as amount, t.currency, t.debit, t.credit
from page t
left join accounts d on d.tenant = t.tenant and d.id = t.debit
left join accounts c on c.tenant = t.tenant and c.id = t.credit
where t.amount <= 0
  or t.debit = t.credit
  or d.currency <> t.currency
  or c.currency <> t.currency`,
  },
  {
    id: 'I9',
    name: 'transfers_have_two_sides',
    book: 'bindery',
    never: 'A transfer has a debit without a credit, or a credit without a debit.',
    walk: transfers,
    shows: ['debit', 'credit'],
    found: `
select t.tenant, null as mode, t.id as subject, t.debit, t.credit
from page t
where not exists (select from accounts a where a.tenant = t.tenant and a.id = t.debit)
  or not exists (select from accounts a where a.tenant = t.tenant and a.id = t.credit)`,
  },
  {
    id: 'I10',
    name: 'balances_add_up',
    book: 'bindery',
    never: 'An account’s balance is not the sum of its transfers.',
    walk: accounts,
    shows: ['debits', 'debits_summed', 'credits', 'credits_summed'],
    found: `
select a.tenant, null as mode, a.id as subject, a.debits_posted::text as debits, d.sum::text as debits_summed,
  a.credits_posted::text as credits, c.sum::text as credits_summed
from page a
cross join lateral (select coalesce(sum(t.amount), 0) as sum from transfers t where t.tenant = a.tenant and t.debit = a.id) as d
cross join lateral (select coalesce(sum(t.amount), 0) as sum from transfers t where t.tenant = a.tenant and t.credit = a.id) as c
where a.debits_posted <> d.sum
  or a.credits_posted <> c.sum`,
  },
  {
    id: 'I11',
    name: 'transfers_are_guarded',
    book: 'bindery',
    never: 'A transfer could be changed or removed: the guard that forbids it is gone or switched off.',
    walk: null,
    shows: ['missing'],
    found: `
select null as tenant, null as mode, 'transfers' as subject, w.guard as missing
from (values ('transfers_never_change'), ('transfers_never_vanish')) as w(guard)
where not exists (
  select from pg_catalog.pg_trigger t
  where t.tgrelid = 'transfers'::regclass
    and t.tgname = w.guard
    and t.tgenabled in ('O', 'A')
)`,
  },
  {
    id: 'I12',
    name: 'never_overdrawn',
    book: 'bindery',
    never: 'An account that must not be overdrawn is.',
    walk: accounts,
    shows: ['debits', 'credits'],
    found: `
select a.tenant, null as mode, a.id as subject, a.debits_posted::text as debits, a.credits_posted::text as credits
from page a
where (a.limit_debits and a.debits_posted > a.credits_posted)
  or (a.limit_credits and a.credits_posted > a.debits_posted)`,
  },
  amountOf({
    ...{ name: 'account_currencies', walk: accounts, what: 'An account', amounts: ['p.debits_posted', 'p.credits_posted'] },
    ...{ mode: 'null', subject: 'p.id' },
  }),
  amountOf({ name: 'charge_amounts', walk: reports, what: 'A reported charge', amounts: ['p.amount'], mode: 'p.mode', subject: 'p.id' }),
  amountOf({ name: 'notice_amounts', walk: notices, what: 'A pre-debit notice', amounts: ['p.amount'], mode: 'null', subject: 'p.id' }),
  amountOf({ name: 'usage_amounts', walk: usages, what: 'A use', amounts: ['p.amount', 'p.count'], mode: 'null', subject: 'p.instrument' }),
]

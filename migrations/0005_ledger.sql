-- The books: accounts and the transfers between them. Whoever posts goes through the ride, which keeps the currency of a transfer and
-- of both its accounts the same; the limits stand here a second time.
create table accounts (
  tenant text collate "C" not null,
  id text collate "C" not null,
  currency text collate "C" not null,
  debits_posted bigint not null,
  credits_posted bigint not null,
  limit_debits boolean not null,
  limit_credits boolean not null,
  version integer not null,
  constraint accounts_pkey primary key (tenant, id),
  constraint accounts_debits_limit check (not limit_debits or debits_posted <= credits_posted),
  constraint accounts_credits_limit check (not limit_credits or credits_posted <= debits_posted),
  constraint accounts_posted_positive check (debits_posted >= 0 and credits_posted >= 0)
);

create table transfers (
  tenant text collate "C" not null,
  id text collate "C" not null,
  debit text collate "C" not null,
  credit text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  reference text collate "C" not null,
  created_at timestamptz not null,
  constraint transfers_pkey primary key (tenant, id),
  constraint transfers_debit_fkey foreign key (tenant, debit) references accounts (tenant, id),
  constraint transfers_credit_fkey foreign key (tenant, credit) references accounts (tenant, id),
  constraint transfers_amount_positive check (amount > 0),
  constraint transfers_two_accounts check (debit <> credit)
);

create index transfers_debit on transfers (tenant, debit, id);
create index transfers_credit on transfers (tenant, credit, id);

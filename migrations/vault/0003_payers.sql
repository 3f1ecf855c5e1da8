-- Beside cards: device tokens, sealed as cards are, and payers who are no cards (bank accounts, wallets, mandates, carrier accounts).
alter table records
  add column kind text not null default 'card',
  add column scheme text,
  add column eci text,
  add column country text,
  add column held jsonb,
  add column tail text,
  alter column network_fingerprint drop not null,
  alter column fingerprint drop not null,
  alter column brand drop not null,
  alter column bin drop not null,
  alter column last4 drop not null,
  alter column expiry_month drop not null,
  alter column expiry_year drop not null,
  add constraint records_kind_known
    check (kind in ('card', 'device_token', 'bank_account', 'wallet', 'instant_mandate', 'carrier_account')),
  add constraint records_field_fits check (field = case when kind in ('card', 'device_token') then 'card' else 'payer' end),
  -- A card is told by brand, BIN, last four and expiry and always known again; a payer by country and tail, and not always.
  add constraint records_shown check (
    case when kind in ('card', 'device_token')
      then num_nonnulls(network_fingerprint, fingerprint, brand, bin, last4, expiry_month, expiry_year) = 7
        and num_nonnulls(country, held, tail) = 0
      else num_nonnulls(brand, bin, last4, expiry_month, expiry_year) = 0
        and num_nonnulls(country, held, tail) = 3
        and num_nonnulls(network_fingerprint, fingerprint) <> 1
    end
  ),
  add constraint records_tail_short check (tail ~ '^[0-9A-Z]{0,4}$');

alter table records alter column kind drop default;

-- Wallet tokens that were opened: each is good once.
create table opened_tokens (
  wallet text not null,
  id_hash text not null,
  opened_at timestamptz not null,
  due_at timestamptz,
  clock text,
  version integer not null default 1,
  constraint opened_tokens_pkey primary key (wallet, id_hash),
  constraint opened_tokens_wallet_known check (wallet in ('apple_pay', 'google_pay'))
);

-- What `due` asks: those that may be forgotten.
create index opened_tokens_due on opened_tokens (due_at) where due_at is not null;

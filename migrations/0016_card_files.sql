-- Of which card file the rows of an import name cards: their numbers are in the vault, and stay there.
alter table imports add column card_file text collate "C";

-- Where a replacement is typed in: at the vault's own page, or at the merchant's.
alter table portal_links add column hosted boolean not null default false;
alter table portal_links alter column hosted drop default;

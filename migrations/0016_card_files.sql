-- Of which card file the rows of an import name cards: their numbers are in the vault, and stay there.
alter table imports add column card_file text collate "C";

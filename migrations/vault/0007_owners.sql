-- Whoever something is sealed for. What seals adds to `sealed`, and only while `shredded` is 0; a shredding raises it for good, before the keys
-- are deleted. So the row is the log of shreddings and the door that stays shut after one.
create table owners (
  tenant text collate "C" not null,
  owner text collate "C" not null,
  sealed integer not null,
  shredded integer not null,
  shredded_at timestamptz,
  version integer not null,
  constraint owners_pkey primary key (tenant, owner)
) with (fillfactor = 50);

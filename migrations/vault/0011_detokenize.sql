-- How often numbers were given out in the clear, by day, to each person and (`*`) in each tenant: counted before anything is opened.
create table detokenizations (
  tenant text collate "C" not null,
  mode text collate "C" not null,
  day text collate "C" not null,
  who text collate "C" not null,
  count integer not null,
  version integer not null,
  constraint detokenizations_pkey primary key (tenant, mode, day, who),
  constraint detokenizations_mode_known check (mode in ('test', 'live')),
  constraint detokenizations_day_written check (day ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'),
  constraint detokenizations_count_positive check (count >= 0)
) with (fillfactor = 50);

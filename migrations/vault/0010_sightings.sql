-- How often a number, or its neighbourhood, was tried in an hour, at all tenants together.
create table sightings (
  print text collate "C" not null,
  slot integer not null,
  mode text collate "C" not null,
  attempts integer not null,
  due_at timestamptz,
  clock text,
  version integer not null,
  constraint sightings_pkey primary key (print, slot, mode),
  constraint sightings_positive check (attempts >= 0)
) with (fillfactor = 50);
create index sightings_due on sightings (due_at) where due_at is not null;

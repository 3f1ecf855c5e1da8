-- The vault's own rides; see the API's migration of the same name.
create table rides (
  id uuid not null,
  at timestamptz not null,
  answer jsonb,
  constraint rides_pkey primary key (id)
);

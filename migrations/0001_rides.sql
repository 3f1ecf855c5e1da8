-- One row per ride: the transaction in which commits travelled together. When the answer to a ride's COMMIT is lost, its fate is
-- settled here: whoever inserts the id first wins, the ride or the one who asks. `answer` keeps what the ride refused, for that asking.
create table rides (
  id uuid not null,
  at timestamptz not null,
  answer jsonb,
  constraint rides_pkey primary key (id)
);

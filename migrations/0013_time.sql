-- A test clock is moved by one at a time.

alter table clocks add column held_until timestamptz;

-- What stands on a test clock does not lie in the way of what is due by the real one.
drop index operations_due;
create index operations_due on operations (due_at) where due_at is not null and clock is null;
create index operations_clock on operations (clock, due_at) where due_at is not null and clock is not null;
drop index inbox_due;
create index inbox_due on inbox (due_at) where due_at is not null and clock is null;
create index inbox_clock on inbox (clock, due_at) where due_at is not null and clock is not null;
drop index instruments_due;
create index instruments_due on instruments (due_at) where due_at is not null and clock is null;
create index instruments_clock on instruments (clock, due_at) where due_at is not null and clock is not null;

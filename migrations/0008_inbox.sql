-- News whose binding is known and that is not learned yet (it is dated ahead), or never will be (the same event told something else before):
-- shown with the instrument's other news.
alter table inbox
  add column tenant text collate "C",
  add column binding text collate "C";
create index inbox_binding on inbox (binding, tenant);

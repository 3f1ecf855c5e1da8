-- What a key may do (`role`) and who uses it (`person`), so that two keys of one person are not taken for two persons.
-- Keys made before may do what they could.
alter table api_keys add column role text collate "C" not null default 'owner';
alter table api_keys add column person text collate "C";
update api_keys set role = 'browser' where kind = 'publishable';
alter table api_keys alter column role drop default;
alter table api_keys
  add constraint api_keys_role check (
    role in ('owner', 'operator', 'developer', 'application', 'support', 'auditor', 'browser')
    and (role = 'browser') = (kind = 'publishable')
  ),
  add constraint api_keys_person check (length(person) between 1 and 200);

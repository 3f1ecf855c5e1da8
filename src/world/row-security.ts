/**
 * Row-level security: of every table with a tenant the reading role sees the rows of the one tenant its transaction names, and none where
 * it names nobody. Put on by every migration run to whatever table has none yet, so that a new table cannot be forgotten.
 */
export const rowSecuritySql = (roles: { readonly rider: string; readonly reader: string; readonly watcher: string }): string => `
do $$
declare
  one record;
begin
  for one in
    select c.relname as name, a.attname as owner
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = case c.relname when 'tenants' then 'id' else 'tenant' end
    where c.relnamespace = 'bindery'::regnamespace
      and c.relkind in ('r', 'p')
      and not a.attisdropped
      and not c.relrowsecurity
  loop
    execute format('alter table bindery.%I enable row level security', one.name);
    execute format('create policy own_tenant on bindery.%I for select to ${roles.reader} using (%I = current_setting(''bindery.tenant'', true))', one.name, one.owner);
    execute format('create policy rides on bindery.%I for all to ${roles.rider} using (true) with check (true)', one.name);
    execute format('create policy watches on bindery.%I for select to ${roles.watcher} using (true)', one.name);
  end loop;
  -- What rides were refused names rows of anybody.
  if to_regclass('bindery.rides') is not null then
    revoke select on bindery.rides from ${roles.reader};
  end if;
end
$$;
`

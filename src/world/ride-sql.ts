/**
 * The ride function: one PL/pgSQL function per list of tables, generated from their declarations, that carries out every commit of a
 * ride in one round trip. Its statements are set-based, each runs only if the ride has something for it, and all keep their plans.
 *
 * It takes the ride's id and `{"insert": {"<table>": [[tag, …], …]}, "move": …}`: rows as JSON arrays (a third cheaper than objects:
 * 4.0 against 6.3 µs for a row of twelve columns, and as cheap as one array parameter a column). A tag is commit × 1024 + write. It
 * answers null when all went well, else the refusals as `[tag, table, constraint, kind, definite]`.
 *
 * The first pass hopes that nothing is there yet that it inserts. If something is, the sub-block is rolled back and the ride goes round
 * again with care, passing over rows that are taken.
 *
 * A statement that touches fewer rows than it was given has met a conflict: the sub-block is rolled back, `…_refusals` finds every
 * write that the rows as they stood before the ride forbid, `…_company` those that only the rest of the ride stands against, and the
 * ride is tried again without their commits.
 */
import { createHash } from 'node:crypto'
import { companySql, droppingSql, refusalsSql, repeatedPostsSql } from './ride-sql-refusals.ts'
import { ledgerOf, workOf } from './ride-sql-work.ts'
import { type Layout, layoutOf } from './store-layout.ts'
import type { AnyTable } from './table.ts'

export type RideFunction = {
  readonly schema: string
  /** Carries the hash of the declarations and of this generator, so servers of two versions can share a database. */
  readonly name: string
  /** `create or replace` statements, to be run by a role that owns the tables or may write to them. */
  readonly sql: string
}

/** The function for these tables in this schema. The migration step creates it; the store calls it by the same name. */
export function rideFunctionSql(schema: string, tables: readonly AnyTable[]): RideFunction {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(schema)) throw new TypeError(`${schema}: not a plain schema name`)
  const layout = layoutOf(tables)
  const draft = functionsSql(schema, layout, 'ride')
  const name = `ride_${createHash('sha256').update(draft).digest('hex').slice(0, 12)}`
  return { schema, name, sql: functionsSql(schema, layout, name) }
}

function functionsSql(schema: string, layout: Layout, name: string): string {
  return [companySql(schema, layout, name), refusalsSql(schema, layout, name), mainSql(schema, layout, name)].join('\n')
}

/** Passes after which a ride gives up and is sent again as if it had met a deadlock. Each pass but the last drops commits or waits out a race. */
const passesMax = 20

const variables = `declare
  the_verb jsonb;
  the_rows jsonb;
  the_row jsonb;
  the_set jsonb;
  the_count bigint;
  the_answer jsonb;
  the_found jsonb;
  the_passes integer := 0;
  the_care boolean := false;
`

function mainSql(schema: string, layout: Layout, name: string): string {
  const ledger = ledgerOf(layout)
  return `create or replace function "${schema}"."${name}"(the_ride uuid, the_writes jsonb)
returns jsonb
language plpgsql
as $ride$
#variable_conflict use_column
${variables}begin
  insert into "${schema}".rides (id, at)
  values (the_ride, clock_timestamp());
  while the_writes is not null loop
    begin
${workOf(schema, layout)}
      exit;
    exception
      when sqlstate 'RIDE1' then
        the_passes := the_passes + 1;
      when unique_violation then
        if the_care then
          raise;
        end if;
        the_care := true;
        continue;
    end;
    if the_passes > ${passesMax} then
      raise exception 'the ride met too many conflicts' using errcode = '40001';
    end if;
${ledger === undefined ? '' : repeatedPostsSql(schema)}
    the_found := "${schema}"."${name}_refusals"(the_writes);
    if the_found is not null then
      the_answer := coalesce(the_answer, '[]') || the_found;
${droppingSql('the_found', 'commit')}
    end if;
    if the_writes is not null then
      the_found := "${schema}"."${name}_company"(the_writes);
      if the_found is not null then
        the_answer := coalesce(the_answer, '[]') || the_found;
${droppingSql('the_found', 'commit')}
      end if;
    end if;
  end loop;
  if the_answer is not null then
    update "${schema}".rides
       set answer = the_answer
     where id = the_ride;
  end if;
  return the_answer;
end
$ride$;
`
}

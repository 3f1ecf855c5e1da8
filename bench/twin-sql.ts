/** The twin's statements, from the same declarations of tables as the product's: one row, one statement, one round trip. */

import { events } from '../src/events/tables.ts'
import { idempotency } from '../src/http/tables.ts'
import { bindings, channelNames, facts, identities, instruments, operations } from '../src/instruments/tables.ts'
import { deks, records } from '../src/vault/tables.ts'
import type { AnyTable, ColumnType } from '../src/world/table.ts'
import { type Bind, bindingOf, claimOf, identityOf, instrumentOf, jsonHeaders, operationOf, outcomeOf } from './twin-rows.ts'

export type Value = string | number | boolean | Buffer | null
/** `only`: how many rows it must touch is one, else the bind is refused. */
export type Statement = {
  readonly name: string
  readonly text: string
  readonly values: readonly Value[]
  readonly types: readonly ColumnType[]
}
type RowData = Readonly<Record<string, unknown>>

const inserting = new Map<string, string>()

/** Another row in the way is an error that ends the transaction, unless `onConflict` says otherwise. */
export function insertInto(schema: string, table: AnyTable, row: RowData, onConflict = ''): Statement {
  const columns = Object.keys(table.columns)
  const name = `insert ${table.name}`
  const known = inserting.get(name)
  const text =
    known ??
    `insert into ${schema}.${table.name} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})${onConflict}`
  inserting.set(name, text)
  const types = columns.map(column => typeOf(table, column))
  return { name, text, values: columns.map((column, i) => parameter(types[i], row[column])), types }
}

const changing = new Map<string, string>()

/** Changes a row if its version is still the one that was inserted. */
export function change(schema: string, table: AnyTable, key: RowData, set: RowData): Statement {
  const keys = Object.keys(key)
  const sets = Object.keys(set)
  const name = `change ${table.name}`
  const known = changing.get(name)
  const text =
    known ??
    `update ${schema}.${table.name} set ${sets.map((column, i) => `${column} = $${i + 1}`).join(', ')}, version = version + 1 where ${keys.map((column, i) => `${column} = $${sets.length + i + 1}`).join(' and ')} and version = 1`
  changing.set(name, text)
  const columns = [...sets, ...keys]
  const types = columns.map(column => typeOf(table, column))
  return { name, text, values: columns.map((column, i) => parameter(types[i], column in set ? set[column] : key[column])), types }
}

function typeOf(table: AnyTable, column: string): ColumnType {
  const type = table.columns[column]?.type
  if (type === undefined) throw new TypeError(`${table.name} has no column ${column}`)
  return type
}

function parameter(type: ColumnType | undefined, value: unknown): Value {
  if (value === null || value === undefined) return null
  if (type === 'time' && typeof value === 'number') return new Date(value).toISOString()
  if (type === 'json') return JSON.stringify(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || Buffer.isBuffer(value)) return value
  throw new TypeError('not a value for a statement')
}

/** Held until the end of the transaction: the customer a bind is made for does not change under it. */
export const readCustomer = (b: Pick<Bind, 'tenant' | 'customer'>): Statement => ({
  name: 'read customer',
  text: `select mode, clock, channel_customers, version from bindery.customers where tenant = $1 and id = $2 for share`,
  values: [b.tenant, b.customer],
  types: ['text', 'text'],
})

export type Sealed = { readonly dek: RowData; readonly record: RowData }

/** The first transaction. The first statement finds the customer, the second takes the Idempotency-Key. */
export const intentOf = (b: Bind, sealed: Sealed): readonly Statement[] => [
  readCustomer(b),
  insertInto('bindery', idempotency, claimOf(b), ' on conflict do nothing'),
  insertInto('bindery', instruments, instrumentOf(b)),
  insertInto('bindery', identities, identityOf(b)),
  insertInto('bindery', bindings, bindingOf(b)),
  insertInto('bindery', operations, operationOf(b)),
  insertInto('vault', deks, { ...sealed.dek, version: 1 }),
  insertInto('vault', records, { ...sealed.record, version: 1 }),
]

/** The second transaction, and the answer it keeps. */
export function outcomeStatements(b: Bind, now: number): { readonly statements: readonly Statement[]; readonly answer: string } {
  const { fact, name, event, binding, instrument, answer } = outcomeOf(b, now)
  const { status, token, network_transaction_id, updated_at } = binding
  const home = { tenant: b.tenant }
  const statements = [
    insertInto('bindery', facts, { ...fact, version: 1 }),
    change('bindery', bindings, { ...home, id: b.ids.binding }, { status, token, network_transaction_id, updated_at }),
    change('bindery', operations, { id: b.ids.operation }, { status: 'settled', due_at: null }),
    insertInto('bindery', channelNames, name),
    change(
      'bindery',
      instruments,
      { ...home, id: b.ids.instrument },
      { status: instrument.status, sequence: instrument.sequence, updated_at: instrument.updated_at },
    ),
    insertInto('bindery', events, { ...event, version: 1 }),
    change(
      'bindery',
      idempotency,
      { ...home, mode: 'test', key: b.idempotency.key },
      { state: 'done', status: 201, headers: jsonHeaders, body: answer },
    ),
  ]
  return { statements, answer }
}

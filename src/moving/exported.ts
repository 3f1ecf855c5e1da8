/** One row of an export: the names an import takes, so that what one deployment gives out another takes in; and what only a reader wants. */
import { unfindable } from '../channels/channel.ts'
import { expiryOf, expiryText } from '../instruments/expiry.ts'
import { csvField } from './csv.ts'
import type { Moved } from './queries.ts'
import type { Format } from './tables.ts'

export const exportColumns = [
  'customer',
  'channel',
  'token',
  'status',
  'instrument',
  'channel_customer',
  'references',
  'kind',
  'brand',
  'last4',
  'bin',
  'expiry',
  'scheme',
  'country',
  'bank',
  'handle',
  'fingerprint',
  'par',
  'network_transaction_id',
  'transaction_link_id',
  'mandate',
  'created_at',
  'metadata',
  'card',
  // From here on nothing that an import reads.
  'customer_id',
  'binding',
  'instrument_status',
  'reasons',
  'reason',
  'card_version',
  'merged_into',
  'replaced_by',
] as const
type Column = (typeof exportColumns)[number]
export type Exported = Readonly<Record<Column, unknown>>

/** A customer without a reference of yours goes by our id. */
export function exported(row: Moved): Exported {
  const { display, own } = row
  const expiry = expiryOf(display)
  const references = Object.fromEntries(Object.entries(row.names).filter(([kind]) => !unfindable.has(kind)))
  const known = (prefix: RegExp): string | null =>
    row.identities.flatMap(one => (prefix.test(one) ? [one.replace(prefix, '')] : [])).find(one => !one.startsWith('ifp_')) ?? null
  return {
    customer: row.reference ?? row.customer,
    channel: row.channel,
    token: row.token,
    status: row.status,
    instrument: row.instrument,
    channel_customer: row.names.customer ?? row.channel_customers[row.channel] ?? null,
    references,
    kind: row.kind,
    brand: display.brand ?? null,
    last4: display.last4 ?? null,
    bin: display.bin ?? null,
    expiry: expiry === undefined ? null : expiryText(expiry),
    scheme: display.scheme ?? null,
    country: display.country ?? null,
    bank: display.bank ?? null,
    handle: display.handle ?? null,
    fingerprint: known(new RegExp(`^(?:card|device_token|account|wallet|phone) ${row.channel}:`)),
    par: known(/^par /),
    network_transaction_id: row.network_transaction_id,
    transaction_link_id: row.transaction_link_id,
    mandate: termsOf(row.terms),
    created_at: new Date(row.created_at).toISOString(),
    metadata: row.metadata,
    // Under this name a card file of the same vault has its number, where the vault has one.
    card: row.identities.some(one => one.startsWith('card ifp_')) ? row.instrument : null,
    customer_id: row.customer,
    binding: row.binding,
    instrument_status: row.instrument_status,
    reasons: row.reasons,
    reason: row.reason,
    card_version: row.card_version,
    merged_into: row.merged_into,
    replaced_by: own.replacedBy ?? null,
  }
}

/** In the words that the API takes. */
function termsOf(terms: unknown): unknown {
  if (typeof terms !== 'object' || terms === null) return null
  const names: Readonly<Record<string, string>> = { startsOn: 'starts_on', endsOn: 'ends_on' }
  return Object.fromEntries(Object.entries(terms).map(([name, value]) => [names[name] ?? name, value]))
}

export function exportedLine(row: Exported, format: Format): string {
  if (format === 'jsonl') return `${JSON.stringify(row)}\n`
  return `${exportColumns.map(name => csvField(cell(row[name]))).join()}\n`
}

/** Groups as JSON; an empty one, like nothing, is an empty field. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  return typeof value === 'object' && Object.keys(value).length === 0 ? '' : JSON.stringify(value)
}
export const exportHeader = (format: Format): string => (format === 'csv' ? `${exportColumns.join()}\n` : '')

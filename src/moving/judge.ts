/**
 * What is to become of a row, by what is here already: a pure decision. Two tokens are one instrument when the same customer's rows say so by
 * the channel's fingerprint, the network's account reference (PAR) or the former system's own id; never because brand, last four and expiry
 * look alike. A row changes nothing that is here but what it joins.
 */
import { type Channel, type ChannelName, unfindable } from '../channels/channel.ts'
import { ended } from '../instruments/instrument.ts'
import type { BindingRow, CustomerRow, IdentityKind, InstrumentRow } from '../instruments/tables.ts'
import type { Fault, TakenRow } from './row.ts'

export type Identity = { readonly kind: IdentityKind; readonly value: string }
/** The instrument that an identity belongs to, with all its bindings. `version`: of the identity's row. */
export type Held = { readonly instrument: InstrumentRow; readonly bindings: readonly BindingRow[]; readonly version: number }

/** What was read for a batch. Customers by reference, tokens by `tokenName`, instruments by `identityName`. */
export type Known = {
  readonly customers: ReadonlyMap<string, CustomerRow>
  readonly tokens: ReadonlyMap<string, Pick<BindingRow, 'customer' | 'instrument' | 'id'> | 'elsewhere'>
  readonly held: ReadonlyMap<string, Held>
  /** What other bindings of these channels are called, as `tokenName`. */
  readonly names: ReadonlySet<string>
  /** Of a dry run: the customer's reference, by what its earlier rows would have made. */
  readonly marks: ReadonlyMap<string, string>
  /** Ids of customers of whom it is said already which instrument is their default. */
  readonly defaults: ReadonlySet<string>
}

/** What the rows before it in the batch make: nothing of that is in the database yet. */
export type Draft = {
  readonly customers: Map<string, CustomerRow>
  /** By `tokenName` and `identityName`: the customer's reference. */
  readonly made: Map<string, string>
  readonly names: Set<string>
  /** Ids of rows that are moved by the batch. */
  readonly moved: Set<string>
  readonly defaults: Set<string>
}
export const emptyDraft = (): Draft => ({ customers: new Map(), made: new Map(), names: new Set(), moved: new Set(), defaults: new Set() })

export type Verdict =
  | { readonly kind: 'refused'; readonly fault: Fault }
  /** `at`: undefined where an earlier row of the same file was the same. */
  | { readonly kind: 'unchanged'; readonly at: Pick<BindingRow, 'instrument' | 'id'> | undefined }
  | { readonly kind: 'fresh'; readonly channel: ChannelName }
  /** `held` undefined: in a dry run, what an earlier row would have made. */
  | { readonly kind: 'joins'; readonly channel: ChannelName; readonly held: Held | undefined }
  /** The instrument lives at this channel by another token already. */
  | { readonly kind: 'alias'; readonly channel: ChannelName; readonly binding: BindingRow }
  /** It meets what an earlier row of the batch changes: first that has to be written. */
  | { readonly kind: 'later' }

export type Court = {
  readonly channelOf: (name: ChannelName) => Channel | string
  /** Of the import: for rows that name none. */
  readonly channel: ChannelName | null
  readonly sourceName: string
  readonly dry: boolean
}

export const tokenName = (channel: ChannelName, token: string): string => `token ${channel} ${token}`
export const identityName = (customer: string, { kind, value }: Identity): string => `${kind} ${customer} ${value}`

const printedBy: Readonly<Record<TakenRow['kind'], IdentityKind>> = {
  card: 'card',
  device_token: 'device_token',
  bank_account: 'account',
  instant_mandate: 'account',
  wallet: 'wallet',
  carrier_account: 'phone',
}

/** The strongest first. */
export function identitiesOf(row: TakenRow, channel: ChannelName, sourceName: string): readonly Identity[] {
  const all: Identity[] = []
  if (row.vaulted !== undefined) all.push({ kind: 'card', value: row.vaulted.fingerprint })
  if (row.par !== undefined) all.push({ kind: 'par', value: row.par })
  if (row.fingerprint !== undefined) all.push({ kind: printedBy[row.kind], value: `${channel}:${row.fingerprint}` })
  if (row.former !== undefined) all.push({ kind: 'former', value: `${sourceName}:${row.former}` })
  return all
}

/** Names by which the channel's news finds a binding: its token, and what else the channel calls it. */
export const namesOf = (row: Pick<TakenRow, 'token' | 'references'>): ReadonlySet<string> =>
  new Set([
    ...(row.token === undefined ? [] : [row.token]),
    ...Object.entries(row.references).flatMap(([kind, name]) => (unfindable.has(kind) ? [] : [name])),
  ])

export function judge(row: TakenRow, known: Known, draft: Draft, court: Court): Verdict {
  const name = row.channel ?? court.channel
  if (name === null) return refused('channel', 'must be given: the import names no channel')
  const channel = court.channelOf(name)
  if (typeof channel === 'string') return refused('channel', channel)
  if (!channel.ways.some(way => way.kind === row.kind)) return refused('kind', `is nothing that ${name} binds`)
  if ((known.customers.get(row.customer)?.erased_at ?? null) !== null) return refused('customer', 'is being erased')
  const found = row.token === undefined ? withoutToken(row, channel) : byToken(row, tokenName(name, row.token), known, draft)
  if (found !== undefined) return found
  for (const identity of identitiesOf(row, name, court.sourceName)) {
    const met = meets(identityName(row.customer, identity), row, name, { known, draft, court })
    if (met !== undefined) return met
  }
  return { kind: 'fresh', channel: name }
}

function byToken(row: TakenRow, token: string, known: Known, draft: Draft): Verdict | undefined {
  const before = draft.made.get(token) ?? known.marks.get(token)
  if (before !== undefined) return before === row.customer ? { kind: 'unchanged', at: undefined } : taken
  const at = known.tokens.get(token)
  if (at === undefined) return undefined
  return at !== 'elsewhere' && at.customer === known.customers.get(row.customer)?.id ? { kind: 'unchanged', at } : taken
}

/** A card that no channel has yet is bound from the vault, while nobody is there to be asked anything. */
function withoutToken(row: TakenRow, channel: Channel): Verdict | undefined {
  if (row.vaulted === undefined) return refused('token', 'must be given')
  const binds = channel.bind !== undefined && channel.ways.some(way => way.kind === row.kind && way.shape === 'direct')
  return binds ? undefined : refused('token', `must be given: ${channel.name} binds no card without its customer`)
}

const refused = (field: string, detail: string): Verdict => ({ kind: 'refused', fault: { field, detail } })
const taken = refused('token', 'belongs to another customer')

function meets(
  name: string,
  row: TakenRow,
  channel: ChannelName,
  { known, draft, court }: { readonly known: Known; readonly draft: Draft; readonly court: Court },
): Verdict | undefined {
  if (draft.made.has(name) || known.marks.has(name)) return court.dry ? { kind: 'joins', channel, held: undefined } : { kind: 'later' }
  const held = known.held.get(name)
  if (held === undefined || ended.includes(held.instrument.status) || held.instrument.kind !== row.kind) return undefined
  if (draft.moved.has(held.instrument.id)) return { kind: 'later' }
  // Known by another name, and its number in the vault is another: a reissued card is told by an updater or its channel, not by a file.
  const { sharing } = held.instrument
  const isItsOwn = name === identityName(row.customer, { kind: 'card', value: row.vaulted?.fingerprint ?? '' })
  if (row.vaulted !== undefined && sharing !== null && !isItsOwn && sharing.value !== row.vaulted.fingerprint)
    return refused('card', 'is another number than the vault has of this instrument')
  const living = held.bindings.find(one => one.channel === channel && one.slot !== null)
  if (living === undefined) return { kind: 'joins', channel, held }
  return row.token === undefined ? { kind: 'unchanged', at: living } : { kind: 'alias', channel, binding: living }
}

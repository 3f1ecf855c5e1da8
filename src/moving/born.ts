/**
 * The rows of what was bound elsewhere: customer, instrument, binding, and the fact that makes it active. The fact stands where the answer to
 * a bind would, before all that a channel tells later; its source is the import, its event the line.
 */
import type { ChannelName } from '../channels/channel.ts'
import { debitSchemes, type Source } from '../channels/source.ts'
import { type AnyNews, foldBinding, type Imported, standing } from '../instruments/binding.ts'
import { defaults } from '../instruments/defaults.ts'
import { asFact } from '../instruments/fact.ts'
import { foldedColumns } from '../instruments/folded.ts'
import { derive, ended } from '../instruments/instrument.ts'
import { newBinding, newBindOperation, newInstrument } from '../instruments/intent.ts'
import { notice } from '../instruments/notice.ts'
import { sharingWrites } from '../instruments/sharing.ts'
import {
  type BindingRow,
  bindings,
  type CustomerRow,
  channelNames,
  type FactRow,
  facts,
  type InstrumentRow,
  identities,
  instruments,
  operations,
} from '../instruments/tables.ts'
import type { ToSealAs } from '../world/card-files.ts'
import { insert, moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { type Draft, type Held, type Identity, identitiesOf, identityName, type Known, namesOf, tokenName } from './judge.ts'
import type { TakenRow } from './row.ts'
import type { ImportRow } from './tables.ts'

export type Birth = {
  readonly of: ImportRow
  readonly line: number
  readonly row: TakenRow
  readonly channel: ChannelName
  readonly customer: CustomerRow
  /** The instrument that it joins; without one it is a new one. */
  readonly held: Held | undefined
}
export type Born = {
  readonly writes: readonly Write[]
  readonly instrument: string
  readonly binding: string
  /** The number that the vault has to seal under it before it is written. */
  readonly seals: readonly ToSealAs[]
}

/** By what customers who share its card are counted, once its number is in the vault. */
export const sharingOf = ({ vaulted }: TakenRow): InstrumentRow['sharing'] =>
  vaulted === undefined ? null : { kind: 'card', value: vaulted.fingerprint }

/** What other systems hold is taken over as it stands, and counted: the next bind is judged by it, the import is not. */
const unbounded = 2_000_000_000

/** What follows for an instrument whose number the vault did not have. */
export function vaultedWrites(before: InstrumentRow | undefined, after: InstrumentRow): readonly Write[] {
  return before?.sharing === null || before === undefined
    ? sharingWrites(undefined, after, unbounded)
    : sharingWrites(before, after, unbounded)
}

export const sealsOf = (of: ImportRow, line: number, row: TakenRow, { id, card_version }: InstrumentRow): readonly ToSealAs[] =>
  row.card === undefined || row.vaulted === undefined
    ? []
    : [{ card: row.card, instrument: id, instrumentVersion: card_version, operation: `${sourceOf(of)}:${line}` }]

/** Where the answer to a first bind stands in the fold. */
const importPlace = 1

export function born(world: World, birth: Birth, known: Known, draft: Draft): Born {
  const { of, line, row, customer, held } = birth
  const at = row.createdAt ?? world.now()
  const { tenant, mode } = of
  const joined = held === undefined ? undefined : { ...held.instrument, sharing: held.instrument.sharing ?? sharingOf(row) }
  const begun: InstrumentRow =
    joined ??
    ({
      ...newInstrument(world, {
        ...{ tenant, mode, customer: customer.id, kind: row.kind, display: row.display, metadata: row.metadata },
        clock: customer.clock,
        // A token that came from elsewhere was never in our vault: it has no fingerprint to be counted by.
        sharing: sharingOf(row),
      }),
      created_at: at,
    } satisfies InstrumentRow)
  const initiated = beginning(world, begun, birth, at)
  const { token } = row
  const told = token === undefined ? [] : factsOf(world, initiated, { ...birth, token }, at)
  const { known: folded } = foldBinding(told.map(asFact))
  const tells = of.notices === 'each' && token !== undefined
  const binding: BindingRow =
    token === undefined
      ? initiated
      : { ...initiated, ...foldedColumns(initiated, folded, folded.status), names: folded.names, notified: tells ? begun.sequence + 1 : 0 }
  const all = [...(held?.bindings ?? []), binding].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  // What is said here of a customer's default goes before what a file says, and in a file the first row that says it.
  const preferred = row.isDefault && !known.defaults.has(customer.id) && !draft.defaults.has(customer.id)
  if (preferred) draft.defaults.add(customer.id)
  const marked = preferred ? { ...begun, preferred } : begun
  const next: InstrumentRow = { ...marked, ...derive(marked, all), updated_at: world.now() }
  const minds = { now: world.now(), mint: (prefix: Parameters<typeof nextId>[1], near: string) => nextId(world, prefix, near) }
  const isNumbered = row.vaulted !== undefined && (held === undefined || held.instrument.sharing === null)
  const before = { instrument: begun, binding: initiated, all: held?.bindings ?? [] }
  const notices = tells ? notice({ before, instrument: next, binding, all, imported: true }, minds) : undefined
  const instrument: InstrumentRow = { ...next, sequence: notices?.sequence ?? begun.sequence }
  return {
    writes: [
      held === undefined ? insert(instruments, instrument) : moveTo(instruments, held.instrument, instrument),
      ...(row.vaulted === undefined ? [] : vaultedWrites(held?.instrument, instrument)),
      ...identityWrites(birth, instrument, known),
      insert(bindings, binding),
      ...(preferred
        ? [insert(defaults, { tenant, customer: customer.id, instrument: instrument.id, because: 'asked', updated_at: world.now() })]
        : []),
      ...(token === undefined ? bindLater(world, begun, binding, birth) : []),
      ...told.map(one => insert(facts, one)),
      ...nameWrites(binding, namesOf(row), known, draft),
      ...(notices?.writes ?? []),
    ],
    instrument: instrument.id,
    binding: binding.id,
    seals: isNumbered ? sealsOf(of, line, row, instrument) : [],
  }
}

function beginning(world: World, instrument: InstrumentRow, { of, channel, row }: Birth, at: number): BindingRow {
  const asked = {
    channel,
    returnUrl: '',
    client: { ip: null, userAgent: null, device: null },
    consent: null,
    route: { rule: of.id, considered: [] },
    source: sourceOfRow(row),
    terms: row.terms,
    madeAt: at,
  }
  return { ...newBinding(world, instrument, asked), client: null, return_url: null, created_at: at }
}

/** What was bound over there, as far as it is told: of a debit the scheme says which mandate it is. */
function sourceOfRow({ kind, display }: TakenRow): Source | undefined {
  const payer = { held: [], tail: display.last4 ?? '', country: display.country ?? '' }
  const scheme = debitSchemes.find(one => one === display.scheme)
  if (kind === 'bank_account' && scheme !== undefined) return { type: 'bank_account', scheme, payer }
  if (kind === 'instant_mandate' && (display.scheme === 'pix_automatico' || display.scheme === 'upi_autopay'))
    return { type: 'instant_mandate', rail: display.scheme, by: 'await', payer }
  return undefined
}

export const sourceOf = ({ id }: Pick<ImportRow, 'id'>): string => `import:${id}`
export const eventOf = (line: number): string => `line:${line}`

/** The worker binds it, at the channel's pace, with the number that is sealed. Nobody is there to be asked: a challenge is as good as a no. */
function bindLater(world: World, instrument: InstrumentRow, binding: BindingRow, { of, row, customer }: Birth): readonly Write[] {
  if (row.vaulted === undefined) throw new TypeError('a row without token and card')
  const { brand, last4, expiryMonth, expiryYear, holder } = row.vaulted.card
  const source = { type: 'card', card: { brand, last4, expiryMonth, expiryYear, securityCode: false, holder } } as const
  const input = { source, cardVersion: instrument.card_version, quiet: true } as const
  const client = { ip: null, userAgent: null, device: null }
  const operation = newBindOperation(world, binding, { input, customer, client, request: of.id })
  return [insert(operations, { ...operation, tries: 0, due_at: world.now() })]
}

function factsOf(
  world: World,
  binding: BindingRow,
  { of, line, row, token }: Birth & { readonly token: string },
  at: number,
): readonly FactRow[] {
  const { brand, last4, expiryMonth, expiryYear, bank, handle } = row.display
  const shown = JSON.parse(JSON.stringify({ brand, last4, expiryMonth, expiryYear, bank, handle }))
  const bound: Imported = {
    kind: 'bound',
    token,
    references: { ...row.references, ...(row.channelCustomer === undefined ? {} : { customer: row.channelCustomer }) },
    ...(Object.keys(shown).length === 0 ? {} : { shown }),
    ...(row.networkTransactionId === undefined ? {} : { networkTransactionId: row.networkTransactionId }),
    ...(row.transactionLinkId === undefined ? {} : { transactionLinkId: row.transactionLinkId }),
    ...(row.terms === undefined ? {} : { terms: row.terms }),
    evidence: 'imported',
  }
  const fact = (news: AnyNews, event: string): FactRow => ({
    tenant: binding.tenant,
    id: nextId(world, 'fct', binding.customer),
    instrument: binding.instrument,
    binding: binding.id,
    source: sourceOf(of),
    source_event: event,
    kind: news.kind,
    operation: null,
    standing: standing(news.kind, { place: importPlace, rank: 1, at, id: `${sourceOf(of)}/${event}` }),
    news,
    effective_at: at,
    seen_at: world.now(),
    request: null,
    version: 1,
  })
  return [
    fact(bound, eventOf(line)),
    ...(row.status === 'suspended' ? [fact({ kind: 'suspended', reason: 'imported' }, `${eventOf(line)}:suspended`)] : []),
  ]
}

/** New ones; one of an instrument that has ended passes to this one; one of another that lives stays there. */
function identityWrites({ of, row, channel, customer, held }: Birth, instrument: InstrumentRow, known: Known): readonly Write[] {
  const write = (identity: Identity): readonly Write[] => {
    const there = known.held.get(identityName(row.customer, identity))
    const key = { tenant: of.tenant, customer: customer.id, ...identity }
    if (there === undefined) return [insert(identities, { ...key, instrument: instrument.id, created_at: instrument.created_at })]
    if (there.instrument.id === held?.instrument.id || !isOver(there)) return []
    return [{ verb: 'move', table: identities, key, version: there.version, set: { instrument: instrument.id } }]
  }
  return identitiesOf(row, channel, of.source_name).flatMap(write)
}
const isOver = ({ instrument }: Held): boolean => ended.includes(instrument.status)

/** The names that no other binding has; a name that one has stays there. */
function nameWrites({ channel, mode, tenant, id }: BindingRow, names: ReadonlySet<string>, known: Known, draft: Draft): readonly Write[] {
  const free = [...names].filter(name => !known.names.has(tokenName(channel, name)) && !draft.names.has(tokenName(channel, name)))
  for (const name of free) draft.names.add(tokenName(channel, name))
  return free.map(name => insert(channelNames, { channel, mode, name, tenant, binding: id }))
}

/** Where a history ended, without what may differ: how often a row was written, when it was seen, and the ids of what was minted on the way. */
import { same } from '../src/core/same.ts'
import { foldBinding, revokePlace } from '../src/instruments/binding.ts'
import { asFact } from '../src/instruments/fact.ts'
import { ended } from '../src/instruments/instrument.ts'
import {
  type BindingRow,
  bindings,
  channelNames,
  type FactRow,
  facts,
  identities,
  instrumentFacts,
  instruments,
  type OperationRow,
  operations,
} from '../src/instruments/tables.ts'
import { verifyBinding, verifyInstrument } from '../src/instruments/verify.ts'
import type { Ground } from './converge-ground.ts'

type Rows = Readonly<Record<string, unknown>>
type Reading = Pick<Ground, 'all'>
export type End = {
  /** Instruments and bindings as they are stored, and the directories. */
  readonly rows: ReadonlyMap<string, Rows>
  /** Each binding as what was told makes it, whatever we did about it. */
  readonly told: ReadonlyMap<string, Rows>
  /** What we did to give it up, by binding: kinds of facts. */
  readonly reactions: ReadonlyMap<string, string>
  /** Bindings of which a reaction may depend on what was known, and their instruments. */
  readonly excused: ReadonlySet<string>
}

/** Of instruments and bindings everything is compared but these. */
const counters = new Set(['version', 'sequence', 'notified', 'operations', 'created_at', 'updated_at'])
const without = (row: object, names: ReadonlySet<string>): Rows =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.has(name)))

/** `unbound_at` is when we saw it. */
const still = ({ unbound_at, ...row }: Rows): Rows => ({ ...row, unbound: unbound_at !== null })

/** What was told stands before all that we do to give something up. */
const isTold = (row: FactRow): boolean => row.standing.place < revokePlace

export function endOf(ground: Reading): End {
  const { all } = ground
  const of = Map.groupBy(all(facts), row => row.binding)
  const known = new Map<string, Rows>()
  const reactions = new Map<string, string>()
  for (const row of all(bindings)) {
    const mine = of.get(row.id) ?? []
    known.set(row.id, foldBinding(mine.filter(isTold).map(asFact)).known)
    const strays = all(operations).flatMap(one => (one.binding === row.id && one.input.token !== undefined ? ['stray'] : []))
    const kinds = mine.flatMap(one => (isTold(one) ? [] : [one.kind]))
    reactions.set(row.id, [...new Set([...kinds, ...strays])].sort().join(' '))
  }
  return { rows: rowsOf(ground), told: known, reactions, excused: excusedOf(ground) }
}

function rowsOf({ all }: Reading): ReadonlyMap<string, Rows> {
  const end = new Map<string, Rows>()
  for (const row of all(instruments)) end.set(row.id, still(without(row, counters)))
  for (const row of all(bindings)) end.set(row.id, without(row, counters))
  for (const row of all(channelNames)) end.set(`name ${row.channel} ${row.name}`, { binding: row.binding })
  for (const row of all(identities)) end.set(`identity ${row.kind} ${row.value}`, { instrument: row.instrument })
  const kept = [
    ...all(facts).flatMap(row => (isTold(row) ? [{ ...row, of: row.binding }] : [])),
    ...all(instrumentFacts).map(row => ({ ...row, of: row.instrument })),
  ]
  for (const { of, source, source_event, kind } of kept) {
    const name = `fact ${of} ${source} ${source_event}`
    end.set(name, { kind, times: Number(end.get(name)?.times ?? 0) + 1 })
  }
  return end
}

/**
 * Whether a token has to be given up may depend on what was known when it came alive in few cases only: the channel contradicts itself about
 * the bind (it refused or ended it, and bound it), or the same card is bound there anew beside it.
 */
function excusedOf({ all }: Reading): ReadonlySet<string> {
  const kinds = Map.groupBy(all(facts), row => row.binding)
  const gone = new Set(all(instruments).flatMap(row => (row.unbound_at === null ? [] : [row.id])))
  return new Set(
    all(bindings).flatMap(row => {
      const told = (kinds.get(row.id) ?? []).map(one => one.kind)
      const contradicted = told.includes('bound') && told.some(kind => kind === 'refused' || kind === 'revoked')
      const nameless = row.token === null
      const beside = all(bindings).some(one => one.id !== row.id && one.instrument === row.instrument && one.channel === row.channel)
      return nameless || ((contradicted || beside) && !gone.has(row.instrument)) ? [row.id, row.instrument] : []
    }),
  )
}

/** `<what>.<column>: <one> / <other>`, one line for each difference that may not be. */
export function differences(one: End, other: End): readonly string[] {
  const reacted = new Set([...one.reactions].flatMap(([id, kinds]) => (other.reactions.get(id) !== kinds ? [id] : [])))
  // What is given up takes no name from another, and which of two was given up may be excused.
  const givenUp = [...one.reactions, ...other.reactions].some(([, kinds]) => kinds !== '')
  const contested = (name: string): boolean =>
    name.startsWith('name ') && givenUp && [one, other].some(end => end.excused.has(String(end.rows.get(name)?.binding)))
  // Who has an identity while an instrument that is it has ended does not matter: whoever is bound next gets it.
  const over = [...one.rows, ...other.rows].some(([, row]) => ended.some(status => row.status === status))
  const excused = (name: string): boolean =>
    (reacted.size > 0 && (one.excused.has(name) || other.excused.has(name))) || (over && name.startsWith('identity ')) || contested(name)
  const rows = between(farAs(one.rows, reacted), farAs(other.rows, reacted)).filter(([name]) => !excused(name))
  return [...rows, ...between(one.told, other.told)].map(([name, text]) => `${name}.${text}`)
}

/**
 * The same for what came over the door, where an answer that we lost may be asked for again or not, as the webhook was faster or not: then the
 * facts are not the same, and only what they come to is compared. `owed`: bindings whose names are drawn when the answer is asked for again.
 */
export function outcomes(one: End, other: End, owed: ReadonlySet<string>): readonly string[] {
  const names = ({ rows }: End) => [...rows.keys()].filter(name => name.startsWith('fact ')).join()
  if (owed.size === 0 && names(one) === names(other)) return differences(one, other)
  return differences(plain(one, owed), plain(other, owed))
}

const plainColumns: readonly string[] = ['status', 'token', 'display', 'own', 'reasons', 'unbound', 'card_version', 'due_at']
function plain(end: End, owed: ReadonlySet<string>): End {
  // How long a token is good for counts from when its channel was asked, and an answer that is asked for again says it anew.
  const lapses = new Set([...end.rows.values()].map(row => row.valid_until))
  const kept = (name: string, row: Rows): Rows =>
    Object.fromEntries(
      Object.entries(row).flatMap(([column, value]) => {
        if (!plainColumns.includes(column) || (column === 'token' && owed.has(name))) return []
        return [[column, column === 'due_at' && value !== null && lapses.has(value) ? 'when a token lapses' : value]]
      }),
    )
  const rows = [...end.rows].flatMap(([name, row]) => (/^(ins|bnd)_/.test(name) ? [[name, kept(name, row)] as const] : []))
  return { ...end, told: new Map(), rows: new Map(rows) }
}

/** How far a revocation has got that both began is not compared: by whose token it goes, and so whom it waits for, may differ. */
const farAs = (rows: End['rows'], reacted: ReadonlySet<string>): End['rows'] =>
  new Map([...rows].map(([name, row]) => [name, reacted.has(name) && row.status === 'revoking' ? { ...row, status: 'revoked' } : row]))

function between(one: ReadonlyMap<string, Rows>, other: ReadonlyMap<string, Rows>): readonly (readonly [string, string])[] {
  return [...new Set([...one.keys(), ...other.keys()])].flatMap(name => {
    const [had, has] = [one.get(name) ?? {}, other.get(name) ?? {}]
    return [...new Set([...Object.keys(had), ...Object.keys(has)])].flatMap(column =>
      same(had[column], has[column]) ? [] : [[name, `${column}: ${JSON.stringify(had[column])} / ${JSON.stringify(has[column])}`] as const],
    )
  })
}

/** Whether the stored rows are what the stored facts say, and nothing that came alive unwanted is left alone. */
export function unfounded({ all }: Reading): readonly string[] {
  const [told, asked, own] = [
    Map.groupBy(all(facts), row => row.binding),
    Map.groupBy(all(operations), row => row.binding),
    Map.groupBy(all(instrumentFacts), row => row.instrument),
  ]
  const wrong = [
    ...all(bindings).flatMap(row => verifyBinding(row, told.get(row.id) ?? [], asked.get(row.id) ?? [])),
    ...all(instruments).flatMap(instrument => {
      const legs = all(bindings).filter(row => row.instrument === instrument.id)
      return verifyInstrument({ instrument, bindings: legs, facts: own.get(instrument.id) ?? [] })
    }),
  ]
  const gone = new Set(all(instruments).flatMap(row => (row.unbound_at === null ? [] : [row.id])))
  const left = all(bindings).filter(
    row => gone.has(row.instrument) && row.token !== null && (row.status === 'active' || row.status === 'suspended'),
  )
  const kept = all(bindings).flatMap(row => (row.status === 'failed' ? keptBy(row, told.get(row.id) ?? [], asked.get(row.id) ?? []) : []))
  const held = (channel: string, token: string) => all(bindings).some(one => one.channel === channel && one.token === token)
  return [
    ...kept.filter(one => !held(one.channel, one.token)).map(one => `${one.id} failed, and nobody gave up ${one.token}, which it was told`),
    ...wrong.map(one => `${one.of}.${one.column} is ${JSON.stringify(one.stored)}, by its facts ${JSON.stringify(one.right)}`),
    ...left.map(row => `${row.id} is ${row.status}, and its instrument was unbound`),
  ]
}

/** Tokens that a channel told of a binding that failed, and that we never asked it to forget. */
const keptBy = ({ id, channel }: BindingRow, told: readonly FactRow[], asked: readonly OperationRow[]) =>
  told.flatMap(({ news }) => {
    if (news.kind !== 'bound') return []
    const { token } = news
    const isGivenUp = asked.some(one => one.verb === 'revoke' && (one.input.token === token || one.input.token === undefined))
    return isGivenUp ? [] : [{ id, channel, token }]
  })

/** What is left of instruments that were erased: nothing that opens, nothing that names them. */
import { tables } from '../src/tables.ts'
import { deks, records } from '../src/vault/tables.ts'
import { rowOf } from '../src/world/table.ts'
import { channelList, type Ledger } from './ledger.ts'

/** I33: no version of it has a data key or an envelope; no identity of it is kept; none of its tokens stands in any row. */
export function erased(ledger: Ledger): readonly string[] {
  const { simulated, instruments, identities } = ledger
  const gone = new Set(instruments.flatMap(row => (row.own.erasure === 'erased' ? [row.id] : [])))
  if (gone.size === 0) return []
  const sealed = simulated.sealed.snapshot()
  const keys = (sealed.deks ?? []).map(row => rowOf(deks, row)).filter(row => gone.has(row.owner))
  const envelopes = (sealed.records ?? []).map(row => rowOf(records, row)).filter(row => gone.has(row.instrument))
  const known = identities.filter(row => gone.has(row.instrument))
  return [
    ...keys.map(row => `${row.owner} was erased, and the key of its version ${row.owner_version} is there`),
    ...envelopes.map(row => `${row.instrument} was erased, and version ${row.instrument_version} is sealed`),
    ...known.map(row => `${row.instrument} was erased, and is known by its ${row.kind}`),
    ...named(ledger, gone),
  ]
}

/** By the channels' own books: what they stored for an operation or a binding of it. Tokens that another instrument has too are not its own. */
function named(ledger: Ledger, gone: ReadonlySet<string>): readonly string[] {
  const { simulated } = ledger
  const owner = new Map([...ledger.operations, ...ledger.bindings].map(row => [row.id, row.instrument]))
  const shared = new Set(ledger.bindings.flatMap(row => (row.token === null ? [] : [row.token])))
  const tokens = new Map<string, string>()
  for (const channel of channelList)
    for (const one of simulated.network.books(channel).effects) {
      const instrument = owner.get(one.reference)
      if (instrument !== undefined && gone.has(instrument) && one.token.length > 6 && !shared.has(one.token) && !owner.has(one.token))
        tokens.set(one.token, instrument)
    }
  if (tokens.size === 0) return []
  // News that found no binding is nobody's, and is kept for a month. A revocation that waits for a person has to say of what: what came back to
  // life at its channel after the erasure, where the channel cannot be asked by the token alone.
  const waits = (row: object): boolean => 'told' in row || ('verb' in row && row.verb === 'revoke')
  const parked = (row: object): boolean => 'status' in row && row.status === 'parked' && waits(row)
  const rows = tables.flatMap(table =>
    simulated
      .all(table)
      .filter(row => !parked(row))
      .map(row => ({ table: table.name, text: jsonOf(row) })),
  )
  return [...tokens].flatMap(([token, instrument]) => {
    const found = rows.find(row => row.text.includes(token))
    return found === undefined ? [] : [`${instrument} was erased, and ${token} stands in ${found.table}: ${found.text.slice(0, 300)}`]
  })
}

const jsonOf = (row: unknown): string => JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))

/**
 * What must never happen, checked at the end of every simulated run over our rows and the channels' own books. The numbers are those of
 * the project's list of invariants; each says what it holds and gives back the violations it found.
 */
import type { ChannelName } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import { deliveries, events } from '../src/events/tables.ts'
import { foldBinding, overlay } from '../src/instruments/binding.ts'
import { asFact } from '../src/instruments/fact.ts'
import { deriveStatus } from '../src/instruments/instrument.ts'
import type { BindingRow, FactRow, InstrumentRow, OperationRow } from '../src/instruments/tables.ts'
import { bindings, facts, identities, inbox, instruments, operations } from '../src/instruments/tables.ts'
import type { AnyTable, Row } from '../src/world/table.ts'
import type { Simulated } from './world.ts'

export type Ledger = {
  readonly instruments: readonly InstrumentRow[]
  readonly bindings: readonly BindingRow[]
  readonly operations: readonly OperationRow[]
  readonly facts: readonly FactRow[]
  readonly identities: readonly Row<typeof identities>[]
  readonly events: readonly Row<typeof events>[]
  readonly deliveries: readonly Row<typeof deliveries>[]
  readonly inbox: readonly Row<typeof inbox>[]
  readonly simulated: Simulated
}

type Invariant = { readonly name: string; readonly holds: (ledger: Ledger) => readonly string[] }

const channelList: readonly ChannelName[] = [...channels.keys()]
const by = <T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row])
  return groups
}
const open = (row: OperationRow): boolean => row.status === 'open' || row.status === 'waiting'
const alive = (row: BindingRow): boolean => row.status === 'active' || row.status === 'suspended'

export const invariants: readonly Invariant[] = [
  {
    name: 'I1 at most one active binding per customer, channel and card',
    holds: ({ bindings: rows, instruments: all }) => {
      const cardOf = new Map(all.map(row => [row.id, `${row.display.bin}…${row.display.last4}`]))
      const groups = by(rows.filter(alive), row => `${row.customer} ${row.channel} ${cardOf.get(row.instrument)}`)
      return [...groups].filter(([, group]) => group.length > 1).map(([name, group]) => `${name}: ${group.map(one => one.id).join(', ')}`)
    },
  },
  {
    name: 'I2 every status is what the facts say, by edges of the table',
    holds: ledger => ledger.bindings.flatMap(row => recomputed(ledger, row)),
  },
  {
    name: 'I2 every instrument is what its bindings say',
    holds: ({ instruments: all, bindings: rows }) => {
      const of = by(rows, row => row.instrument)
      return all.flatMap(row => {
        const right = deriveStatus(
          { unbound: row.unbound_at !== null },
          (of.get(row.id) ?? []).map(one => one.status),
        )
        return right === row.status ? [] : [`${row.id} is ${row.status}, its bindings say ${right}`]
      })
    },
  },
  {
    name: 'I4 what has ended stays so, in fold order',
    holds: ({ facts: all }) =>
      [...by(all, row => row.binding)].flatMap(([binding, told]) => {
        const applied = foldBinding(told.map(asFact)).folded.applied.map(one => one.on)
        const end = applied.findIndex(kind => kind === 'revoked' || kind === 'refused')
        const after = end < 0 ? [] : applied.slice(end + 1).filter(kind => kind !== 'revoked' && kind !== 'revoking')
        return after.length === 0 ? [] : [`${binding}: ${after.join(', ')} after ${applied[end]}`]
      }),
  },
  {
    name: 'I5 nothing new is asked for an instrument that was unbound, but to revoke it',
    holds: ({ instruments: all, operations: asked }) => {
      const ended = new Map(all.flatMap(row => (row.unbound_at === null ? [] : [[row.id, row.unbound_at] as const])))
      return asked
        .filter(row => row.verb === 'bind' && row.created_at > (ended.get(row.instrument) ?? Number.POSITIVE_INFINITY))
        .map(row => `${row.id} after ${row.instrument} was unbound`)
    },
  },
  {
    name: 'I6 every card a channel holds is a living binding of ours, or a person was asked',
    holds: ledger => channelList.flatMap(channel => orphans(ledger, channel)),
  },
  {
    name: 'I6 every living binding is a card its channel would still take',
    holds: ({ bindings: rows, simulated }) =>
      channelList.flatMap(channel => {
        const usable = new Set(simulated.network.books(channel).held.flatMap(card => (card.usable ? [card.token] : [])))
        const here = rows.filter(row => row.channel === channel && row.status === 'active')
        return here
          .filter(row => row.token === null || !usable.has(row.token))
          .map(row => `${row.id} is active, ${channel} does not take ${row.token}`)
      }),
  },
  {
    name: 'I18 one operation, at most one effect at the channel; active means exactly one',
    holds: ledger => channelList.flatMap(channel => effects(ledger, channel)),
  },
  {
    name: 'I20 one key for all attempts of an operation, and the intent durable before the first byte',
    holds: ({ simulated }) => wire(simulated),
  },
  {
    name: 'I21 no failure and no other channel while the outcome is unknown',
    holds: ledger => ledger.bindings.filter(row => row.status === 'failed').flatMap(row => falselyFailed(ledger, row)),
  },
  {
    name: 'I21 an issuer that refused is not asked again through another channel',
    holds: ledger => ledger.operations.flatMap(row => presentedAgain(ledger, row)),
  },
  {
    name: 'I22 one event has one effect',
    holds: ({ facts: all }) => {
      const told = by(
        all.filter(row => row.source.includes(':')),
        row =>
          `${row.binding} ${row.kind} ${row.operation} ${row.standing.at} ${JSON.stringify(row.news)} ${row.source_event.replace(/#.*$/, '')}`,
      )
      return [...told].filter(([, group]) => group.length > 1).map(([name, group]) => `${group.length} facts of ${name.slice(0, 200)}`)
    },
  },
  {
    name: 'I23 every change was told, in order, and every notice was true',
    holds: ledger => ledger.instruments.flatMap(row => untold(ledger, row)),
  },
  {
    name: 'I26 every delivery was delivered, or is parked with its cause',
    holds: ({ deliveries: all }) =>
      all.filter(row => row.state === 'pending').map(row => `${row.endpoint} ${row.event} is still pending after ${row.tries} tries`),
  },
  {
    name: 'I39 when all is well again everything is final, or parked with its cause',
    holds: ({ operations: all, bindings: rows, inbox: kept }) => [
      ...all
        .filter(row => open(row) && row.cause !== 'challenge')
        .map(row => `${row.id} (${row.verb} at ${row.channel}) is ${row.status}: ${row.cause}, tries ${row.tries}`),
      ...all.filter(row => row.status === 'parked' && row.cause === null).map(row => `${row.id} is parked without a cause`),
      ...rows.filter(row => row.status === 'initiated').map(row => `${row.id} is still initiated`),
      ...kept.filter(row => row.status === 'waiting').map(row => `news ${row.event} still waits`),
    ],
  },
  { name: 'no error of our own', holds: ({ simulated }) => simulated.errors },
]

function recomputed(ledger: Ledger, row: BindingRow): readonly string[] {
  const told = ledger.facts.filter(one => one.binding === row.id)
  const { known } = foldBinding(told.map(asFact))
  const unanswered = ledger.operations.some(
    one => one.binding === row.id && one.verb !== 'revoke' && one.cause !== null && (one.status === 'open' || one.status === 'parked'),
  )
  const right = overlay(known.status, unanswered)
  if (right !== row.status) return [`${row.id} is ${row.status}, its facts say ${right} (${told.map(one => one.kind).join(', ')})`]
  return known.token === row.token ? [] : [`${row.id} has token ${row.token}, its facts say ${known.token}`]
}

const excused = (ledger: Ledger, binding: string): boolean =>
  ledger.operations.some(row => row.binding === binding && (row.status === 'parked' || row.status === 'waiting'))

function orphans(ledger: Ledger, channel: ChannelName): readonly string[] {
  const here = ledger.bindings.filter(row => row.channel === channel)
  const tokens = new Map(here.flatMap(row => (row.token === null ? [] : [[row.token, row] as const])))
  return ledger.simulated.network.books(channel).held.flatMap(card => {
    if (!card.usable) return []
    const named = ledger.operations.find(row => row.id === card.reference)
    const binding = tokens.get(card.token) ?? here.find(row => row.id === named?.binding)
    if (binding !== undefined && (alive(binding) || excused(ledger, binding.id))) return []
    return [`${channel} holds ${card.token} (${card.reference}), our binding ${binding?.id} is ${binding?.status}`]
  })
}

function effects(ledger: Ledger, channel: ChannelName): readonly string[] {
  const stored = by(
    ledger.simulated.network.books(channel).effects.filter(one => one.effect === 'stored' && one.reference !== ''),
    one => one.reference,
  )
  const doubles = [...stored]
    .filter(([, group]) => new Set(group.map(one => one.token)).size > 1)
    .map(([name, group]) => `${name} stored ${group.length} cards`)
  const unfounded = ledger.bindings
    .filter(row => row.channel === channel && alive(row))
    .filter(row => !ledger.operations.some(one => one.binding === row.id && one.verb === 'bind' && stored.has(one.id)))
    .map(row => `${row.id} is ${row.status} and ${channel} stored nothing for it`)
  return [...doubles, ...unfounded]
}

/** From the requests as they left. Reads and deletes carry no key. */
function wire(simulated: Simulated): readonly string[] {
  const keys = new Map<string, Set<string>>()
  for (const { request } of simulated.network.sent) {
    const key = request.headers['Idempotency-Key'] ?? request.headers['idempotency-key']
    const operation = /opn_[0-9a-z]{26}/.exec(request.body ?? '')?.[0]
    if (key === undefined || operation === undefined) continue
    const name = `${operation} ${request.method} ${new URL(request.url).pathname}`
    keys.set(name, (keys.get(name) ?? new Set()).add(key))
  }
  return [
    ...[...keys].filter(([, set]) => set.size > 1).map(([name, set]) => `${name} went out under ${[...set].join(' and ')}`),
    ...simulated.undurable,
  ]
}

function falselyFailed(ledger: Ledger, row: BindingRow): readonly string[] {
  const asked = ledger.operations.filter(one => one.binding === row.id && one.verb === 'bind').map(one => one.id)
  const { effects: all, held: cards } = ledger.simulated.network.books(row.channel)
  const stored = all.filter(one => one.effect === 'stored' && asked.includes(one.reference))
  return stored.some(one => cards.some(card => card.token === one.token))
    ? [`${row.id} is called failed, and ${row.channel} stored a card for it`]
    : []
}

function presentedAgain(ledger: Ledger, row: OperationRow): readonly string[] {
  if (row.input.chain === undefined) return []
  const before = ledger.operations.filter(
    one => one.verb === 'bind' && (one.id === row.input.chain || one.input.chain === row.input.chain) && one.id < row.id,
  )
  const refused = before.flatMap(one =>
    ledger.simulated.network.books(one.channel).effects.filter(effect => effect.effect === 'refused' && effect.reference === one.id),
  )
  return refused.map(one => `${row.id} at ${row.channel}, although the issuer had refused ${one.reference}`)
}

function untold(ledger: Ledger, row: InstrumentRow): readonly string[] {
  const told = ledger.events.filter(one => one.instrument === row.id).sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))
  const faults: string[] = []
  if (told.length !== row.sequence || told.some((one, i) => one.sequence !== i + 1))
    faults.push(`${row.id} is at ${row.sequence}, its notices are ${told.map(one => one.sequence).join(' ')}`)
  const last = told.at(-1)?.data.instrument
  const said = JSON.stringify(last)
  if (last !== undefined && !said.includes(`"status":"${row.status}"`))
    faults.push(`${row.id} is ${row.status}, the last notice said ${said.slice(0, 120)}`)
  for (const binding of ledger.bindings) {
    if (
      binding.instrument === row.id &&
      told.length > 0 &&
      binding.status !== 'initiated' &&
      !said.includes(`"${binding.id}","object":"binding","channel":"${binding.channel}","status":"${binding.status}"`)
    )
      faults.push(`${binding.id} is ${binding.status}, the last notice of ${row.id} did not say so`)
  }
  for (const [url, heard] of by(
    ledger.simulated.receivers.received.filter(one => one.instrument === row.id),
    one => one.url,
  )) {
    const first = [...new Map(heard.map(one => [one.sequence, one])).keys()]
    if (first.some((sequence, i) => sequence !== i + 1) || first.length !== row.sequence)
      faults.push(`${url} heard ${first.join(' ')} of ${row.sequence} about ${row.id}`)
  }
  return faults
}

const rowsOf = <T extends AnyTable>(simulated: Simulated, table: T): readonly Row<T>[] => simulated.all(table)

export function check(simulated: Simulated): readonly string[] {
  const ledger: Ledger = {
    instruments: rowsOf(simulated, instruments),
    bindings: rowsOf(simulated, bindings),
    operations: rowsOf(simulated, operations),
    facts: rowsOf(simulated, facts),
    identities: rowsOf(simulated, identities),
    events: rowsOf(simulated, events),
    deliveries: rowsOf(simulated, deliveries),
    inbox: rowsOf(simulated, inbox),
    simulated,
  }
  return invariants.flatMap(one => one.holds(ledger).map(found => `${one.name}: ${found}`))
}

/**
 * What must never happen, checked at the end of every simulated run over our rows and the channels' own books. The numbers are those of
 * the project's list of invariants; each says what it holds and gives back the violations it found.
 */
import { eventTypes } from '../src/events/catalogue.ts'
import { foldBinding } from '../src/instruments/binding.ts'
import { asFact } from '../src/instruments/fact.ts'
import type { InstrumentRow } from '../src/instruments/tables.ts'
import { type Difference, verifyBinding, verifyInstrument } from '../src/instruments/verify.ts'
import { difference, effects, falselyFailed, orphans, presentedAgain, tooEarly, unheld } from './books.ts'
import { erased } from './erased.ts'
import { healedTooOften } from './heal.ts'
import { alive, by, channelList, type Invariant, type Ledger, ledgerOf, open, planned } from './ledger.ts'
import { untold } from './notices.ts'
import { unproven } from './proof.ts'
import { miscounted, overShared } from './sharing.ts'
import { keptToThemselves } from './spread.ts'
import { endOn, momentsTwice, refreshesTwice, untoldMoments } from './time.ts'
import { miscountedTries, switchedOffAndAsked, uncountedDeclines } from './tries.ts'
import { changedBodies, freshKeys, staleKeys, strays } from './wire.ts'
import type { Simulated } from './world.ts'

/**
 * By what two instruments of one customer are seen to be the same thing, whatever our directory says: as they were typed in, for a reissued
 * card shows another end. Undefined: nothing is shown of it.
 */
function likeness({ operations: asked }: Ledger, { id, kind, display }: InstrumentRow): string | undefined {
  const source = asked.find(one => one.instrument === id && one.input.source !== undefined)?.input.source
  if (source?.type === 'card' || source?.type === 'device_token') return `${kind} ${display.bin}…${source.card.last4} ${display.scheme}`
  // Of wallets and mandates the channel tells an end that is not theirs alone.
  const { last4, scheme, country } = display
  return last4 === undefined || kind !== 'bank_account' ? undefined : `${kind} ${scheme} ${country} …${last4}`
}

export const invariants: readonly Invariant[] = [
  {
    name: 'I1 at most one active binding per customer, channel and instrument, however often it was typed in',
    holds: ledger => {
      const { bindings: rows, instruments: all, facts: told } = ledger
      const like = new Map(all.map(row => [row.id, likeness(ledger, row)]))
      // What a bank brought back may stand beside what the customer had bound meanwhile.
      const back = new Set(told.flatMap(one => (one.kind === 'reinstated' ? [one.binding] : [])))
      const shown = rows.filter(row => alive(row) && like.get(row.instrument) !== undefined && !back.has(row.id))
      const groups = by(shown, row => `${row.customer} ${row.channel} ${like.get(row.instrument)}`)
      return [...groups].filter(([, group]) => group.length > 1).map(([name, group]) => `${name}: ${group.map(one => one.id).join(', ')}`)
    },
  },
  {
    name: 'I2 every binding is what its facts say, by edges of the table',
    holds: ({ bindings: rows, facts: told, operations: asked }) => {
      const [facts, operations] = [by(told, row => row.binding), by(asked, row => row.binding)]
      return rows.flatMap(row => verifyBinding(row, facts.get(row.id) ?? [], operations.get(row.id) ?? []).map(sayDifference))
    },
  },
  {
    name: 'I2 every instrument is what its facts and its bindings say',
    holds: ({ instruments: all, bindings: rows, instrumentFacts: told }) => {
      const [of, facts] = [by(rows, row => row.instrument), by(told, row => row.instrument)]
      return all.flatMap(row =>
        verifyInstrument({ instrument: row, bindings: of.get(row.id) ?? [], facts: facts.get(row.id) ?? [] }).map(sayDifference),
      )
    },
  },
  { name: 'I3 what is active was verified, and its token is good by the word of its channel', holds: unproven },
  {
    name: 'I4 what has ended stays so, in fold order, but where the channel shows why it lives again',
    holds: ({ facts: all }) =>
      [...by(all, row => row.binding)].flatMap(([binding, told]) => {
        const applied = foldBinding(told.map(asFact)).folded.applied.map(one => one.on)
        const end = applied.findIndex(kind => kind === 'revoked' || kind === 'refused')
        const after = end < 0 ? [] : applied.slice(end + 1)
        const revived = after.indexOf('reinstated')
        const wrong = (revived < 0 ? after : after.slice(0, revived)).filter(kind => kind !== 'revoked' && kind !== 'revoking')
        return wrong.length === 0 ? [] : [`${binding}: ${wrong.join(', ')} after ${applied[end]}`]
      }),
  },
  {
    name: 'I5 nothing new is asked for an instrument that was unbound, but to revoke it',
    holds: ({ instruments: all, operations: asked, simulated }) => {
      // Two looks at a clock that was set between them do not say which came first.
      const ended = new Map(all.flatMap(row => (row.unbound_at === null ? [] : [[row.id, row.unbound_at] as const])))
      return asked
        .filter(
          row =>
            row.verb === 'bind' && row.created_at > (ended.get(row.instrument) ?? Number.POSITIVE_INFINITY) + simulated.clock.errorMs(),
        )
        .map(row => `${row.id} after ${row.instrument} was unbound`)
    },
  },
  {
    name: 'I6 whatever a channel would take is a living binding of ours, or we know that we do not know',
    holds: ledger => channelList.flatMap(channel => orphans(ledger, channel)),
  },
  {
    name: 'I6 every living binding is something its channel would still take',
    holds: ledger => channelList.flatMap(channel => unheld(ledger, channel)),
  },
  { name: 'I7 no more customers have a card or account than may share it', holds: overShared },
  { name: 'I7 who shares it is counted right: nobody twice, and nobody who has given it up', holds: miscounted },
  {
    name: "I16 our book and what we know that we do not know are the channel's book",
    holds: ledger => channelList.flatMap(channel => difference(ledger, channel)),
  },
  {
    name: 'I18 one operation, at most one effect at the channel; active means exactly one',
    holds: ledger => channelList.flatMap(channel => effects(ledger, channel)),
  },
  {
    name: 'I18 nothing is called given up before the channel gave it up',
    holds: ledger => channelList.flatMap(channel => tooEarly(ledger, channel)),
  },
  { name: 'I20 one key for all attempts of an operation, and the intent durable before the first byte', holds: freshKeys },
  { name: 'I20 the same bytes under the same key', holds: changedBodies },
  { name: 'I20 nothing under a key that the channel has forgotten', holds: staleKeys },
  {
    name: 'I21 no failure while the outcome is unknown',
    holds: ledger => ledger.bindings.flatMap(row => falselyFailed(ledger, row)),
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
    name: 'I23 every notice is of a type that the catalogue has',
    holds: ({ events: all }) => all.filter(row => !eventTypes.some(type => type === row.type)).map(row => `${row.id} is ${row.type}`),
  },
  {
    name: 'I26 every delivery was delivered, or is parked with its cause',
    holds: ({ deliveries: all }) =>
      all.filter(row => row.state === 'pending').map(row => `${row.endpoint} ${row.event} is still pending after ${row.tries} tries`),
  },
  { name: 'what is new of a card was told to every other channel that has it', holds: keptToThemselves },
  {
    name: 'I33 of what was erased the vault has no key, and no row knows it',
    holds: ledger => erased(ledger),
  },
  { name: 'I38 no request leaves for another origin than the account of its channel', holds: strays },
  {
    name: 'I39 when all is well again everything is final, or parked with its cause',
    holds: ({ operations: all, bindings: rows, inbox: kept, ...ledger }) => [
      ...all
        .filter(row => open(row) && row.cause !== 'challenge' && !planned(row, endOn(ledger, row.clock)))
        .map(row => `${row.id} (${row.verb} at ${row.channel}) is ${row.status}: ${row.cause}, tries ${row.tries}`),
      ...all.filter(row => row.status === 'parked' && row.cause === null).map(row => `${row.id} is parked without a cause`),
      ...rows.filter(row => row.status === 'initiated').map(row => `${row.id} is still initiated`),
      ...kept.filter(row => row.status === 'waiting').map(row => `news ${row.event} still waits`),
    ],
  },
  { name: 'I40 a channel that is dead holds up no other', holds: ({ simulated }) => simulated.blocked },
  { name: 'every try is counted once under each value it was tried with', holds: miscountedTries },
  { name: 'a bind that was declined is counted as that', holds: uncountedDeclines },
  { name: 'a channel that is switched off is not bound at, two seconds later', holds: switchedOffAndAsked },
  { name: 'I42 a moment is told once, when it comes', holds: momentsTwice },
  { name: 'I42 a planned refresh is made once', holds: refreshesTwice },
  { name: 'I42 nothing waits behind its clock', holds: untoldMoments },
  { name: 'I42 a test clock never goes back', holds: ({ simulated }) => simulated.wentBack },
  { name: 'what died is tried as often as was counted, and its customer asked once', holds: healedTooOften },
  { name: 'no error of our own', holds: ({ simulated }) => simulated.errors },
]

const sayDifference = ({ of, column, stored, right }: Difference): string =>
  `${of} has ${column} ${JSON.stringify(stored)}, what it is made of says ${JSON.stringify(right)}`

/** Every violation of a finished run. */
export function check(simulated: Simulated): readonly string[] {
  const ledger = ledgerOf(simulated)
  return invariants.flatMap(one => one.holds(ledger).map(found => `${one.name}: ${found}`))
}

/**
 * A person looked at the channel and says how it came out. It is told like any fact, of the source `operator` and at the operation's place, with
 * the row that says who, why and on what evidence in the same commit. Nothing is sent; where the channel says otherwise later, that counts.
 */
import { fieldProblem, Problem } from '../core/problem.ts'
import type { NewFact } from '../instruments/fact.ts'
import { learn } from '../instruments/learn.ts'
import { personsRank } from '../instruments/personsWord.ts'
import { bindings, channelNames, inbox, type OperationRow, operations } from '../instruments/tables.ts'
import { insert, move, remove, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import type { Doubt } from './read.ts'
import { type Outcome, type SettlementRow, settlements } from './tables.ts'
import { mayBeDone } from './unknown.ts'

export type Word = { readonly outcome: Outcome; readonly evidence: string; readonly token?: string | undefined }
export type By = { readonly person: string | null; readonly key: string; readonly approval: string | null; readonly request: string }

export async function settle(world: World, doubt: Doubt, word: Word, by: By): Promise<SettlementRow> {
  const { outcomes } = mayBeDone(doubt.line, world.channels.get(doubt.line.channel ?? ''))
  if (doubt.of === 'erasure')
    throw new Problem(
      'unprocessable',
      'An erasure goes on when what it waits for is settled: see GET …/erasure, and settle those operations.',
    )
  if (!outcomes.includes(word.outcome)) throw fieldProblem('/outcome', `must be one of ${outcomes.join(', ')}`, 'unprocessable')
  if ((word.outcome === 'bound') !== (word.token !== undefined))
    throw fieldProblem('/token', 'is what the channel calls what it keeps: needed where it is bound, and nowhere else')
  const row = settlementOf(world, doubt, word, by)
  const isKept = await keep(world, doubt, word, row)
  if (!isKept) throw new Problem('conflict', 'It was answered or settled at the same moment. Look at it again.')
  const { id, subject, outcome, settled_by } = row
  world.log.warn('something in doubt was settled by a person', { settlement: id, subject, outcome, by: settled_by })
  return { ...row, version: 1 }
}

type Kept = Exclude<Doubt, { readonly of: 'erasure' }>

function settlementOf(world: World, { of, line }: Kept, word: Word, by: By): Omit<SettlementRow, 'version'> {
  const { tenant, mode, id: subject, channel, instrument, binding, cause, since } = line
  if (tenant === null || channel === null || instrument === null || binding === null) throw new TypeError('a doubt about nothing of ours')
  const said = { outcome: word.outcome, evidence: word.evidence, cause, since }
  const who = { settled_by: by.person, settled_key: by.key, approval: by.approval, request: by.request, settled_at: world.now() }
  return { tenant, id: nextId(world, 'stl', binding), mode, subject, kind: of, channel, instrument, binding, ...said, ...who }
}

/** False: somebody else was faster, and nothing was written. */
async function keep(world: World, { of, row }: Kept, word: Word, settlement: Omit<SettlementRow, 'version'>): Promise<boolean> {
  const companion: Write = insert(settlements, settlement)
  if (of === 'news') return (await world.store.commit([remove(inbox, row), companion])).ok
  if (word.outcome === 'dismissed')
    return (await world.store.commit([move(operations, row, { status: 'settled', due_at: null }), companion])).ok
  if (word.token !== undefined) await refuseForeign(world, row, word.token)
  const fact = factOf(row, word, settlement.request)
  let isTold = false
  const companions = ({ writes }: { readonly writes: readonly Write[] }): readonly Write[] => {
    isTold = writes.length > 0
    return isTold ? [companion] : []
  }
  await learn(world, { tenant: row.tenant, binding: row.binding, change: { facts: [fact] }, companions })
  return isTold
}

/** Once per operation, whatever is said: a second word is no news. */
const factOf = (row: OperationRow, { outcome, token }: Word, request: string): NewFact => ({
  ...{ source: 'operator', event: `${row.id}:settled`, operation: row.id, rank: personsRank, request },
  news:
    outcome === 'bound'
      ? { kind: 'bound', token: token ?? '', references: {} }
      : outcome === 'revoked'
        ? { kind: 'revoked' }
        : { kind: 'refused', by: 'bindery', category: 'try_later', code: 'settled_by_person', elsewhere: false, references: {} },
})

/** What another binding lives by would be taken from it. */
async function refuseForeign(world: World, { channel, mode, binding }: OperationRow, token: string): Promise<void> {
  const held = await world.store.get(channelNames, { channel, mode, name: token })
  if (held === undefined || held.binding === binding) return
  const other = await world.store.get(bindings, { tenant: held.tenant, id: held.binding })
  if (other !== undefined && other.slot !== null) throw fieldProblem('/token', 'is what another binding lives by', 'conflict')
}

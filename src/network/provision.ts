/** Provisioning a network token, and giving it up: intent, call, outcome, and the worker's turn with what got no answer. */
import { Problem } from '../core/problem.ts'
import { ended } from '../instruments/instrument.ts'
import { takeName } from '../instruments/lineage.ts'
import { newsOf, type TokenNews, type TokenOutcome } from '../instruments/networkToken.ts'
import { backoffMs, leaseMs } from '../instruments/operation.ts'
import type { InstrumentRow } from '../instruments/tables.ts'
import { type NewOwnFact, type OwnRows, readOwnRows, tellInstrument } from '../instruments/tell.ts'
import { insert, move, moveTo, type Write } from '../world/store.ts'
import { nextId, type World } from '../world/world.ts'
import { createRequestor } from './requestor.ts'
import { networkTokens, type TokenRequestRow, tokenRequests } from './tables.ts'

/** After these a person looks: with backoff, some hours. */
const triesMax = 20

/** Asks the network for a token of this card. Throws `conflict` where there is one, or one is asked for. */
export async function provisionToken(world: World, instrument: InstrumentRow, request: string): Promise<TokenRequestRow> {
  const status = instrument.own.networkToken?.status
  if (instrument.kind !== 'card') throw new Problem('unprocessable', 'only a card that a customer typed can have a network token of ours')
  if (ended.includes(instrument.status) || instrument.status === 'pending' || instrument.status === 'failed')
    throw new Problem('conflict', `the instrument is ${instrument.status}`)
  if (status === 'requested' || status === 'active' || status === 'suspended')
    throw new Problem('conflict', `its network token is ${status}`)
  return begin(world, instrument, { verb: 'provision', reference: null, request })
}

/** Gives the token up. Throws `conflict` where there is none. */
export async function removeToken(world: World, instrument: InstrumentRow, request: string): Promise<TokenRequestRow> {
  const token = instrument.own.networkToken
  if (token?.status !== 'active' && token?.status !== 'suspended') throw new Problem('conflict', 'it has no living network token')
  return begin(world, instrument, { verb: 'remove', reference: token.reference, request })
}

/**
 * The request by which an instrument that is unbound gives its token up: rides in the unbind's commit, and is the worker's at once. Undefined: it has
 * no living token, or nobody can be asked.
 */
export function removalOf(world: World, instrument: InstrumentRow, request: string | null): TokenRequestRow | undefined {
  const token = instrument.own.networkToken
  if (world.network === undefined || instrument.mode !== 'test') return undefined
  if (token?.status !== 'active' && token?.status !== 'suspended') return undefined
  return { ...newRequest(world, instrument, { verb: 'remove', reference: token.reference, request }), tries: 0, due_at: world.now() }
}

type Wanted = Pick<TokenRequestRow, 'verb' | 'reference' | 'request'>

const newRequest = (world: World, instrument: InstrumentRow, of: Wanted): TokenRequestRow => ({
  ...of,
  tenant: instrument.tenant,
  id: nextId(world, 'opn', instrument.customer),
  mode: instrument.mode,
  instrument: instrument.id,
  status: 'open',
  card_version: instrument.card_version,
  tries: 1,
  cause: null,
  created_at: world.now(),
  due_at: world.now() + leaseMs,
  clock: null,
  version: 1,
})

async function begin(world: World, instrument: InstrumentRow, of: Wanted & { readonly request: string }): Promise<TokenRequestRow> {
  const { name } = networkOf(world, instrument)
  const row = newRequest(world, instrument, of)
  if (of.verb === 'provision') {
    const news: TokenNews = { kind: 'network_token', status: 'requested', reference: row.id }
    const fact: NewOwnFact = { source: `network:${name}`, event: `${row.id}:requested`, news, sequence: 0, request: of.request }
    await tellInstrument(world, {
      tenant: row.tenant,
      instrument: row.instrument,
      facts: [fact],
      companions: () => [insert(tokenRequests, row)],
    })
  } else await world.store.commit([insert(tokenRequests, row)])
  return carryOut(world, row)
}

function networkOf(world: World, { mode }: Pick<InstrumentRow, 'mode'>) {
  if (world.network === undefined || mode !== 'test') throw new Problem('unprocessable', 'no card network is set up for this mode')
  return world.network
}

/** The worker's turn: claimed by a move, so that no two attempts run at once. */
export async function askNetworkAgain(world: World, due: TokenRequestRow): Promise<void> {
  const claimed = { tries: due.tries + 1, due_at: world.now() + leaseMs }
  if ((await world.store.commit([move(tokenRequests, due, claimed)])).ok)
    await carryOut(world, { ...due, ...claimed, version: due.version + 1 })
}

async function carryOut(world: World, row: TokenRequestRow): Promise<TokenRequestRow> {
  const network = networkOf(world, row)
  const requestor = createRequestor(world, network, row)
  const outcome = await (row.verb === 'provision' ? requestor.provision(row.id) : requestor.remove(row.reference ?? ''))
  if (outcome.kind === 'uncertain') {
    const over = row.tries >= triesMax
    const set = {
      cause: outcome.cause,
      status: over ? ('parked' as const) : row.status,
      due_at: over ? null : world.now() + backoffMs(row.tries, 0.5),
    }
    await world.store.commit([move(tokenRequests, row, set)])
    return { ...row, ...set }
  }
  return learnOf(world, row, outcome, network.name)
}

/** The directory first: news that comes faster than this finds its instrument by it. */
async function learnOf(
  world: World,
  row: TokenRequestRow,
  outcome: Exclude<TokenOutcome, { kind: 'uncertain' }>,
  name: string,
): Promise<TokenRequestRow> {
  const settled: TokenRequestRow = { ...row, status: 'settled', due_at: null, cause: outcome.kind === 'refused' ? outcome.reason : null }
  if (outcome.kind === 'told') await knowToken(world, row, outcome.token)
  const facts = outcome.kind === 'refused' && row.verb === 'remove' ? [] : [factOf(row, outcome, name)]
  // What was unbound while the network was asked gives its token up by the commit that learns of it.
  const companions = ({ instrument }: OwnRows): readonly Write[] => {
    const unwanted = row.verb === 'provision' && instrument.unbound_at !== null ? removalOf(world, instrument, row.request) : undefined
    return [moveTo(tokenRequests, row, settled), ...(unwanted === undefined ? [] : [insert(tokenRequests, unwanted)])]
  }
  await tellInstrument(world, { tenant: row.tenant, instrument: row.instrument, facts, companions })
  return settled
}

function factOf(row: TokenRequestRow, outcome: Exclude<TokenOutcome, { kind: 'uncertain' }>, name: string): NewOwnFact {
  const request = row.request === null ? {} : { request: row.request }
  const at = { source: `network:${name}`, ...request }
  if (outcome.kind === 'refused') {
    const news: TokenNews = { kind: 'network_token', status: 'refused', reference: row.id, reason: outcome.reason }
    return { ...at, event: `${row.id}:refused`, news, sequence: 1 }
  }
  return { ...at, event: `${row.id}:${outcome.token.status}`, news: newsOf(outcome.token), sequence: outcome.token.sequence }
}

/** Whose it is, and by what else its card is recognised from now on: the token, and the account behind it (PAR). */
export async function knowToken(
  world: World,
  of: Pick<TokenRequestRow, 'tenant' | 'mode' | 'instrument'>,
  token: { readonly reference: string; readonly par: string },
): Promise<void> {
  const { tenant, mode, instrument: id } = of
  const known = await world.store.get(networkTokens, { reference: token.reference, mode })
  if (known === undefined)
    await world.store.commit([insert(networkTokens, { mode, reference: token.reference, tenant, instrument: id, created_at: world.now() })])
  const { instrument } = await readOwnRows(world, tenant, id)
  await takeName(world, instrument, 'network_token', token.reference)
  await takeName(world, instrument, 'par', token.par)
}

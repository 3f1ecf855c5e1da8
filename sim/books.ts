/** Our book against the channels' own: what they hold and did, and what we believe. */
import type { ChannelName } from '../src/channels/channel.ts'
import type { BindingRow, OperationRow } from '../src/instruments/tables.ts'
import { alive, bindingNamed, by, excused, type Held, type Ledger } from './ledger.ts'

const heldBy = (ledger: Ledger, channel: ChannelName): readonly Held[] => ledger.simulated.network.books(channel).held

/** I6: what a channel would take is a living binding of ours, or we know that we do not know. */
export function orphans(ledger: Ledger, channel: ChannelName): readonly string[] {
  return heldBy(ledger, channel).flatMap(one => {
    if (!one.usable) return []
    const binding = bindingNamed(ledger, channel, [one.token, one.reference])
    if (binding !== undefined && (alive(binding) || excused(ledger, binding))) return []
    return [`${channel} holds ${one.token} (${one.reference}), our binding ${binding?.id} is ${binding?.status}`]
  })
}

/** I6: what we call active the channel would take. */
export function unheld(ledger: Ledger, channel: ChannelName): readonly string[] {
  const usable = new Set(heldBy(ledger, channel).flatMap(one => (one.usable ? [one.token] : [])))
  return ledger.bindings
    .filter(row => row.channel === channel && row.status === 'active')
    .filter(row => (row.token === null || !usable.has(row.token)) && !excused(ledger, row))
    .map(row => `${row.id} is active, ${channel} does not take ${row.token}`)
}

/** I16: token by token, our book with what we know that we do not know is the counterparty's book. */
export function difference(ledger: Ledger, channel: ChannelName): readonly string[] {
  const here = ledger.bindings.filter(row => row.channel === channel)
  const unknown = new Set(here.filter(row => excused(ledger, row)).map(row => row.id))
  const isUnknown = (row: BindingRow | undefined): boolean => row !== undefined && unknown.has(row.id)
  const theirs = heldBy(ledger, channel)
    .filter(one => one.usable && !isUnknown(bindingNamed(ledger, channel, [one.token, one.reference])))
    .map(one => one.token)
  const held = new Map(heldBy(ledger, channel).map(one => [one.token, one]))
  // What is suspended may rest over there too: then neither book has it.
  const ours = here
    .filter(row => row.status === 'active' || (row.status === 'suspended' && held.get(row.token ?? '')?.usable === true))
    .filter(row => !isUnknown(row))
    .map(row => row.token ?? row.id)
  const surplus = [...new Set(theirs)].filter(token => !ours.includes(token))
  const lacking = [...new Set(ours)].filter(token => !theirs.includes(token))
  return [...surplus.map(token => `${channel} has ${token}, we have not`), ...lacking.map(token => `we have ${token}, ${channel} has not`)]
}

/** I18: one operation stores one thing at most, and what is alive was stored for it. */
export function effects(ledger: Ledger, channel: ChannelName): readonly string[] {
  const all = ledger.simulated.network.books(channel).effects.filter(one => one.effect === 'stored')
  const stored = by(
    all.filter(one => one.reference !== ''),
    one => one.reference,
  )
  const doubles = [...stored]
    .filter(([, group]) => new Set(group.map(one => one.token)).size > 1)
    .map(([name, group]) => `${name} stored ${group.length} times at ${channel}: ${group.map(one => one.token).join(' ')}`)
  const tokens = new Set(all.map(one => one.token))
  const unfounded = ledger.bindings
    .filter(row => row.channel === channel && alive(row) && !excused(ledger, row))
    .filter(row => !stored.has(row.id) && !ledger.operations.some(one => one.binding === row.id && stored.has(one.id)))
    .filter(row => ![row.token ?? '', ...Object.values(row.names)].some(name => tokens.has(name)))
    .map(row => `${row.id} is ${row.status} and ${channel} stored nothing for it`)
  return [...doubles, ...unfounded]
}

/** I21: when a refusal is believed nothing stands stored for it, whatever the channel tells afterwards. */
export function falselyFailed(ledger: Ledger, row: BindingRow): readonly string[] {
  if (excused(ledger, row)) return []
  const asked = new Set([row.id, ...ledger.operations.filter(one => one.binding === row.id).map(one => one.id)])
  const book = ledger.simulated.network.books(row.channel).effects.filter(one => asked.has(one.reference))
  return ledger.facts
    .filter(fact => fact.binding === row.id && fact.kind === 'refused' && fact.standing.rank !== 2)
    .filter(fact => {
      const last = book.findLast(one => one.atMs <= fact.seen_at && ['stored', 'removed', 'refused'].includes(one.effect))
      return last?.effect === 'stored'
    })
    .map(fact => `${row.id} was called refused by ${fact.source_event}, when ${row.channel} held what it had stored for it`)
}

/** I21: what an issuer refused goes to no other channel in the same chain. */
export function presentedAgain(ledger: Ledger, row: OperationRow): readonly string[] {
  if (row.verb !== 'bind' || row.input.chain === undefined) return []
  const before = ledger.operations.filter(
    one => one.verb === 'bind' && (one.id === row.input.chain || one.input.chain === row.input.chain) && one.id < row.id,
  )
  const asked = before.flatMap(one => ledger.operations.filter(other => other.binding === one.binding))
  return asked
    .filter(one => ledger.simulated.watch.refusedByIssuer.has(one.id))
    .map(one => `${row.id} at ${row.channel}, although the issuer had refused ${one.id}`)
}

/** I18: when a channel's answer to our revocation is believed, the token is gone, unless another binding of ours lives by it. */
export function tooEarly(ledger: Ledger, channel: ChannelName): readonly string[] {
  const book = ledger.simulated.network.books(channel)
  const here = new Map(ledger.bindings.filter(row => row.channel === channel).map(row => [row.id, row]))
  return ledger.facts.flatMap(fact => {
    const row = here.get(fact.binding)
    if (row === undefined || fact.kind !== 'revoked' || fact.operation === null || !fact.source.includes(':')) return []
    const token = ledger.operations.find(one => one.id === fact.operation)?.input.token ?? row.token
    const shared = [...here.values()].some(one => one.id !== row.id && one.token === token)
    const held = book.held.find(one => one.token === token)
    // What was replaced meanwhile is given up by its successor's token, for the same operation.
    const isIt = (one: { readonly token: string; readonly reference: string }) =>
      one.token === token || (one.reference !== '' && one.reference === held?.reference)
    const gone = book.effects.some(
      one => one.effect === 'removed' && one.atMs <= fact.seen_at + ledger.simulated.clock.errorMs() && isIt(one),
    )
    if (shared || held === undefined || gone || excused(ledger, row)) return []
    return [`${row.id} was called revoked at ${fact.seen_at}, when ${channel} still held ${token}`]
  })
}

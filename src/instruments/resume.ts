/**
 * After a challenge the customer's browser comes back, or the caller tells us what it brought: the channel is asked (or told) what became
 * of it.
 */
import { fieldProblem, Problem } from '../core/problem.ts'
import { codeLayer } from '../safeguards/code.ts'
import { refuseTyped } from '../safeguards/guard.ts'
import { refuseIfOff } from '../safeguards/killSwitch.ts'
import { currentPolicy } from '../safeguards/policy.ts'
import { currentSwitches } from '../safeguards/switches.ts'
import { insert, move, moveTo } from '../world/store.ts'
import type { World } from '../world/world.ts'
import type { Decision, Rows } from './decide.ts'
import { newOperation } from './intent.ts'
import { asItStands, readRows } from './learn.ts'
import { leaseMs } from './operation.ts'
import { readReturnToken } from './return.ts'
import { carryOut, settle } from './settle.ts'
import { type BindingRow, bindings, type OperationRow, operations } from './tables.ts'

export type Returned = Readonly<Record<string, string>>

/** What the customer types has a name of its own; an answer without it is a mistake of the caller's, and is not sent anywhere. */
export function answersWanted(binding: Pick<BindingRow, 'action'>, returned: Returned): void {
  const { action } = binding
  if (action === null) return
  const name =
    action.type === 'otp'
      ? 'otp'
      : action.type === 'micro_deposits'
        ? action.by
        : action.type === 'three_ds'
          ? 'three_ds_result'
          : undefined
  if (name === undefined) return
  const given = returned[name]
  if (given === undefined || given === '') throw fieldProblem(`/returned/${name}`, 'is what this challenge asks for')
  if (name === 'otp' && !/^[0-9A-Za-z]{3,12}$/.test(given)) throw fieldProblem('/returned/otp', 'must be 3 to 12 digits or letters')
  if (name === 'amounts' && !/^\d{1,6}(,\d{1,6}){0,3}$/.test(given))
    throw fieldProblem('/returned/amounts', 'must be amounts in minor units with commas between, such as 32,45')
  if (name === 'descriptor_code' && !/^[0-9A-Za-z]{4,12}$/.test(given))
    throw fieldProblem('/returned/descriptor_code', 'must be the code of the statement line, such as SM11AA')
}

/** Resumes the binding whose challenge came back. A second return of the same one changes nothing: it answers how things stand. */
export async function resumeReturned(world: World, token: string, returned: Returned): Promise<Rows> {
  const id = readReturnToken(world, token)
  const operation = id === undefined ? undefined : await world.store.get(operations, { id })
  if (operation === undefined) throw new Problem('not_found', 'this return address is not one of ours')
  await resume(world, { tenant: operation.tenant, binding: operation.binding, returned, request: null })
  return readRows(world, operation.tenant, operation.binding)
}

/** Whoever reloads the return address for ever is told how things stand. */
const operationsMax = 50

const sameReturn = (a: Returned | undefined, b: Returned): boolean =>
  a !== undefined && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())

/** `event`: the channel's own, where it told what was brought back; told once more, it is the same return. */
export async function resume(
  world: World,
  input: {
    readonly tenant: string
    readonly binding: string
    readonly returned: Returned
    readonly request: string | null
    readonly event?: string
  },
): Promise<Decision> {
  const rows = await readRows(world, input.tenant, input.binding)
  const { returned, event } = input
  // The same return is under way. Another one may be the true one: a preview or a back button can come back with nothing.
  const underWay = rows.operations.some(
    one =>
      one.verb === 'resume' &&
      ((one.status === 'open' && sameReturn(one.input.returned, returned)) || (event !== undefined && one.input.event === event)),
  )
  if (rows.binding.operations >= operationsMax) return asItStands(rows)
  if (underWay || (rows.binding.status !== 'challenge' && rows.binding.status !== 'uncertain')) return asItStands(rows)
  const owed = owedAnswer(rows)
  // It is on its way.
  if (owed?.cause === null) return asItStands(rows)
  if (owed !== undefined) {
    // Whatever it was told, what is typed now is not sent beside it.
    await settle(world, owed)
    const now = await readRows(world, input.tenant, input.binding)
    return owedAnswer(now) === undefined ? resume(world, input) : asItStands(now)
  }
  const empty = Object.keys(returned).length === 0
  if (empty && rows.binding.action !== null && comesBackWithNothing.has(rows.binding.action.type)) return lookAgain(world, rows)
  // To go on would bind what its customer has removed: what became of it is asked, and what came alive is given up.
  if (rows.instrument.unbound_at !== null) return lookAgain(world, rows)
  if (world.channels.get(rows.binding.channel)?.resume === undefined) return lookAgain(world, rows)
  await admitTyped(world, rows, input)
  const told = event === undefined ? {} : { event }
  const operation = newOperation(world, rows.binding, { verb: 'resume', input: { returned, ...told }, request: input.request })
  const binding = { ...rows.binding, operations: rows.binding.operations + 1 }
  const result = await world.store.commit([moveTo(bindings, rows.binding, binding), insert(operations, operation)])
  if (!result.ok) return resumeAfter(world, input, rows)
  const after: Rows = { ...rows, binding: { ...binding, version: rows.binding.version + 1 }, operations: [...rows.operations, operation] }
  return carryOut(world, operation, { rows: after })
}

/** What is typed is passed on so often and no more, whatever the channel would take. Throws the uniform refusal. */
async function admitTyped(
  world: World,
  { binding, operations: asked }: Rows,
  { returned, request }: Parameters<typeof resume>[1],
): Promise<void> {
  if (!isTyped(returned)) return
  const [policy, switches] = await Promise.all([currentPolicy(world, binding), currentSwitches(world)])
  refuseIfOff(switches, binding, 'codes')
  const tries = asked.filter(one => one.verb === 'resume' && isTyped(one.input.returned ?? {})).length
  if (!policy.isOff('code')) await refuseTyped(world, { ...binding, verb: 'resume', request: request ?? '' }, codeLayer({ tries }, policy))
}
const isTyped = (returned: Returned): boolean => ['otp', 'amounts', 'descriptor_code'].some(name => name in returned)

/**
 * The binding moved between the reading and the commit, and nothing was sent: by news of it what the customer typed is not lost. The same return
 * that came at the same moment by another door was sent, and a wrong code is not tried twice.
 */
async function resumeAfter(world: World, input: Parameters<typeof resume>[1], before: Rows): Promise<Decision> {
  const now = await readRows(world, input.tenant, input.binding)
  const known = new Set(before.operations.map(one => one.id))
  const sent = now.operations.some(one => one.verb === 'resume' && !known.has(one.id) && sameReturn(one.input.returned, input.returned))
  return sent || now.binding.version === before.binding.version ? asItStands(now) : resume(world, input)
}

/**
 * A password, amount or result that was sent, or a new password that was asked for, and whose answer is owed. A second one beside it could be
 * refused after the first was taken, or be checked against another challenge, so the first is asked about first.
 */
const owedAnswer = ({ binding, operations: asked }: Rows): OperationRow | undefined =>
  typed.has(binding.action?.type ?? '')
    ? asked.find(one => one.status === 'open' && (one.verb === 'resume' || one.verb === 'resend'))
    : undefined
const typed: ReadonlySet<string> = new Set(['otp', 'micro_deposits', 'three_ds'])

/** The customer acts in an app or at the bank, and nobody brings anything back. */
const comesBackWithNothing: ReadonlySet<string> = new Set(['app_link', 'qr', 'await'])

/** A page may ask as often as it likes; the channel is asked this often. */
const lookAgainMs = 5_000

/** The page asks whether it is done: the bind that waits is looked up now, unless it just was. */
async function lookAgain(world: World, rows: Rows): Promise<Decision> {
  const waiting = rows.operations.find(one => one.verb === 'bind' && one.status === 'waiting')
  if (waiting === undefined || world.channels.get(waiting.channel)?.lookUp === undefined) return asItStands(rows)
  const now = world.now()
  if (now - (waiting.input.lookedAtMs ?? 0) < lookAgainMs) return asItStands(rows)
  const claimed = { tries: waiting.tries + 1, due_at: now + leaseMs, clock: null, input: { ...waiting.input, lookedAtMs: now } }
  if (!(await world.store.commit([move(operations, waiting, claimed)])).ok) return asItStands(rows)
  return carryOut(world, { ...waiting, ...claimed, version: waiting.version + 1 }, { step: { do: 'lookUp' } })
}

/**
 * A one-time password is sent again: as often as the challenge says it may be, where one whose answer was lost counts as sent, and never
 * beside another that is under way.
 */
export async function resend(
  world: World,
  input: { readonly tenant: string; readonly binding: string; readonly request: string },
): Promise<Decision> {
  const rows = await readRows(world, input.tenant, input.binding)
  const { action, status } = rows.binding
  if (rows.instrument.unbound_at !== null) throw new Problem('conflict', 'the instrument is unbound')
  if (status !== 'challenge' || action?.type !== 'otp' || world.channels.get(rows.binding.channel)?.resend === undefined)
    throw new Problem('conflict', 'no password was sent that could be sent again')
  const sent = rows.operations.filter(one => one.verb === 'resend')
  if (sent.some(one => one.status === 'open')) throw new Problem('conflict', 'it is being sent')
  // With a new password the old one's answer could no longer be asked for.
  if (owedAnswer(rows) !== undefined) throw new Problem('conflict', 'a password that was typed is being checked')
  const unanswered = sent.filter(one => !rows.facts.some(fact => fact.operation === one.id))
  if (unanswered.length >= action.resends || rows.binding.operations >= operationsMax)
    throw new Problem('too_many_requests', `it was sent ${sent.length} times again, and is not any more`)
  const operation = newOperation(world, rows.binding, { verb: 'resend', input: {}, request: input.request })
  const binding = { ...rows.binding, operations: rows.binding.operations + 1 }
  const result = await world.store.commit([moveTo(bindings, rows.binding, binding), insert(operations, operation)])
  if (!result.ok) throw new Problem('conflict', 'the binding changed meanwhile')
  return carryOut(world, operation)
}

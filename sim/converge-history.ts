/** One history: what there is when it begins, and the facts that are then told, in whatever order. The same seed always gives the same. */
import type { ChannelName, RevokeOutcome } from '../src/channels/channel.ts'
import { channels } from '../src/channels/index.ts'
import type { NewFact } from '../src/instruments/fact.ts'
import { learn } from '../src/instruments/learn.ts'
import { settle } from '../src/instruments/settle.ts'
import { bindings, instruments, operations } from '../src/instruments/tables.ts'
import { type NewOwnFact, tellInstrument } from '../src/instruments/tell.ts'
import { unbind } from '../src/instruments/unbind.ts'
import { settleDue } from '../src/worker.ts'
import type { World } from '../src/world/world.ts'
import { createDice, type Dice } from './converge-dice.ts'
import { type About, abandonedFact, answerFact, channelFact, newsKinds, ownFact, ownKindsDrawn } from './converge-facts.ts'
import { createGround, type Ground, newCard, newCustomer, newLeg, tenant } from './converge-ground.ts'

/** Told of a binding, or of an instrument itself. */
export type Step =
  | { readonly binding: string; readonly fact: NewFact; readonly instrument?: undefined }
  | { readonly instrument: string; readonly own: NewOwnFact; readonly binding?: undefined }
export type Laid = { readonly ground: Ground; readonly steps: readonly Step[]; readonly phases: readonly Phase[] }

export const phases = ['initiated', 'challenge', 'verifying', 'active', 'suspended', 'expired', 'revoked', 'failed'] as const
type Phase = (typeof phases)[number]

/** What brings a binding there. */
function towards(dice: Dice, about: About, phase: Phase): readonly NewFact[] {
  const bound = answerFact(dice, about, 'bound')
  switch (phase) {
    case 'initiated':
      return []
    case 'challenge':
      return [answerFact(dice, about, 'challenged')]
    case 'verifying':
      return [answerFact(dice, about, 'verifying')]
    case 'active':
      return [bound]
    case 'suspended':
      return [bound, channelFact(dice, about, 90, 'suspended')]
    case 'expired':
      return [abandonedFact(about)]
    case 'revoked':
      return [bound, channelFact(dice, about, 90, 'revoked')]
    case 'failed':
      return [answerFact(dice, about, 'refused')]
  }
}

const answers: readonly RevokeOutcome[] = [
  { kind: 'revoked' },
  { kind: 'revoked' },
  { kind: 'revoking' },
  { kind: 'uncertain', cause: 'no answer' },
]

/** Everything up to where the news begins. `mixed`: the answers that made the phases are told among the news. */
export async function lay(seed: number, infect?: (world: World) => World): Promise<Laid> {
  const dice = createDice(seed)
  const ground = createGround(seed, dice.one(answers), infect)
  const customer = await newCustomer(ground)
  const [mixed, unbound, again] = [dice.chance() < 0.4, dice.chance() < 0.15, dice.chance() < 0.15]
  const cards = [await newCard(ground, customer)]
  if (dice.chance() < 0.35) cards.push(await newCard(ground, customer))
  const abouts: About[] = []
  const names = dice.shuffle([...channels.keys()])
  const first: Step[] = []
  const reached: Phase[] = []
  const add = async (instrument: (typeof cards)[number], channel: ChannelName, token: string): Promise<About> => {
    const leg = await newLeg(ground, { customer, instrument, channel, cardVersion: 1 + dice.pick(3) })
    const about = { ...leg, token }
    abouts.push(about)
    return about
  }
  for (const [i, card] of cards.entries())
    for (const channel of names.slice(0, 1 + dice.pick(3))) {
      const about = await add(card, channel, `tok_${i}_${channel}`)
      const phase = dice.one(phases)
      reached.push(phase)
      for (const fact of towards(dice, about, phase)) first.push({ binding: about.binding.id, fact })
    }
  if (!mixed) for (const step of first) await teach(ground.world, [step])
  const [card] = cards
  if (unbound && card !== undefined) await give(ground, card.id)
  const [one] = abouts
  // Bound there anew when the first bind had lapsed, or ended: a channel may give the same token for the same card.
  if (again && !mixed && one !== undefined && card !== undefined && isFree(ground, one))
    await add(card, one.binding.channel, dice.chance() < 0.5 ? one.token : `${one.token}_anew`)
  return {
    ground,
    phases: reached,
    steps: unique(
      first,
      mixed,
      draw(
        dice,
        abouts,
        cards.map(row => row.id),
      ),
    ),
  }
}

const isFree = ({ all }: Ground, { binding }: About): boolean => all(bindings).every(row => row.id !== binding.id || row.slot === null)

async function give({ world, all }: Ground, id: string): Promise<void> {
  const instrument = all(instruments).find(row => row.id === id)
  if (instrument === undefined) throw new TypeError(`no instrument ${id}`)
  const none = { claim: () => [], answer: () => [], both: () => [], check: () => {} }
  await unbind(world, { tenant, instrument, request: 'req_converge', consent: {} }, none)
}

/** News of every binding, and of the instruments themselves. */
function draw(dice: Dice, abouts: readonly About[], cards: readonly string[]): readonly Step[] {
  const out: Step[] = []
  for (const about of abouts) {
    for (let i = dice.pick(6); i > 0; i -= 1) out.push({ binding: about.binding.id, fact: channelFact(dice, about, i) })
    if (dice.chance() < 0.3)
      out.push({ binding: about.binding.id, fact: answerFact(dice, about, dice.one(['bound', 'challenged', 'verifying', 'refused'])) })
    if (dice.chance() < 0.1) out.push({ binding: about.binding.id, fact: abandonedFact(about) })
  }
  for (const instrument of cards) for (let i = dice.pick(7); i > 0; i -= 1) out.push({ instrument, own: ownFact(dice, i) })
  return out
}

/** What a fact is known by. */
export const nameOf = (step: Step): string =>
  step.binding === undefined
    ? `${step.instrument} ${step.own.source} ${step.own.event}`
    : `${step.binding} ${step.fact.source} ${step.fact.event}`
/** One event says one thing. What is not mixed among the news was told before. */
function unique(first: readonly Step[], mixed: boolean, news: readonly Step[]): readonly Step[] {
  const before = new Set(mixed ? [] : first.map(nameOf))
  const all = new Map([...(mixed ? first : []), ...news].map(step => [nameOf(step), step]))
  return [...all].flatMap(([name, step]) => (before.has(name) ? [] : [step]))
}

/** An order of a history's facts: some come twice or more, and what is told of one thing may come together. Number 0: as they were drawn. */
export function shuffled(seed: number, number: number, steps: readonly Step[]): readonly (readonly Step[])[] {
  if (number === 0) return steps.map(step => [step])
  const dice = createDice(seed, number)
  const repeated = steps.flatMap(step => (dice.chance() < 0.3 ? Array.from({ length: 1 + dice.pick(3) }, () => step) : [step]))
  const batches: Step[][] = []
  for (const step of dice.shuffle(repeated)) {
    const last = batches.at(-1)
    const [before] = last ?? []
    const together = before !== undefined && before.binding === step.binding && before.instrument === step.instrument && dice.chance() < 0.5
    if (together) last?.push(step)
    else batches.push([step])
  }
  return batches
}

/** What is told together is learned in one commit. */
export async function teach(world: World, batch: readonly Step[]): Promise<void> {
  const [first] = batch
  if (first === undefined) return
  if (first.binding === undefined) {
    const facts = batch.flatMap(step => (step.binding === undefined ? [step.own] : []))
    await tellInstrument(world, { tenant, instrument: first.instrument, facts })
    return
  }
  const facts = batch.flatMap(step => (step.binding === undefined ? [] : [step.fact]))
  await learn(world, { tenant, binding: first.binding, change: { facts } })
}

/** What we owe now is carried out: the clock stands, so nothing else falls due. */
export async function rest(world: World): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) if ((await settleDue(world)) === 0) return
  throw new TypeError('it does not come to rest')
}

/** And what waited for something else (that the card was not being bound anew) is tried once more. */
export async function carryOutAll({ world, all }: Pick<Ground, 'world' | 'all'>): Promise<void> {
  await rest(world)
  for (const row of all(operations)) if (row.verb === 'revoke' && row.status === 'open') await settle(world, row)
  await rest(world)
}

/** Which kinds and phases never occur in that many histories: a property that is not met is not proven. */
export async function kindsMet(histories: number): Promise<readonly string[]> {
  const missing = new Set<string>([...newsKinds, ...ownKindsDrawn, ...phases.map(phase => `phase ${phase}`)])
  for (let seed = 1; seed <= histories && missing.size > 0; seed += 1) {
    const { steps, phases: reached } = await lay(seed)
    for (const step of steps) missing.delete(step.binding === undefined ? step.own.news.kind : step.fact.news.kind)
    for (const phase of reached) missing.delete(`phase ${phase}`)
  }
  return [...missing]
}

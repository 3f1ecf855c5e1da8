/**
 * People who bind their own card while an attack goes on. How they behave is a model, and its numbers are where they may be argued about: six in
 * a hundred mistype the security code at first, four in a hundred are declined by their issuer and take another card; a third comes back
 * after a day or later with one more card; a third sits behind one of a few shared addresses (a carrier's, an office's), three in a hundred
 * come without an address. Issuers are as popular as Zipf's law has it.
 */
import { type Card, tryCard, type Visitor } from './attack-browser.ts'
import type { Arena, Said } from './attack-world.ts'
import type { Scheduler } from './scheduler.ts'

export const binCount = 400
/** Eight leading digits of the issuer of that rank, from 0, the most popular. */
export const binAt = (rank: number): string => String(41_000_000 + rank * 7_919)

/** With the check digit that fits (Luhn). */
export function numberOf(bin: string, account: number): string {
  const digits = bin + String(account).padStart(7, '0')
  const sum = [...digits].reduceRight((total, digit, i) => {
    const doubled = Number(digit) * ((digits.length - i) % 2 === 1 ? 2 : 1)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return digits + String((10 - (sum % 10)) % 10)
}

const weights = Array.from({ length: binCount }, (_, rank) => 1 / (rank + 3))
const weightSum = weights.reduce((sum, one) => sum + one, 0)
function someBin(scheduler: Scheduler): string {
  let left = scheduler.chance() * weightSum
  for (const [rank, weight] of weights.entries()) {
    left -= weight
    if (left <= 0) return binAt(rank)
  }
  return binAt(0)
}

export const someAddress = (scheduler: Scheduler): string =>
  [1 + scheduler.pick(222), scheduler.pick(256), scheduler.pick(256), 1 + scheduler.pick(254)].join('.')

export type Crowd = {
  /** What the issuer says to their cards. */
  readonly honest: ReadonlyMap<string, () => Said>
  readonly told: { visits: number; bound: number; worked: number; blocked: number; declined: number }
  /** Lets them come; resolves when the last has been. */
  live(arena: Arena, tenants: readonly string[], spanMs: number): Promise<void>
}

const dayMs = 24 * 3_600_000

export function createCrowd(people: number): Crowd {
  const honest = new Map<string, () => Said>()
  const told = { visits: 0, bound: 0, worked: 0, blocked: 0, declined: 0 }
  return {
    honest,
    told,
    async live(arena, tenants, spanMs) {
      const { scheduler } = arena
      const shared = Array.from({ length: Math.max(4, Math.ceil(people / 600)) }, () => someAddress(scheduler))
      const one = async (): Promise<void> => {
        await scheduler.sleep(scheduler.chance() * spanMs)
        const tenant = scheduler.one(tenants)
        const dice = scheduler.chance()
        const ip = dice < 0.03 ? null : dice < 0.36 ? scheduler.one(shared) : someAddress(scheduler)
        const visitor = { tenant, customer: await arena.newCustomer(tenant), ip, device: scheduler.random(8).toString('hex') }
        await visit(arena, { honest, told }, visitor)
        if (scheduler.chance() >= 0.33) return
        await scheduler.sleep(dayMs + scheduler.chance() * dayMs)
        await visit(arena, { honest, told }, visitor)
      }
      await Promise.all(Array.from({ length: people }, one))
    },
  }
}

/** A person with a card in hand: tries it, corrects what was mistyped, takes another card, and gives up after four. */
async function visit(
  arena: Arena,
  crowd: Pick<Crowd, 'told'> & { readonly honest: Map<string, () => Said> },
  visitor: Visitor,
): Promise<void> {
  const { scheduler } = arena
  const { told } = crowd
  told.visits += 1
  let card = newCard(scheduler, crowd.honest)
  let stopped = false
  for (let tries = 0; tries < 4; tries += 1) {
    const before = arena.asked.get(card.number) ?? 0
    const tried = await tryCard(arena, visitor, card)
    if (tried.worked) told.worked += 1
    if (tried.outcome === 'bound') {
      told.bound += 1
      return
    }
    // Nobody asked the issuer: it was one of our layers.
    stopped ||= (arena.asked.get(card.number) ?? 0) === before
    await scheduler.sleep(20_000 + scheduler.chance() * 60_000)
    if (tries % 2 === 1) card = newCard(scheduler, crowd.honest)
  }
  if (stopped) told.blocked += 1
  else told.declined += 1
}

function newCard(scheduler: Scheduler, honest: Map<string, () => Said>): Card {
  const number = numberOf(someBin(scheduler), scheduler.pick(10_000_000))
  const dice = scheduler.chance()
  let asked = 0
  honest.set(number, () => {
    asked += 1
    if (dice < 0.06 && asked === 1) return { result: 'declined', code: 'invalid_security_code' }
    return dice >= 0.06 && dice < 0.1 ? { result: 'declined', code: 'do_not_honour' } : { result: 'approved' }
  })
  return { number, code: '123' }
}

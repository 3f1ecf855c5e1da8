/**
 * Eight ways to learn something by binding. Each says which layers are to stop it, and is run once with them and once without: a layer whose
 * attack fails without it too would prove nothing. Attackers have fresh customers and devices for every try, do every proof of work, and go on
 * however often they are refused.
 */
import { type Card, giveUp, type Tried, tryCard, tryPassword, type Visitor } from './attack-browser.ts'
import { binAt, numberOf, someAddress } from './attack-people.ts'
import { type Arena, codeOf, isLive, type Off } from './attack-world.ts'

export type Size = 'short' | 'long'
export type Seen = {
  tried: number
  learned: number
  /** By whatever is attacked (a range, a card): how many tries the issuer answered. */
  readonly answered: Map<string, number>
  /** When the last of them was answered, in ms after the attack on it began. */
  readonly began: Map<string, number>
  readonly stopped: Map<string, number>
  /** Refusals with how they looked from outside: for who tells layers apart. */
  readonly refusals: { readonly ours: boolean; readonly hidden: boolean; readonly text: string; readonly ms: number }[]
}
export type Attack = {
  readonly name: string
  readonly layers: readonly Off[]
  readonly tenants: number
  readonly issuer: 'nothing' | 'code' | 'password'
  readonly spanMs: number
  /** What is guessed is a code of three digits: by chance alone one in a thousand is right. */
  readonly digits?: 3
  readonly act: (arena: Arena, seen: Seen, tenants: readonly string[], size: Size) => Promise<void>
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const robot = async (arena: Arena, tenant: string, ip: string): Promise<Visitor> => ({
  tenant,
  customer: await arena.newCustomer(tenant),
  ip,
  device: arena.scheduler.random(8).toString('hex'),
})

/** One try; `unit`: what is attacked. A card that was bound is one learned. */
async function guess(arena: Arena, seen: Seen, unit: string, visitor: Visitor, card: Card): Promise<Tried> {
  const began = arena.scheduler.now()
  if (!seen.began.has(unit)) seen.began.set(unit, began)
  const before = arena.asked.get(card.number) ?? 0
  seen.tried += 1
  const tried = await tryCard(arena, visitor, card)
  if ((arena.asked.get(card.number) ?? 0) > before) {
    seen.answered.set(unit, (seen.answered.get(unit) ?? 0) + 1)
    seen.stopped.set(unit, began - (seen.began.get(unit) ?? began))
  }
  if (tried.outcome === 'bound') seen.learned += 1
  return tried
}

/** `count` of them, one every so often, none waiting for the one before. */
async function paced(arena: Arena, count: number, everyMs: number, act: (i: number) => Promise<unknown>): Promise<void> {
  const running: Promise<unknown>[] = []
  for (let i = 0; i < count; i += 1) {
    running.push(act(i))
    await arena.scheduler.sleep(everyMs * (0.5 + arena.scheduler.chance()))
  }
  await Promise.all(running)
}

const someNumber = (arena: Arena, bin: string): Card => ({ number: numberOf(bin, arena.scheduler.pick(10_000_000)), code: '123' })
/** Issuers of middling popularity: about one honest card in four hundred is of each. */
const binsFrom = (rank: number, count: number): readonly string[] => Array.from({ length: count }, (_, i) => binAt(rank + i))

export const attacks: readonly Attack[] = [
  {
    name: 'single_ip',
    layers: ['address', 'subnet', 'network'],
    tenants: 1,
    issuer: 'nothing',
    spanMs: 2 * day,
    act: async (arena, seen, [tenant = ''], size) => {
      const bins = binsFrom(100, 250)
      await paced(arena, size === 'long' ? 4_000 : 2_000, 500, async i => {
        const bin = bins[i % bins.length] ?? ''
        await guess(arena, seen, bin, await robot(arena, tenant, '198.51.100.7'), someNumber(arena, bin))
      })
    },
  },
  {
    name: 'thousand_ips',
    layers: ['bin'],
    tenants: 1,
    issuer: 'nothing',
    spanMs: 2 * day,
    act: async (arena, seen, [tenant = ''], size) => {
      const ips = Array.from({ length: 1_000 }, () => someAddress(arena.scheduler))
      await paced(arena, size === 'long' ? 6_000 : 3_000, 400, async i => {
        const bin = binAt(120)
        await guess(arena, seen, bin, await robot(arena, tenant, ips[i % ips.length] ?? ''), someNumber(arena, bin))
      })
    },
  },
  {
    name: 'low_and_slow',
    layers: ['bin'],
    tenants: 1,
    issuer: 'nothing',
    spanMs: 7 * day,
    act: async (arena, seen, [tenant = ''], size) => {
      const bins = binsFrom(130, size === 'long' ? 8 : 4)
      // One try in six minutes at each issuer: 1,680 in a week.
      const one = (bin: string) =>
        paced(arena, 1_680, 6 * minute, async () => {
          await guess(arena, seen, bin, await robot(arena, tenant, someAddress(arena.scheduler)), someNumber(arena, bin))
        })
      await Promise.all(bins.map(one))
    },
  },
  {
    name: 'sequential_bin',
    layers: ['fingerprint', 'bin'],
    tenants: 1,
    issuer: 'nothing',
    spanMs: 2 * day,
    act: async (arena, seen, [tenant = ''], size) => {
      const bins = binsFrom(150, size === 'long' ? 40 : 10)
      const from = arena.scheduler.pick(9_000_000)
      await paced(arena, bins.length * 600, 200, async i => {
        const bin = bins[i % bins.length] ?? ''
        const card = { number: numberOf(bin, from + Math.floor(i / bins.length)), code: '123' }
        await guess(arena, seen, bin, await robot(arena, tenant, someAddress(arena.scheduler)), card)
      })
    },
  },
  {
    name: 'cvc_guessing',
    layers: ['fingerprint', 'bin'],
    tenants: 1,
    issuer: 'code',
    digits: 3,
    spanMs: 2 * day,
    act: async (arena, seen, [tenant = ''], size) => {
      const cards = liveCards(arena, 200, size === 'long' ? 30 : 6)
      const known = new Set<string>()
      await paced(arena, cards.length * 1_000, 200, async i => {
        const number = cards[i % cards.length] ?? ''
        if (known.has(number)) return
        const code = String(Math.floor(i / cards.length)).padStart(3, '0')
        const tried = await guess(arena, seen, number, await robot(arena, tenant, someAddress(arena.scheduler)), { number, code })
        if (tried.outcome === 'bound') known.add(number)
      })
    },
  },
  {
    name: 'otp_guessing',
    layers: ['code', 'fingerprint', 'bin'],
    tenants: 1,
    issuer: 'password',
    digits: 3,
    spanMs: 2 * day,
    act: async (arena, seen, [tenant = ''], size) => {
      const cards = liveCards(arena, 260, size === 'long' ? 60 : 12)
      // A new challenge has a new password: twelve of them for each card.
      await paced(arena, cards.length * 12, 2 * second, async i => {
        const number = cards[i % cards.length] ?? ''
        await guessPasswords(arena, seen, await robot(arena, tenant, someAddress(arena.scheduler)), { number, code: codeOf(number) })
      })
    },
  },
  {
    name: 'cross_tenant',
    layers: ['network'],
    tenants: 80,
    issuer: 'nothing',
    spanMs: 2 * day,
    act: async (arena, seen, tenants, size) => {
      const ips = Array.from({ length: 16 }, (_, i) => `203.0.${113 + (i % 4)}.${10 + i}`)
      const bins = binsFrom(20, 380)
      await paced(arena, size === 'long' ? 12_000 : 6_000, 500, async i => {
        const { scheduler } = arena
        const bin = scheduler.one(bins)
        await guess(
          arena,
          seen,
          ips[i % ips.length] ?? '',
          await robot(arena, scheduler.one(tenants), ips[i % ips.length] ?? ''),
          someNumber(arena, bin),
        )
      })
    },
  },
  {
    name: 'oracle_distinguisher',
    layers: ['pace'],
    tenants: 1,
    issuer: 'nothing',
    spanMs: day,
    act: distinguish,
  },
]

/** Real numbers that were bought somewhere, each of another issuer. */
function liveCards(arena: Arena, rank: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => {
    for (;;) {
      const number = numberOf(binAt(rank + i), arena.scheduler.pick(10_000_000))
      if (isLive(number)) return number
    }
  })
}

const codesPerChallenge = 48

async function guessPasswords(arena: Arena, seen: Seen, visitor: Visitor, card: Card): Promise<void> {
  const asked = await tryCard(arena, visitor, card)
  if (!seen.began.has(card.number)) seen.began.set(card.number, arena.scheduler.now())
  const from = arena.scheduler.pick(1_000)
  for (let i = 0; i < codesPerChallenge; i += 1) {
    seen.tried += 1
    if (asked.outcome !== 'challenge' || asked.instrument === undefined) continue
    const otp = String((from + i) % 1_000).padStart(3, '0')
    const told = await tryPassword(arena, visitor.tenant, asked.instrument, otp)
    if (told !== 'refused') {
      seen.answered.set(card.number, (seen.answered.get(card.number) ?? 0) + 1)
      seen.stopped.set(card.number, arena.scheduler.now() - (seen.began.get(card.number) ?? 0))
    }
    if (told === 'bound') {
      seen.learned += 1
      return
    }
  }
  // A new challenge has a new password, and takes a place that this one holds.
  if (asked.outcome === 'challenge') await giveUp(arena, asked)
}

/**
 * Two in a hundred of the numbers tried are two customers' here already, so that we refuse them ourselves; the others the issuer declines. Half
 * of the tries come from an address that is kept out, which is another layer's refusal. Who can tell the three apart, by what comes back or
 * by how long it took, learns who pays here.
 */
async function distinguish(arena: Arena, seen: Seen, [tenant = '']: readonly string[], size: Size): Promise<void> {
  const { scheduler } = arena
  const bins = binsFrom(20, 380)
  const count = size === 'long' ? 8_000 : 3_000
  const known = liveCards(arena, 20, Math.ceil(count / 50)).map(number => ({ number, code: '123' }))
  for (const card of known) for (let i = 0; i < 2; i += 1) await tryCard(arena, await robot(arena, tenant, someAddress(scheduler)), card)
  // Two visits of another customer to a number make it tried four times in the day: still within what the vault lets through.
  const blocked = '192.0.2.66'
  await paced(arena, count, 4 * second, async i => {
    const hidden = i % 50 === 7
    const card = hidden ? (known[Math.floor(i / 50)] ?? someNumber(arena, binAt(30))) : deadNumber(arena, scheduler.one(bins))
    const ip = !hidden && i % 2 === 0 ? blocked : someAddress(scheduler)
    const before = arena.asked.get(card.number) ?? 0
    const tried = await guess(arena, seen, card.number, await robot(arena, tenant, ip), card)
    const ours = (arena.asked.get(card.number) ?? 0) === before
    if (tried.outcome === 'refused') seen.refusals.push({ ours, hidden, text: tried.text, ms: tried.ms })
  })
}

function deadNumber(arena: Arena, bin: string): Card {
  for (;;) {
    const card = someNumber(arena, bin)
    if (!isLive(card.number)) return card
  }
}

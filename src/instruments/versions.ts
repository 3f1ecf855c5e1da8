/** The versions of a card: each number and end it had, since when, and who told. All of them are one instrument. */
import type { World } from '../world/world.ts'
import { isCard } from './display.ts'
import { expiryOf, expiryText } from './expiry.ts'
import { bindings, facts, type InstrumentRow, instrumentFacts, operations } from './tables.ts'

export type Version = {
  /** Under which the vault has it sealed; null: nobody told us its number. */
  readonly version: number | null
  readonly last4: string | null
  readonly expiry_month: number | null
  readonly expiry_year: number | null
  readonly since: string
  /** `customer`, `updater:<name>`, or the channel that told: `stripe:test`. */
  readonly by: string
  readonly current: boolean
}

type Known = {
  readonly version: number | null
  readonly last4?: string | undefined
  readonly year: number
  readonly month: number
  readonly at: number
  readonly by: string
}

/** Oldest first. What is told again, by another mouth, is the version it was. */
export async function versionsOf(world: World, instrument: InstrumentRow): Promise<readonly Version[]> {
  const { tenant, id } = instrument
  if (!isCard(instrument)) return []
  const [legs, own] = await Promise.all([
    world.store.find(bindings, { tenant, instrument: id }),
    world.store.find(instrumentFacts, { tenant, instrument: id }),
  ])
  const each = await Promise.all(
    legs.map(async leg => {
      const [asked, told] = await Promise.all([
        world.store.find(operations, { tenant, binding: leg.id }),
        world.store.find(facts, { tenant, binding: leg.id }),
      ])
      const given = asked.flatMap((one): Known[] => {
        const { source, cardVersion, capture } = one.input
        if (source?.type !== 'card' || capture === undefined) return []
        const { last4, expiryYear: year, expiryMonth: month } = source.card
        return [{ version: cardVersion ?? 1, last4, year, month, at: one.created_at, by: 'customer' }]
      })
      const learned = told.flatMap((one): Known[] => {
        const shown = 'shown' in one.news ? one.news.shown : undefined
        const expiry = expiryOf(shown)
        return expiry === undefined ? [] : [{ version: null, last4: shown?.last4, ...expiry, at: one.seen_at, by: one.source }]
      })
      return [...given, ...learned]
    }),
  )
  const advised = own.flatMap((one): Known[] => {
    if (one.news.kind !== 'advised' || one.news.expiry === undefined) return []
    const { cardVersion = null, last4, expiry } = one.news
    return [{ version: cardVersion, last4, ...expiry, at: one.seen_at, by: one.source }]
  })
  return inOrder([...each.flat(), ...advised], instrument)
}

function inOrder(known: readonly Known[], { display }: InstrumentRow): readonly Version[] {
  const out = new Map<string, Known>()
  let last4: string | undefined
  // What has a number of its own is told first where several tell the same.
  for (const one of known.toSorted((a, b) => a.at - b.at || (a.version === null ? 1 : 0) - (b.version === null ? 1 : 0))) {
    const mine = one.last4 ?? last4
    const name = `${mine ?? ''} ${expiryText(one)}`
    const had = out.get(name)
    if (had === undefined) out.set(name, { ...one, last4: mine })
    else if (had.version === null && one.version !== null) out.set(name, { ...had, version: one.version })
    last4 = mine
  }
  return [...out.values()].map(one => ({
    version: one.version,
    last4: one.last4 ?? null,
    expiry_month: one.month,
    expiry_year: one.year,
    since: new Date(one.at).toISOString(),
    by: one.by,
    current: one.last4 === display.last4 && one.year === display.expiryYear && one.month === display.expiryMonth,
  }))
}

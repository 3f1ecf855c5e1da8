/** Whether the notices kept pace: the last one says how it ended, and one that late news made wrong is followed by one that corrects it. */
import { z } from 'zod'
import { same } from '../src/core/same.ts'
import { events } from '../src/events/tables.ts'
import { foldBinding } from '../src/instruments/binding.ts'
import { asFact } from '../src/instruments/fact.ts'
import { bindings, facts, instruments } from '../src/instruments/tables.ts'
import { viewInstrument } from '../src/instruments/view.ts'
import type { Ground } from './converge-ground.ts'

type Folded = ReturnType<typeof foldBinding>['folded']
/** What the facts of each binding said at a time. */
export type Known = ReadonlyMap<string, Folded>

export function knownOf({ all }: Pick<Ground, 'all'>): Known {
  const told = Map.groupBy(all(facts), row => row.binding)
  return new Map(all(bindings).map(row => [row.id, foldBinding((told.get(row.id) ?? []).map(asFact)).folded]))
}

const noticeShape = z.looseObject({
  binding: z.looseObject({ id: z.string() }).optional(),
  corrects: z.looseObject({ sequence: z.number() }).optional(),
})

/** Of one step: what was told of a binding must correct what had been told of it, if and only if what had led there no longer does. */
export function uncorrected(before: Known, after: Known, told: readonly unknown[]): readonly string[] {
  return told.flatMap(data => {
    const { binding, corrects } = noticeShape.parse(data)
    const [was, is] = [before.get(binding?.id ?? ''), after.get(binding?.id ?? '')]
    const last = was?.applied.at(-1)
    if (binding === undefined || was === undefined || is === undefined || last === undefined) return []
    const place = is.applied.findIndex(one => one.order.id === last.order.id)
    const wrong = place < 0 || is.states[place] !== was.status
    if (wrong === (corrects !== undefined)) return []
    return [
      wrong ? `${binding.id} was told to be ${was.status}, and nobody corrected it` : `${binding.id} was corrected and had been right`,
    ]
  })
}

/** What the last notice about each instrument said and is not so. Nothing was told of what never changed. */
export function misstated({ all }: Pick<Ground, 'all'>): readonly string[] {
  const told = Map.groupBy(all(events), one => one.instrument)
  return all(instruments).flatMap(row => {
    const last = told
      .get(row.id)
      ?.toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0))
      .at(-1)
    if (last === undefined) return row.sequence === 0 ? [] : [`${row.id} is at ${row.sequence} and nothing was told of it`]
    const [said, is] = [
      last.data.instrument,
      viewInstrument(
        row,
        all(bindings).filter(one => one.instrument === row.id && one.status !== 'initiated'),
      ),
    ].map(timeless)
    return same(said, is) ? [] : [`the last notice about ${row.id} said ${JSON.stringify(said)}, and it is ${JSON.stringify(is)}`]
  })
}

/** Without when it was written, and without bindings of which nothing is known yet. */
const timeless = (view: unknown): unknown =>
  JSON.parse(
    JSON.stringify(view, (name, value: unknown) => {
      if (name === 'bindings' && Array.isArray(value)) return value.filter(one => one.status !== 'initiated')
      return name === 'updated_at' ? undefined : value
    }),
  )

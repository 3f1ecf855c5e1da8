/** What may be shown of an instrument: what the customer gave, what its channels say it is now, and what updaters told. */
import { compareExpiry, expiryOf } from './expiry.ts'
import type { BindingRow, Display, InstrumentRow } from './tables.ts'

type Of = Pick<InstrumentRow, 'kind' | 'captured' | 'own'>
type Said = Pick<BindingRow, 'id' | 'shown'>

export const isCard = ({ kind }: Pick<InstrumentRow, 'kind'>): boolean => kind === 'card' || kind === 'device_token'

/**
 * A channel may know a newer card than the customer typed. Of all that is told of a card the latest expiry is shown, whoever tells it last, so
 * that the order of news does not matter; the brand stays ours, since channels spell brands differently. Of anything else all that is told.
 */
export function displayOf(of: Of, bindings: readonly Said[]): Display {
  const told = bindings.toSorted((a, b) => (a.id < b.id ? -1 : 1)).flatMap(one => (one.shown === null ? [] : [one.shown]))
  if (!isCard(of) || expiryOf(of.captured) === undefined) return Object.assign({}, of.captured, ...told)
  const { renewed } = of.own
  const advised = renewed === undefined ? [] : [withExpiry(renewed)]
  return [...told, ...advised].reduce<Display>(later, of.captured)
}

const withExpiry = ({ expiry, last4 }: NonNullable<Of['own']['renewed']>): Display => ({
  ...(expiry === undefined ? {} : { expiryYear: expiry.year, expiryMonth: expiry.month }),
  ...(last4 === undefined ? {} : { last4 }),
})

function later(before: Display, shown: Display): Display {
  const [had, has] = [expiryOf(before), expiryOf(shown)]
  if (has === undefined || (had !== undefined && compareExpiry(has, had) <= 0)) return before
  return { ...before, ...(shown.last4 === undefined ? {} : { last4: shown.last4 }), expiryMonth: has.month, expiryYear: has.year }
}

/** What died is tried again as often as was counted, and its customer is asked once. */
import { attemptsMax, deaths } from '../src/instruments/death.ts'
import { isForgotten } from '../src/instruments/forget.ts'
import { by, type Ledger } from './ledger.ts'

const month = 30 * 24 * 3_600_000

export function healedTooOften({ instruments, operations: asked, events: told, simulated }: Ledger): readonly string[] {
  const died = simulated.all(deaths)
  // Nothing is known any more of who asked for what was erased.
  const erased = new Set(instruments.filter(isForgotten).map(row => row.id))
  // A bind that no request asked for, and that neither falls over nor spreads what is new of a card, is an attempt to heal.
  const attempts = by(
    asked.filter(
      row =>
        row.verb === 'bind' &&
        row.request === null &&
        !erased.has(row.instrument) &&
        row.input.chain === undefined &&
        row.input.quiet !== true,
    ),
    row => row.instrument,
  )
  const counted = by(died, row => row.instrument)
  const asks = by(
    told.filter(row => row.type === 'instrument.needs_customer'),
    row => row.instrument ?? '',
  )
  return [
    ...[...attempts].flatMap(([instrument, made]) => {
      const tried = (counted.get(instrument) ?? []).flatMap(row => row.tried)
      return made.length > tried.length ? [`${instrument} was tried ${made.length} times, ${tried.length} were counted`] : []
    }),
    ...[...counted].flatMap(([instrument, rows]) => {
      const times = rows.flatMap(row => row.tried.map(one => one.at)).sort((a, b) => a - b)
      const over = times.filter((at, i) => at - (times[i - attemptsMax] ?? -Infinity) < month)
      return over.length > 0 ? [`${instrument} was tried more than ${attemptsMax} times in thirty days`] : []
    }),
    ...died.flatMap(row => {
      const channels = row.tried.map(one => one.channel)
      return new Set(channels).size < channels.length ? [`${row.id} was tried twice at one channel: ${channels.join(', ')}`] : []
    }),
    ...[...asks].flatMap(([instrument, notices]) => {
      const asked = (counted.get(instrument) ?? []).filter(row => row.status === 'asked').length
      return notices.length === asked ? [] : [`${instrument}: ${notices.length} notices that the customer is needed for ${asked} deaths`]
    }),
  ]
}

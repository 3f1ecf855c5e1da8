/** For the metrics: how much is in doubt and how long, by kind and channel, and whether anybody attends. Of everybody's rows; no tenant is told. */
import type { Pool } from 'pg'
import type { Level } from '../http/metrics.ts'
import type { World } from '../world/world.ts'
import { type Counted, countOverdue, countUnknowns } from './queries.ts'

export function unknownLevels(pool: Pick<Pool, 'query'>, { now }: Pick<World, 'now'>): readonly Level[] {
  const byChannel = (value: (one: Counted) => number) => async () => {
    const counted = await countUnknowns(pool, now())
    return counted.map(one => ({ of: { kind: one.kind, channel: one.channel }, value: value(one) }))
  }
  const overdue = (value: (of: Awaited<ReturnType<typeof countOverdue>>) => number) => async () => {
    const late = await countOverdue(pool, now())
    return [{ of: {}, value: value(late) }]
  }
  const seconds = (since: number | null): number => (since === null ? 0 : Math.max(0, (now() - since) / 1000))
  return [
    {
      ...{ name: 'bindery_unknowns', labels: ['kind', 'channel'], levels: byChannel(one => one.count) },
      help: 'Operations, news and erasures in doubt. `parked` and `news` are for a person.',
    },
    {
      ...{ name: 'bindery_unknown_oldest_seconds', labels: ['kind', 'channel'], levels: byChannel(one => seconds(one.oldest)) },
      help: 'How long the oldest of them has been in doubt.',
    },
    {
      ...{ name: 'bindery_operations_overdue', labels: [], levels: overdue(late => late.count) },
      help: 'Operations that have been due for five minutes and that no worker took. Anything above zero: the worker stands still.',
    },
    {
      ...{ name: 'bindery_operations_overdue_oldest_seconds', labels: [], levels: overdue(late => seconds(late.oldest)) },
      help: 'How long the oldest of them has been due.',
    },
  ]
}

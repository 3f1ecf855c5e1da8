/** Bugs about time, each put around the real code from outside. */
import { deaths } from '../src/instruments/death.ts'
import { clocks, instrumentFacts, instruments, operations } from '../src/instruments/tables.ts'
import { type Bug, isInsert, isMove, rewriting, withCommit, withRow } from './bug.ts'

export const timeBugs: readonly Bug[] = [
  {
    name: 'moment_replayed',
    what: 'that a moment was told is remembered by when it was told, so that a clock that steps tells it again',
    infect: (world, { scheduler }) =>
      rewriting(world, write => {
        if (isInsert(write, instrumentFacts) && write.row.source === 'clock')
          return withRow(write, { source_event: `${write.row.source_event}@${scheduler.now()}` })
        if (!isMove(write, instruments) || !('own' in write.set)) return write
        const { own: _told, due_at: _next, ...set } = write.set
        return { ...write, set }
      }),
  },
  {
    name: 'test_clock_by_the_wall',
    what: 'a test clock is kept as how far it is from the real one, and goes where that one steps',
    infect: (world, { scheduler }) =>
      rewriting(world, write =>
        isMove(write, clocks) && typeof write.set.now_at === 'number'
          ? { ...write, set: { ...write.set, now_at: write.set.now_at + world.now() - scheduler.now() } }
          : write,
      ),
  },
  {
    name: 'healed_without_counting',
    what: 'an attempt to heal is counted when it succeeds, so that a crash tries again',
    infect: world =>
      rewriting(world, write => {
        if (!isMove(write, deaths) || !('tried' in write.set)) return write
        const { tried: _uncounted, ...set } = write.set
        return { ...write, set }
      }),
  },
  {
    name: 'refresh_planned_twice',
    what: 'a refresh is planned without asking whether it already is',
    infect: (world, { scheduler }) =>
      withCommit(world, (original, writes) =>
        original(
          writes.flatMap(write =>
            isInsert(write, operations) && write.row.verb === 'refresh' && write.row.tries === 0
              ? [write, withRow(write, { id: `${String(write.row.id).slice(0, -4)}${scheduler.random(2).toString('hex')}` })]
              : [write],
          ),
        ),
      ),
  },
]

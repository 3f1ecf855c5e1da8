/** For tests: a worker in a process of its own, to be killed. The database's connection comes in TRIAL_CONNECTION; it ends by a signal only. */
import { importsDue } from './carry.ts'
import { worldOn } from './postgres.seam.ts'

const { world } = worldOn(JSON.parse(process.env.TRIAL_CONNECTION ?? '{}'))
// What was made by the test's own clock is due.
world.advance(3_600_000)
for (;;) await importsDue(world, 1)

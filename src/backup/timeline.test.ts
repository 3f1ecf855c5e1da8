import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sleep } from '../world/processes.ts'
import { ask, handOver, migrated, trial } from './trial.seam.ts'

test('what was restored is archived under a number of its own, backed up, and restored again; and so is the one before, once more', async t => {
  const undo: (() => unknown)[] = []
  t.after(async () => {
    for (const one of undo.reverse()) await one()
  })
  const place = await trial(undo)
  const empty = join(place.folder, 'empty.log')
  writeFileSync(empty, '')
  const shredLogs = [empty]
  const first = await place.start('first')
  await migrated(first.connection)
  await ask(first.connection, 'create table lines (n int primary key)')
  const taken = await place.backup(first.connection, 'backup')
  await ask(first.connection, 'insert into lines (n) values (1)')
  await sleep(20)
  const chosen = Date.now()
  await sleep(20)
  await ask(first.connection, 'insert into lines (n) values (0)')
  await handOver(first.connection)
  await first.stop()
  await place.restore(taken.to, 'second', { until: chosen, shredLogs })
  const second = await place.start('second')
  await ask(second.connection, 'insert into lines (n) values (2)')
  await handOver(second.connection)
  const again = await place.backup(second.connection, 'backup-of-second')
  assert.equal(again.manifest.timeline, 2)
  await ask(second.connection, 'insert into lines (n) values (3)')
  await handOver(second.connection)
  await second.stop()
  await place.restore(taken.to, 'third', { until: chosen, shredLogs })
  const third = await place.start('third')
  await ask(third.connection, 'insert into lines (n) values (4)')
  await handOver(third.connection)
  const [archiver] = await ask(third.connection, 'select failed_count::int as failed from pg_stat_archiver')
  assert.equal(archiver?.failed, 0)
  const [control] = await ask(third.connection, 'select timeline_id as id from pg_control_checkpoint()')
  assert.equal(control?.id, 3)
  await third.stop()
  await place.restore(again.to, 'fourth', { shredLogs })
  const fourth = await place.start('fourth')
  const found = (await ask(fourth.connection, 'select n from lines order by n')).map(row => row.n)
  assert.deepEqual(found, [1, 2, 3])
})

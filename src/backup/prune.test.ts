import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { logFolder } from '../world/archive.ts'
import { sleep } from '../world/processes.ts'
import { checkBackup } from './check.ts'
import { BackupProblem, readManifest } from './manifest.ts'
import { prune } from './prune.ts'
import { ask, handOver, migrated, trial } from './trial.seam.ts'

test('old backups go with the log that only they needed, and what stays restores from the packed log', async t => {
  const undo: (() => unknown)[] = []
  t.after(async () => {
    for (const one of undo.reverse()) await one()
  })
  const place = await trial(undo)
  const empty = join(place.folder, 'empty.log')
  writeFileSync(empty, '')
  const first = await place.start('first')
  await migrated(first.connection)
  await ask(first.connection, 'create table lines (n int primary key)')
  const backups = join(place.folder, 'backups')
  mkdirSync(backups)
  assert.throws(
    () => prune({ backups, archive: place.archive, before: Date.now(), packBefore: 0 }),
    /no whole backup in .*: nothing was taken away/,
  )
  const old = await place.backup(first.connection, 'backups/old')
  for (const n of [1, 2]) {
    await ask(first.connection, 'insert into lines (n) values ($1)', [n])
    await handOver(first.connection)
  }
  const middle = Date.now()
  await sleep(10)
  const recent = await place.backup(first.connection, 'backups/recent')
  await ask(first.connection, 'insert into lines (n) values (3)')
  await sleep(10)
  const chosen = Date.now()
  await sleep(10)
  await ask(first.connection, 'insert into lines (n) values (4)')
  await handOver(first.connection)
  await first.stop()
  mkdirSync(join(backups, 'unfinished'))
  const log = logFolder(place.archive)
  const [before, bytesBefore] = [readdirSync(log), bytesIn(log)]
  checkBackup({ from: old.to }, old.manifest)

  const told = prune({ backups, archive: place.archive, before: middle, packBefore: Date.now() + 1_000 })
  assert.deepEqual([told.kept, told.removed, told.odd], [[recent.to], [old.to], [join(backups, 'unfinished')]])
  assert.equal(existsSync(old.to), false)
  assert.ok(told.segmentsRemoved >= 2 && told.segmentsPacked >= 2, JSON.stringify(told))
  assert.ok(readdirSync(log).every(file => !/^[0-9A-F]{24}$/.test(file)) && readdirSync(log).length < before.length)
  assert.ok(bytesIn(log) * 4 < bytesBefore, `${bytesIn(log)} of ${bytesBefore} bytes`)
  // The newest stays, however old it is.
  assert.deepEqual(prune({ backups, archive: place.archive, before: Date.now() + 1_000, packBefore: 0 }).kept, [recent.to])

  await place.restore(recent.to, 'then', { until: chosen, shredLogs: [empty] })
  const restored = await place.start('then', join(place.folder, 'archive-of-drill'))
  assert.deepEqual(
    (await ask(restored.connection, 'select n from lines order by n')).map(row => row.n),
    [1, 2, 3],
  )
  const packed = join(log, readdirSync(log).findLast(file => file.endsWith('.gz')) ?? '')
  truncateSync(packed, Math.floor(statSync(packed).size / 2))
  assert.throws(
    () => checkBackup({ from: recent.to }, readManifest(recent.to)),
    (error: unknown) => {
      assert.ok(error instanceof BackupProblem && error.message.includes(packed), String(error))
      return true
    },
  )
})

const bytesIn = (folder: string): number => readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)

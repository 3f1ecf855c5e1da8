/** What the commands around backups refuse, before they touch anything. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bindery = join(import.meta.dirname, '..', 'cli', 'bindery.ts')
const folder = mkdtempSync(join(tmpdir(), 'bindery-commands-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const to = join(folder, 'new')

const cases: readonly (readonly [why: RegExp, args: readonly string[], env?: Readonly<Record<string, string>>])[] = [
  [/ARCHIVE_FOLDER is not set/, ['backup', '--to', to], { ARCHIVE_FOLDER: '' }],
  [/a PostgreSQL of your own/, ['backup', '--to', to], { DATABASE_URL: 'postgres://nobody@localhost/none' }],
  [/npx bindery backup --to/, ['backup']],
  [/this is no backup/, ['backup', '--check', folder]],
  [/this is no backup/, ['restore', '--from', folder, '--to', to]],
  [/takes a time with its offset/, ['restore', '--from', folder, '--to', to, '--until', 'yesterday']],
  [/from 1 to 35/, ['prune', '--backups', folder, '--days', '36']],
  [/no whole backup/, ['prune', '--backups', folder]],
  [/there is no .*shreds\.log: without the log/, ['shred-again'], { DATABASE_URL: 'postgres://nobody@localhost/none' }],
]

for (const [why, args, env = {}] of cases)
  test(`${args.join(' ').replaceAll(folder, '…')} is refused: ${why.source}`, async () => {
    const { PATH = '' } = process.env
    const environment = { PATH, DATA_FOLDER: join(folder, 'data'), ARCHIVE_FOLDER: join(folder, 'archive'), ...env }
    await assert.rejects(run(process.execPath, [bindery, ...args], { env: environment, timeout: 60_000 }), (error: unknown) => {
      assert.ok(error instanceof Error && 'stderr' in error && 'code' in error)
      assert.equal(error.code, 2, String(error.stderr))
      assert.match(String(error.stderr), why)
      return true
    })
    assert.equal(existsSync(to), false)
  })

/**
 * `npx bindery shred-again`: for a PostgreSQL of your own that was restored by its own tools, before Bindery is started on it: shreds what the log of
 * shreddings holds, and leaves the list by which the first start erases the rest. `restore` does the same for the embedded one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connected, shredAgain, writeKeysAnew } from '../src/backup/queries.ts'
import { againFile, shreddingsOf } from '../src/backup/restore.ts'
import { BackupProblem } from '../src/backup/manifest.ts'
import { channels } from '../src/channels/index.ts'
import { loadConfig } from '../src/config.ts'
import { shredLogFile } from '../src/vault/shred-log.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

export async function shredAgainCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { shreds: { type: 'string', multiple: true, default: [] } } })
  const { dataFolder, archiveFolder } = loadConfig([...channels.values()])
  const logs = values.shreds.length > 0 ? values.shreds : [join(archiveFolder ?? dataFolder, shredLogFile)]
  const reached = await reachDatabase()
  try {
    const { found, warnings } = shreddingsOf(logs)
    const changed = await connected(reached.connection, async client => {
      const rows = await shredAgain(client, found)
      if (rows.length > 0) await writeKeysAnew(client)
      return rows
    })
    mkdirSync(dataFolder, { recursive: true })
    const list = join(dataFolder, againFile)
    const before: unknown[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
    writeFileSync(list, `${JSON.stringify([...before, ...changed])}\n`, { mode: 0o600, flush: true })
    for (const line of warnings) print(line)
    const keys = changed.reduce((sum, one) => sum + one.keys, 0)
    print(`${found.length} shreddings in the log; ${changed.length} owners had come back and were shredded again, ${keys} data keys with them`)
    return 0
  } catch (error) {
    if (error instanceof BackupProblem) throw new CliError(error.message)
    throw error
  } finally {
    await reached.close()
  }
}

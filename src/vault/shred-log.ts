/**
 * The log of shreddings outside the database, written before a key is destroyed: whoever restores the database to a second before that shreds
 * again what the log holds. Other processes of the vault may write into the same file.
 */
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Shredding, shreddingLine } from '../core/shredding.ts'

export const shredLogFile = 'shreds.log'

/**
 * Where there is no file, one is made that holds what the database knows (`known`): a log whose disk was lost comes back whole, and a restore can
 * tell an empty log from a lost one. Throws when it cannot be written: what cannot be logged is not shredded.
 */
export async function openShredLog(
  path: string,
  known: () => Promise<readonly Shredding[]>,
): Promise<(shredding: Shredding) => Promise<void>> {
  const make = async (): Promise<void> => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
    if (!existsSync(path)) makeLog(path, (await known()).map(shreddingLine).join(''))
  }
  await make()
  return async shredding => {
    // It may have been lost while we ran.
    await make()
    append(path, shreddingLine(shredding))
  }
}

/** Under another name first, so that a log that is there is always whole; whoever made it a moment earlier made the same. */
function makeLog(path: string, text: string): void {
  const draft = `${path}.${process.pid}`
  rmSync(draft, { force: true })
  append(draft, text)
  try {
    linkSync(draft, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(draft)
  }
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function append(path: string, text: string): void {
  // Opened each time: the file may have been replaced by whoever keeps copies of it.
  const descriptor = openSync(path, 'a', 0o600)
  try {
    // One write at the end of the file: lines of two processes do not mix.
    const bytes = Buffer.from(text)
    if (bytes.length > 0 && writeSync(descriptor, bytes) !== bytes.length) throw new Error(`${path} did not take a whole line`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

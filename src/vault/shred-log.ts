/**
 * The log of shreddings outside the database, written before a key is destroyed: whoever restores the database to a second before that shreds
 * again what the log holds. Other processes of the vault may write into the same file.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Shredding, shreddingLine } from '../core/shredding.ts'

export const shredLogFile = 'shreds.log'

/** Makes the file if there is none, so that a restore can tell an empty log from a lost one. Throws when it cannot be written. */
export function openShredLog(path: string): (shredding: Shredding) => void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  const add = (text: string): void => {
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
  add('')
  return shredding => add(shreddingLine(shredding))
}

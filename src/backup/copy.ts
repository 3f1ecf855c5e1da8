/** Copies files, each with the SHA-256 of what was copied, and makes whole folders of them durable at once. */
import { createHash } from 'node:crypto'
import { closeSync, fchownSync, fsyncSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { User } from '../world/processes.ts'

export type Copied = { readonly bytes: number; readonly sha256: string }

const chunkBytes = 1024 * 1024

/** Mode 0600, owned by `user` where one is given. The target must not be there. Not durable until `syncTree`. */
export function copyFile(from: string, to: string, user?: User): Copied {
  const source = openSync(from, 'r')
  try {
    const target = openSync(to, 'wx', 0o600)
    try {
      if (user !== undefined) fchownSync(target, user.uid, user.gid)
      const hash = createHash('sha256')
      const chunk = Buffer.allocUnsafe(chunkBytes)
      let bytes = 0
      for (let read = readSync(source, chunk); read > 0; read = readSync(source, chunk)) {
        const part = chunk.subarray(0, read)
        hash.update(part)
        for (let written = 0; written < read; ) written += writeSync(target, part, written)
        bytes += read
      }
      return { bytes, sha256: hash.digest('hex') }
    } finally {
      closeSync(target)
    }
  } finally {
    closeSync(source)
  }
}

export function sha256Of(path: string): string {
  const source = openSync(path, 'r')
  try {
    const hash = createHash('sha256')
    const chunk = Buffer.allocUnsafe(chunkBytes)
    for (let read = readSync(source, chunk); read > 0; read = readSync(source, chunk)) hash.update(chunk.subarray(0, read))
    return hash.digest('hex')
  } finally {
    closeSync(source)
  }
}

/** All files and folders below, and the folder itself. After all was copied: a thousand files one by one would each wait for the disk's journal. */
export function syncTree(root: string): void {
  const entries = [...walkFolder(root)]
  for (const kind of ['file', 'folder'] as const) for (const one of entries) if (one.kind === kind) syncFolder(join(root, one.path))
  syncFolder(root)
}

/** Makes what was put into a folder durable: a new name is on the disk once its folder is. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** `folder` itself is ''. Links are told as neither: a data directory with tablespaces has them. */
export function* walkFolder(root: string, below = ''): Generator<{ readonly path: string; readonly kind: 'file' | 'folder' | 'other' }> {
  for (const entry of readdirSync(join(root, below), { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) {
      yield { path, kind: 'folder' }
      yield* walkFolder(root, path)
    } else yield { path, kind: entry.isFile() ? 'file' : 'other' }
  }
}

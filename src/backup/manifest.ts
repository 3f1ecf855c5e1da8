/** What a backup says of itself: written last, so that a folder without one is no backup. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** Told to whoever runs the command, without a stack: what is wrong with a backup, an archive or what was asked of them. */
export class BackupProblem extends Error {
  override readonly name = 'BackupProblem'
}

export const manifestFile = 'manifest.json'

/** Relative, by `/`, and nowhere else than below: what is restored must not be written outside its folder. */
const path = z
  .string()
  .min(1)
  .max(500)
  .refine(text => !text.startsWith('/') && !text.split('/').some(part => part === '' || part === '.' || part === '..'))
const file = z.strictObject({
  path,
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
const lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)

const shape = z.strictObject({
  format: z.literal('bindery-backup-1'),
  label: z.string(),
  began_at: z.iso.datetime(),
  ended_at: z.iso.datetime(),
  postgres: z.string(),
  system: z.string(),
  timeline: z.number().int().min(1),
  segment_bytes: z
    .number()
    .int()
    .min(1024 * 1024),
  start_lsn: lsn,
  stop_lsn: lsn,
  /** Where the archive was, from where the log goes on. */
  archive: z.string(),
  folders: z.array(path),
  files: z.array(file),
})
export type Manifest = z.output<typeof shape>
export type ManifestFile = Manifest['files'][number]
/** Last, over all that stands before it: a manifest of which a line was lost or changed is told from a whole one. */
const written = shape.extend({ checksum: z.string() })

const sumOf = (manifest: Manifest): string =>
  createHash('sha256')
    .update(JSON.stringify(shape.parse(manifest)))
    .digest('hex')

export const manifestText = (manifest: Manifest): string =>
  `${JSON.stringify({ ...shape.parse(manifest), checksum: sumOf(manifest) }, null, 1)}\n`

export function readManifest(folder: string): Manifest {
  const at = join(folder, manifestFile)
  if (!existsSync(at)) throw new BackupProblem(`there is no ${at}: this is no backup, or one that was not finished`)
  const parsed = written.safeParse(parse(readFileSync(at, 'utf8')))
  if (!parsed.success) throw new BackupProblem(`${at} is damaged: ${parsed.error.issues[0]?.path.join('.') || 'it is no manifest'}`)
  const { checksum, ...manifest } = parsed.data
  if (checksum !== sumOf(manifest)) throw new BackupProblem(`${at} is damaged: it is not what was written`)
  return manifest
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

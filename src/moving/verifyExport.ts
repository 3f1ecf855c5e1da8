/** Whether a downloaded export is what was signed: signature, digests, sizes and counts. What is wrong is told, all of it. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isSigned } from './exportKey.ts'

export const manifestFile = 'manifest.json'
export const signatureFile = 'manifest.sig'

const manifestShape = z.looseObject({
  object: z.literal('export_manifest'),
  version: z.literal(1),
  export: z.string(),
  format: z.enum(['csv', 'jsonl']),
  counts: z.looseObject({ rows: z.int(), instruments: z.int() }),
  parts: z.array(
    z.looseObject({
      name: z.string().regex(/^part-\d{5,9}\.(csv|jsonl)$/),
      rows: z.int(),
      bytes: z.int(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
})
export type Manifest = z.output<typeof manifestShape>
export type Verified = { readonly manifest: Manifest | undefined; readonly wrong: readonly string[] }

/** `publicKey`: in base64, had from somewhere else than the folder. */
export async function verifyExport(folder: string, publicKey: string): Promise<Verified> {
  const text = await readFile(join(folder, manifestFile), 'utf8').catch(() => undefined)
  const signature = await readFile(join(folder, signatureFile), 'utf8').catch(() => undefined)
  if (text === undefined || signature === undefined)
    return { manifest: undefined, wrong: [`${folder} lacks ${text === undefined ? manifestFile : signatureFile}`] }
  if (!isSigned(text, signature.trim(), publicKey))
    return { manifest: undefined, wrong: ['the signature is not of this manifest by this key'] }
  const manifest = manifestShape.parse(JSON.parse(text))
  const wrong: string[] = []
  let total = 0
  for (const [at, part] of manifest.parts.entries()) {
    const found = await digestOf(join(folder, part.name)).catch(() => undefined)
    if (found === undefined) wrong.push(`${part.name} is missing or cannot be read`)
    else if (found.bytes !== part.bytes) wrong.push(`${part.name} has ${found.bytes} bytes, the manifest says ${part.bytes}`)
    else if (found.sha256 !== part.sha256) wrong.push(`${part.name} is not what was signed: its digest differs`)
    else {
      const rows = found.lines - (manifest.format === 'csv' && at === 0 ? 1 : 0)
      if (manifest.format === 'jsonl' && rows !== part.rows) wrong.push(`${part.name} has ${rows} rows, the manifest says ${part.rows}`)
    }
    total += part.rows
  }
  if (total !== manifest.counts.rows) wrong.push(`the parts have ${total} rows, the manifest counts ${manifest.counts.rows}`)
  return { manifest, wrong }
}

async function digestOf(path: string): Promise<{ readonly sha256: string; readonly bytes: number; readonly lines: number }> {
  const hash = createHash('sha256')
  let [bytes, lines] = [0, 0]
  for await (const chunk of createReadStream(path)) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a stream of bytes gives bytes')
    hash.update(chunk)
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
  }
  return { sha256: hash.digest('hex'), bytes, lines }
}

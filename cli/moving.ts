/** `npx bindery import` and `npx bindery export`: files of any size, through the API, in parts. */
import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { splitFile } from '../src/moving/split.ts'
import { manifestFile, signatureFile, verifyExport } from '../src/moving/verifyExport.ts'
import { type Caller, CliError, callerOf } from './caller.ts'

const pollMs = 500
const rowsShape = z.record(z.string(), z.int())

const importUsage = `npx bindery import file.csv [--channel stripe] [--source "old system"] [--map token="Payment method ID"]…
  [--encoding windows-1252] [--card-file cdf_…] [--dry-run] [--no-notices] [--report report.jsonl]`

export async function importCommand(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      channel: { type: 'string' },
      source: { type: 'string' },
      map: { type: 'string', multiple: true, default: [] },
      encoding: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      'no-notices': { type: 'boolean', default: false },
      'card-file': { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const [file, ...rest] = positionals
  if (file === undefined || rest.length > 0) throw new CliError(importUsage)
  const caller = callerOf(environment)
  const format = /\.(jsonl|ndjson)$/i.test(file) ? 'jsonl' : 'csv'
  const { id } = await caller.json('POST', '/v1/imports', {
    format,
    source_name: values.source ?? 'import',
    mapping: mappingOf(values.map),
    dry_run: values['dry-run'],
    notices: values['no-notices'] ? 'none' : 'each',
    ...(values.channel === undefined ? {} : { channel: values.channel }),
    ...(values.encoding === undefined ? {} : { encoding: values.encoding }),
    ...(values['card-file'] === undefined ? {} : { card_file: values['card-file'] }),
  })
  const path = `/v1/imports/${String(id)}`
  let number = 0
  for await (const part of splitFile(bytesOf(file), format)) {
    number += 1
    await caller.put(`${path}/parts/${number}`, part)
    console.error(`${String(id)}: part ${number} sent`)
  }
  await caller.json('POST', `${path}/start`)
  const done = await follow(caller, path, rows => console.error(`${rows.read} of ${rows.received} rows`))
  if (values.report !== undefined) await writeFile(values.report, await caller.text(`${path}/report`))
  const rows = rowsShape.parse(done.rows)
  console.log(values.json ? JSON.stringify(done) : `${String(id)} ${String(done.status)}: ${Object.entries(rows).map(([what, count]) => `${count} ${what}`).join(', ')}`)
  return done.status === 'done' && rows.refused === 0 ? 0 : 1
}

async function* bytesOf(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file)) if (Buffer.isBuffer(chunk)) yield chunk
}

function mappingOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(pair => {
      const at = pair.indexOf('=')
      if (at < 1) throw new CliError(`--map ${pair}: write our field, =, and your column: --map token="Payment method ID"`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

async function follow(caller: Caller, path: string, say: (rows: Record<string, number>) => void): Promise<Record<string, unknown>> {
  for (;;) {
    const view = await caller.json('GET', path)
    if (view.status !== 'running') return view
    const rows = rowsShape.safeParse(view.rows)
    if (rows.success) say(rows.data)
    await sleep(pollMs)
  }
}

const exportUsage = `npx bindery export --to folder [--format csv]
npx bindery export --verify folder --key <public key, as GET /v1/exports/keys gives it>`

export async function exportCommand(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { to: { type: 'string' }, verify: { type: 'string' }, key: { type: 'string' }, format: { type: 'string' } },
  })
  if (values.verify !== undefined) return verifyCommand(values.verify, values.key ?? (await publicKey(callerOf(environment))))
  if (values.to === undefined) throw new CliError(exportUsage)
  const caller = callerOf(environment)
  const { id } = await caller.json('POST', '/v1/exports', values.format === undefined ? {} : { format: values.format })
  const path = `/v1/exports/${String(id)}`
  const view = await follow(caller, path, () => undefined)
  if (view.status !== 'done') throw new CliError(`the export is ${String(view.status)}: ${String(view.cause)}`)
  await mkdir(values.to, { recursive: true })
  const manifest = await caller.text(`${path}/manifest`)
  const { signature } = await caller.json('GET', `${path}/signature`)
  await writeFile(join(values.to, manifestFile), manifest)
  await writeFile(join(values.to, signatureFile), `${String(signature)}\n`)
  const { parts } = z.looseObject({ parts: z.array(z.looseObject({ name: z.string() })) }).parse(JSON.parse(manifest))
  for (const [at, { name }] of parts.entries()) await writeFile(join(values.to, name), await caller.text(`${path}/parts/${at + 1}`))
  return verifyCommand(values.to, await publicKey(caller))
}

async function publicKey(caller: Caller): Promise<string> {
  const { data } = await caller.json('GET', '/v1/exports/keys')
  return z.array(z.looseObject({ public_key: z.string() })).parse(data)[0]?.public_key ?? ''
}

async function verifyCommand(folder: string, key: string): Promise<number> {
  const { manifest, wrong } = await verifyExport(folder, key)
  for (const one of wrong) console.error(one)
  if (wrong.length === 0) console.log(`${folder}: ${manifest?.counts.rows} rows in ${manifest?.parts.length} parts, signed and whole`)
  return wrong.length === 0 ? 0 : 1
}

/** Every place where a number could be left behind, and the search of all of them. */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Hit, scanBytes, scanFile, scanFolder, scanMemory, scanText } from './canary-scan.ts'
import type { Ground } from './ground.ts'
import type { ServerProgram } from './server.ts'

export const places = [
  ...(['answers', 'webhooks', 'channels', 'metrics and pages', 'logs'] as const),
  ...(['rows', 'database files', 'log of writes', 'other files', 'core files', 'memory of the API'] as const),
]
export type Place = (typeof places)[number]
/** `parts`: texts, files, rows or processes. */
export type Searched = { parts: number; bytes: number; readonly hits: Hit[] }
export type Search = Readonly<Record<Place, Searched>>

export const newSearch = (): Search => {
  const made = (): Searched => ({ parts: 0, bytes: 0, hits: [] })
  return {
    ...{ answers: made(), webhooks: made(), channels: made(), 'metrics and pages': made(), logs: made(), rows: made() },
    ...{ 'database files': made(), 'log of writes': made(), 'other files': made(), 'core files': made(), 'memory of the API': made() },
  }
}
export const hitsOf = (search: Search): readonly Hit[] => places.flatMap(place => search[place].hits)

export function searchTexts(search: Search, place: Place, texts: readonly string[]): void {
  for (const [i, text] of texts.entries()) {
    search[place].parts += 1
    search[place].bytes += text.length
    search[place].hits.push(...scanText(`${place} ${i + 1}`, text))
  }
}

const placeOf = (path: string): Place => {
  if (/^core(\.\d+)?$/.test(basename(path))) return 'core files'
  if (path.includes('/pg_wal/')) return 'log of writes'
  return /\/(?:base|global|pg_[a-z_]+)\//.test(path) ? 'database files' : 'other files'
}

export function searchFolder(search: Search, folder: string): void {
  const { hits, sizes } = scanFolder(folder)
  for (const [path, bytes] of sizes) {
    search[placeOf(path)].parts += 1
    search[placeOf(path)].bytes += bytes
  }
  for (const hit of hits) search[placeOf(hit.where)].hits.push(hit)
}

/** A process that crashes leaves its core file where it was started. */
export const searchCores = (search: Search, folder: string): void => {
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter(one => one.isFile() && placeOf(one.name) === 'core files')) {
    search['core files'].parts += 1
    search['core files'].hits.push(...scanFile(join(folder, name)))
  }
}

/** Linux only: nothing is said elsewhere. */
export function searchMemory(search: Search, pid: number): void {
  if (process.platform !== 'linux') return
  const { hits, bytes } = scanMemory('memory of the API', pid)
  search['memory of the API'].parts += 1
  search['memory of the API'].bytes += bytes
  search['memory of the API'].hits.push(...hits)
}

/** What is told by a server that runs, by the channels of what we sent them, and by the database of what it keeps. */
export async function searchRunning(search: Search, ground: Ground, server: ServerProgram): Promise<void> {
  searchMemory(search, server.pid)
  searchTexts(search, 'webhooks', ground.receiver.bodies)
  for (const address of ground.sandbox.addresses.values())
    for (const what of ['requests', 'books', 'violations', 'deliveries', 'faults'])
      searchTexts(search, 'channels', [await (await fetch(`${address}/_sandbox/${what}`)).text()])
  for (const path of ['/metrics', '/openapi.json', '/healthz', '/readyz'])
    searchTexts(search, 'metrics and pages', [await (await fetch(`${ground.address}${path}`)).text()])
  await ground.auditor.checkpoint()
  for await (const { table, row } of ground.auditor.rows()) {
    search.rows.parts += 1
    search.rows.bytes += row.length
    search.rows.hits.push(...scanBytes(table, Buffer.from(row)))
  }
  searchFolder(search, await ground.auditor.dataFolder())
}

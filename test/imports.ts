/** Who may import whom: `core ← channels ← world ← http ← capabilities ← lists ← main`, with the vault aside. */
import { posix } from 'node:path'
import { isTest } from './rules.ts'
import { type Found, lineAt, type Source } from './source.ts'

/** What each area may import beside itself. Capabilities are the folders that are not named here; they may know each other. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  channels: ['core'],
  /** One provider's folder: see `areaOf`. */
  channel: ['core', 'channels'],
  /** The only files that know concrete channels. */
  'channel list': ['core', 'channels', 'channel'],
  world: ['core', 'channels'],
  vault: ['core', 'channels', 'world'],
  http: ['core', 'channels', 'world'],
  safeguards: ['core', 'channels', 'world', 'http'],
  capability: ['core', 'channels', 'world', 'http', 'safeguards'],
  config: ['core', 'channels'],
  lists: ['core', 'channels', 'channel list', 'world', 'http', 'safeguards', 'capability', 'config', 'vault'],
  main: ['core', 'channels', 'channel list', 'world', 'http', 'safeguards', 'capability', 'config', 'vault', 'lists'],
}

/** They know every channel; what is beside them is the same for all. */
const channelLists = ['list.ts', 'index.ts', 'sandbox-list.ts', 'sandbox.ts', 'sandbox-client.ts']

type Area = { readonly kind: string; readonly folder: string }

export function areaOf(path: string): Area | undefined {
  const [root, first = '', second = '', third] = path.split('/')
  if (root !== 'src') return undefined
  if (second === '') {
    if (/^config\b/.test(first)) return { kind: 'config', folder: '' }
    return { kind: ['endpoints.ts', 'worker.ts', 'tables.ts'].includes(first) ? 'lists' : 'main', folder: '' }
  }
  if (first !== 'channels') return { kind: first in mayImport ? first : 'capability', folder: first }
  if (third !== undefined) return { kind: 'channel', folder: second }
  return { kind: channelLists.includes(second) ? 'channel list' : 'channels', folder: '' }
}

export function imports(source: Source): readonly Found[] {
  const from = areaOf(source.path)
  if (from === undefined || isTest(source.path)) return []
  return targets(source).flatMap(({ line, target }) => {
    const to = areaOf(target)
    if (to === undefined) return [{ line, text: `imports ${target}: nothing in src knows what stands outside` }]
    if (isTest(target) || /\/testing[^/]*\.ts$/.test(target))
      return isTestKit(source.path) ? [] : [{ line, text: `imports ${target}, which is for tests` }]
    const same = to.kind === from.kind && (from.kind !== 'channel' || to.folder === from.folder)
    return same || mayImport[from.kind]?.includes(to.kind)
      ? []
      : [{ line, text: `imports ${target}: ${from.kind} may not know ${to.kind}` }]
  })
}

/** Test databases and what writes the schema from one. */
const isTestKit = (path: string): boolean => /\/(testing|schema-write)[^/]*\.ts$/.test(path)

const importPattern = /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*'([^']+)'|\bimport\s*\(?\s*'([^']+)'|new URL\('(\.[^']+\.ts)'/g

/** Relative ones only, types included: a type that flows the wrong way is knowledge too. */
function targets(source: Source): { line: number; target: string }[] {
  return [...source.uncommented.matchAll(importPattern)].flatMap(match => {
    const name = match[1] ?? match[2] ?? match[3] ?? ''
    if (!name.startsWith('.')) return []
    const line = lineAt(source.text, match.index + match[0].lastIndexOf(name))
    return [{ line, target: posix.join(posix.dirname(source.path), name) }]
  })
}

/**
 * `npm run canary -- --cards 200`: card numbers come in every way they can, right and wrong, with faults at the channels and the server killed
 * in between; then everything that is left behind is searched for them in nine encodings, and the memory of the API for those that came by the
 * right way. The last line is JSON; 1 if anything was found.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fileWays } from './canary-files.ts'
import {
  hitsOf,
  newSearch,
  places,
  type Search,
  searchCores,
  searchFolder,
  searchMemory,
  searchRunning,
  searchTexts,
} from './canary-places.ts'
import { canary, encodings, type Hit, scanMemory, stray } from './canary-scan.ts'
import { directWays, type Sending, type Way } from './canary-sends.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import type { ServerProgram } from './server.ts'

/** An updater tells a number that is a canary too: the one 500 further on. */
const moved = fileWays(number => canary(500 + Number(number.slice(12, 15))))
export const ways: readonly Way[] = [...directWays, ...moved]

export type CanaryResult = {
  readonly cards: number
  readonly encodings: readonly string[]
  /** By place: how much was searched. */
  readonly searched: Readonly<Record<string, { readonly parts: number; readonly bytes: number }>>
  readonly statuses: Readonly<Record<string, number>>
  /** Of the card that waited in the vault's memory while that was searched: the same search finds it there. */
  readonly foundInVault: boolean | undefined
  readonly hits: readonly Hit[]
}

export async function release(options: { readonly cards: number }): Promise<CanaryResult> {
  const undo: (() => unknown)[] = []
  try {
    return await releaseOn(await prepareGround(undo, { durable: true }), options.cards, undo)
  } finally {
    await undoAll(undo)
  }
}

async function releaseOn(ground: Ground, cards: number, undo: (() => unknown)[]): Promise<CanaryResult> {
  let server = await ground.start()
  undo.push(() => server.end('SIGKILL'))
  const search = newSearch()
  const caller = ground.caller()
  await ground.listen(caller)
  const sending: Sending = { ground, caller, answers: [], statuses: new Map() }
  const sendOne = (one: Way | undefined, n: number): Promise<void> =>
    one?.send(sending, one.stray ? stray(n) : canary(n)) ?? Promise.resolve()
  for (let n = 0; n < cards; n += 1) {
    await sendOne(ways[n % ways.length], n)
    if (n === Math.floor(cards / 2)) {
      searchMemory(search, server.pid)
      // In the middle of a capture and a bind: what a dying process leaves behind counts too.
      const dying = Promise.allSettled([0, 1].map(more => sendOne(ways[more], cards + more)))
      await sleep(30)
      await server.end('SIGKILL')
      await dying
      searchTexts(search, 'logs', [server.output()])
      server = await ground.start()
    }
  }
  await ground.clearFaults()
  await sleep(3_000)
  await searchRunning(search, ground, server)
  const foundInVault = await isInVault(server)
  await server.end('SIGTERM')
  searchTexts(search, 'answers', sending.answers)
  searchTexts(search, 'logs', [server.output()])
  searchFolder(search, ground.folder)
  searchFolder(search, await ground.auditor.dataFolder())
  searchCores(search, process.cwd())
  return {
    ...told(search),
    cards,
    encodings: Object.keys(encodings),
    statuses: Object.fromEntries([...sending.statuses].sort()),
    foundInVault,
  }
}

const told = (search: Search): Pick<CanaryResult, 'searched' | 'hits'> => ({
  searched: Object.fromEntries(places.map(place => [place, { parts: search[place].parts, bytes: search[place].bytes }])),
  hits: hitsOf(search),
})

/** Cards wait there for a quarter of an hour: what finds them in one process would find them in the other. */
async function isInVault(server: ServerProgram): Promise<boolean | undefined> {
  const pid = process.platform === 'linux' ? await server.vaultPid() : undefined
  return pid === undefined ? undefined : scanMemory('memory of the vault', pid).hits.length > 0
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { cards: { type: 'string', default: '200' } } })
  const { hits, ...rest } = await release({ cards: Number(values.cards) })
  for (const hit of hits) console.log(`FOUND ${hit.encoding} in ${hit.where} at ${hit.at}`)
  console.log(JSON.stringify({ ...rest, hits: hits.length }))
  process.exitCode = hits.length === 0 ? 0 : 1
}

/**
 * `npm run canary -- --cards 200`: card numbers come in every way they can, right and wrong, with faults at the channels and the server killed
 * in between; then everything that is left behind is searched for them in nine encodings. The last line is JSON; 1 if anything was found.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { canary, encodings, type Hit, scanFolder, scanText } from './canary-scan.ts'
import { type Sending, ways } from './canary-sends.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'

export type CanaryResult = {
  readonly cards: number
  readonly encodings: readonly string[]
  readonly answers: number
  readonly files: number
  readonly bytes: number
  readonly statuses: Readonly<Record<string, number>>
  readonly hits: readonly Hit[]
}

export async function release(options: { readonly cards: number; readonly say: (text: string) => void }): Promise<CanaryResult> {
  const undo: (() => unknown)[] = []
  try {
    return await releaseOn(await prepareGround(undo, { durable: true }), options, undo)
  } finally {
    await undoAll(undo)
  }
}

async function releaseOn(ground: Ground, options: Parameters<typeof release>[0], undo: (() => unknown)[]): Promise<CanaryResult> {
  let server = await ground.start()
  undo.push(() => server.end('SIGKILL'))
  const outputs: string[] = []
  const caller = ground.caller()
  await ground.listen(caller)
  const sending: Sending = { ground, caller, answers: [], statuses: new Map() }
  for (let n = 0; n < options.cards; n += 1) {
    const way = ways[n % ways.length]
    if (way === undefined) continue
    await way.send(sending, canary(n))
    if (n === Math.floor(options.cards / 2)) {
      // In the middle of a capture and a bind: what a dying process leaves behind counts too.
      const dying = Promise.allSettled([0, 1].map(more => ways[more]?.send(sending, canary(options.cards + more))))
      await sleep(30)
      await server.end('SIGKILL')
      await dying
      outputs.push(server.output())
      server = await ground.start()
    }
  }
  await ground.clearFaults()
  await sleep(3_000)
  const seen = await searchTold(ground, sending)
  await ground.auditor.checkpoint()
  const running = scanFolder(await ground.auditor.dataFolder())
  await server.end('SIGTERM')
  const folders = [scanFolder(ground.folder), scanFolder(await ground.auditor.dataFolder()), running]
  const logs = [...outputs, server.output()].flatMap((text, i) => scanText(`output of server ${i + 1}`, text))
  const sum = (of: 'bytes' | 'files'): number => folders.reduce((total, one) => total + one[of], 0)
  options.say(`${sum('files')} files searched`)
  return {
    cards: options.cards,
    encodings: Object.keys(encodings),
    answers: sending.answers.length,
    files: sum('files'),
    bytes: sum('bytes'),
    statuses: Object.fromEntries([...sending.statuses].sort()),
    hits: [...seen, ...logs, ...folders.flatMap(one => one.hits)],
  }
}

/** What was said to anybody: answers, webhooks to merchants, and what the simulators recorded of us. */
async function searchTold(ground: Ground, { answers }: Sending): Promise<readonly Hit[]> {
  const hits = answers.flatMap((text, i) => scanText(`answer ${i + 1}`, text))
  for (const [i, text] of ground.receiver.bodies.entries()) hits.push(...scanText(`webhook ${i + 1}`, text))
  for (const [channel, address] of ground.sandbox.addresses)
    for (const what of ['requests', 'books', 'violations', 'deliveries', 'faults'])
      hits.push(...scanText(`${channel}'s ${what}`, await (await fetch(`${address}/_sandbox/${what}`)).text()))
  for (const path of ['/metrics', '/openapi.json', '/healthz', '/readyz'])
    hits.push(...scanText(path, await (await fetch(`${ground.address}${path}`)).text()))
  return hits
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { cards: { type: 'string', default: '200' } } })
  const { hits, ...rest } = await release({ cards: Number(values.cards), say: text => console.log(text) })
  for (const hit of hits) console.log(`FOUND ${hit.encoding} in ${hit.where} at ${hit.at}`)
  console.log(JSON.stringify({ ...rest, hits: hits.length }))
  process.exitCode = hits.length === 0 ? 0 : 1
}

/**
 * The sandbox process: every channel's simulator on a loopback port of its own, apart from the server, so that card numbers never pass
 * through the server even in a demo. Settings come as JSON in `SANDBOX`; when all listen, one line of JSON goes to stdout (and to the
 * parent over IPC). It ends with its parent.
 *
 *     SANDBOX='{"simulators":{"stripe":{"port":0,"webhookTarget":"http://127.0.0.1:8080/…","webhookSecrets":["whsec_…"]}}}' node src/channels/sandbox.ts
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { judgeAdyen } from './adyen/judged.ts'
import { createAdyenSimulator } from './adyen/simulator.ts'
import type { ChannelName } from './channel.ts'
import { specJudge, specsDirOf } from './judge.ts'
import type { Simulator, StageJudge } from './simulator.ts'
import { type ServedSimulator, serveSimulator } from './simulator-server.ts'
import { judgeStripe } from './stripe/judged.ts'
import { createStripeSimulator } from './stripe/simulator.ts'

type Entry = { readonly name: ChannelName; readonly create: () => Simulator; readonly judge: (specsDir: string) => StageJudge }

/** The list of simulators. A new channel adds its line. */
const simulators: readonly Entry[] = [
  { name: 'stripe', create: createStripeSimulator, judge: judgeStripe },
  { name: 'adyen', create: () => createAdyenSimulator(), judge: judgeAdyen },
]

const one = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  webhookTarget: z.url().optional(),
  webhookSecrets: z.array(z.string().min(1)).default([]),
})
/** Also the messages a parent may send later, to name targets it did not know before. */
const settings = z.strictObject({ simulators: z.record(z.string(), one).default({}) })

function readSettings(text: string | undefined) {
  try {
    return settings.parse(JSON.parse(text ?? '{}'))
  } catch (error) {
    throw new Error(`SANDBOX is not what it should be: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const given = readSettings(process.env.SANDBOX)
const specsDir = specsDirOf()
const mode = specJudge(specsDir)
const served = new Map<string, ServedSimulator>()
for (const { name, create, judge } of simulators) {
  const { port, webhookTarget, webhookSecrets } = given.simulators[name] ?? one.parse({})
  const simulator = await serveSimulator(create(), {
    port,
    webhookTarget,
    webhookSecrets,
    judge: mode === 'on' ? judge(specsDir) : undefined,
    now: Date.now,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  served.set(name, simulator)
}

const stop = () => {
  process.exit(0)
}
process.on('disconnect', stop)
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.on('message', message => {
  const later = settings.safeParse(message)
  if (!later.success) return
  for (const [name, { webhookTarget, webhookSecrets }] of Object.entries(later.data.simulators)) {
    served.get(name)?.setWebhookTarget(webhookTarget)
    if (webhookSecrets.length > 0) served.get(name)?.setWebhookSecrets(webhookSecrets)
  }
})

const ready = {
  ready: true,
  specJudge: mode,
  simulators: Object.fromEntries([...served].map(([name, { address }]) => [name, { address }])),
}
process.stdout.write(`spec judge: ${mode}\n${JSON.stringify(ready)}\n`)
process.send?.(ready)

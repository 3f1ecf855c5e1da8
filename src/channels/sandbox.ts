/**
 * The sandbox process: every channel's simulator on a loopback port of its own, apart from the server, so that card numbers never pass
 * through the server even in a demo. Settings come as JSON in `SANDBOX`; when all listen, one line of JSON goes to stdout (and to the
 * parent over IPC). It ends with its parent. A simulator whose credentials are not given makes its own, which nobody else knows.
 *
 *     SANDBOX='{"simulators":{"stripe":{"port":0,"webhookTarget":"http://127.0.0.1:8080/…"}}}' node src/channels/sandbox.ts
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { privateKeyOf, publicKeyOf } from '../core/sealed-file.ts'
import { specJudge, specsDirOf } from './judge.ts'
import { createNetworkSimulator } from './network-simulator.ts'
import type { Credentials, Making } from './sandbox-channel.ts'
import { loadSandboxes } from './sandbox-list.ts'
import { type ServedSimulator, serveSimulator } from './simulator-server.ts'

const named = z.record(z.string(), z.string())
const credentialsShape: z.ZodType<Credentials> = z.strictObject({
  secrets: named,
  settings: named,
  verifying: z.string(),
  signing: z.string(),
  simulator: named.exactOptional(),
})
const one = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  webhookTarget: z.url().optional(),
  credentials: credentialsShape.optional(),
  /** Signs too, while a signing secret is rotated out. */
  formerSigning: z.array(z.string().min(1)).default([]),
})
/** Also the messages a parent may send later, to name targets it did not know before. */
const networkShape = z.strictObject({
  own: z.string(),
  other: z.string(),
  secretKey: z.string(),
  signing: z.string(),
  webhookTarget: z.url().optional(),
})
const settings = z.strictObject({ simulators: z.record(z.string(), one).default({}), network: networkShape.exactOptional() })

function readSettings(text: string | undefined) {
  try {
    return settings.parse(JSON.parse(text ?? '{}'))
  } catch (error) {
    throw new Error(`SANDBOX is not what it should be: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const publicKeyEncoding = { type: 'spki', format: 'pem' } as const
const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const
const making: Making = {
  random: randomBytes,
  keyPair: type =>
    type === 'rsa-2048'
      ? generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding }),
}

const given = readSettings(process.env.SANDBOX)
const sandboxes = await loadSandboxes()
const unknown = Object.keys(given.simulators).filter(name => !sandboxes.has(name))
if (unknown.length > 0)
  throw new Error(`SANDBOX names ${unknown.join(', ')}: there is no such channel, only ${[...sandboxes.keys()].join(', ')}`)
const specsDir = specsDirOf()
const mode = specJudge(specsDir)
const served = new Map<string, { readonly simulator: ServedSimulator; readonly signing: string }>()
for (const [name, sandbox] of sandboxes) {
  const { port, webhookTarget, credentials = sandbox.credentials(making), formerSigning } = given.simulators[name] ?? one.parse({})
  const simulator = await serveSimulator(sandbox.createSimulator(credentials), {
    port,
    webhookTarget,
    webhookSecrets: [credentials.signing, ...formerSigning],
    judge: mode === 'on' ? sandbox.judge?.(specsDir) : undefined,
    now: Date.now,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
  served.set(name, { simulator, signing: credentials.signing })
}

async function serveNetwork(of: z.infer<typeof networkShape>): Promise<ServedSimulator> {
  const keys = { own: privateKeyOf(Buffer.from(of.own, 'base64url')), other: publicKeyOf(of.other) }
  return serveSimulator(createNetworkSimulator({ keys, secretKey: of.secretKey, random: randomBytes }), {
    webhookTarget: of.webhookTarget,
    webhookSecrets: [of.signing],
    now: Date.now,
    random: randomBytes,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
}
/** The card network beside the channels: its account updater and its tokens. */
if (given.network !== undefined) served.set('network', { simulator: await serveNetwork(given.network), signing: given.network.signing })

const stop = () => {
  process.exit(0)
}
process.on('disconnect', stop)
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.on('message', message => {
  const later = settings.safeParse(message)
  if (!later.success) return
  for (const [name, { webhookTarget, formerSigning }] of Object.entries(later.data.simulators)) {
    const found = served.get(name)
    found?.simulator.setWebhookTarget(webhookTarget)
    if (found !== undefined && formerSigning.length > 0) found.simulator.setWebhookSecrets([found.signing, ...formerSigning])
  }
})

const ready = {
  ready: true,
  specJudge: mode,
  simulators: Object.fromEntries([...served].map(([name, { simulator }]) => [name, { address: simulator.address }])),
}
process.stdout.write(`spec judge: ${mode}\n${JSON.stringify(ready)}\n`)
process.send?.(ready)

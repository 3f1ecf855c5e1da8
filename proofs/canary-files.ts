/** More ways a card number comes to us as it should: through the hosted page, in a card file with its import, and from an account updater; and one way out, to a person. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { openHpke } from '../src/core/hpke.ts'
import { publicText, sealFile } from '../src/core/sealed-file.ts'
import { writeResults } from '../src/core/updater-file.ts'
import { sandboxNetwork, sandboxUpdater } from '../src/sandbox-network.ts'
import { deploymentSecrets } from '../src/secrets.ts'
import { newSender, partOf, sealedBy } from '../src/vault/card-files.seam.ts'
import { callerOf, type Reply, until } from './caller.ts'
import { bind, card, keep, type Sending, send, type Way } from './canary-sends.ts'

const named = z.object({ id: z.string() })
const session = z.object({ id: z.string(), url: z.string(), client_secret: z.string() })
const grantShape = z.object({ grant: z.string() })
const fileShape = z.object({ id: z.string(), certificate: z.string() })
const sender = newSender('the former vault')

/** What the page's script does; the page itself is fetched and kept like everything else. */
async function throughThePage(to: Sending, number: string): Promise<void> {
  const customer = named.parse((await send(to, 'customer', '/v1/customers', { body: {} })).json).id
  const wanted = { customer, channels: ['stripe'], return_url: 'https://shop.example/back' }
  const opened = session.parse((await send(to, 'session', '/v1/binding_sessions', { body: wanted })).json)
  const { origin } = new URL(opened.url)
  keep(to, 'page', await callerOf(origin, undefined).call(new URL(opened.url).pathname))
  const page = callerOf(to.ground.address, opened.client_secret)
  const ask = (path: string, body: object) => page.call(`/v1/binding_session${path}`, { body, headers: { origin } })
  const { grant } = grantShape.parse(keep(to, 'page: grant', await ask('/capture_grants', {})).json)
  const captured = await callerOf(origin, grant).call('/capture', { body: card(number), headers: { origin } })
  const { reference } = z.object({ reference: z.string() }).parse(keep(to, 'page: capture', captured).json)
  keep(to, 'page: bind', await ask('/submit', { card: { capture: reference } }))
}

const put = (to: Sending, name: string, path: string, content: Buffer): Promise<Reply> =>
  send(to, name, path, { method: 'PUT', body: new Uint8Array(content), headers: { 'content-type': 'application/octet-stream' } })

/** Sealed for our vault by another one, then bound by the worker at a channel where nobody has a token of it. */
async function inAFile(to: Sending, number: string): Promise<void> {
  const made = fileShape.parse((await send(to, 'card file', '/v1/card_files', { body: { sender: sender.pem } })).json)
  const line = { card: 'old-1', number, expiry_month: 3, expiry_year: 2031 }
  const part = sealedBy(sender, partOf(made.id, [line]), made.certificate)
  await put(to, 'card file part', `/v1/card_files/${made.id}/parts/1`, Buffer.from(part, 'base64').subarray(0, -9))
  await put(to, 'card file part', `/v1/card_files/${made.id}/parts/1`, Buffer.from(part, 'base64'))
  const wanted = { format: 'jsonl', source_name: 'former house', card_file: made.id }
  const { id } = named.parse((await send(to, 'import', '/v1/imports', { body: wanted })).json)
  const row = { customer: `moved-${number.slice(-4)}`, card: 'old-1', channel: 'adyen' }
  await put(to, 'import part', `/v1/imports/${id}/parts/1`, Buffer.from(`${JSON.stringify(row)}\n`))
  await send(to, 'import start', `/v1/imports/${id}/start`, { method: 'POST' })
  await until('the import', async () => ((await to.caller.call(`/v1/imports/${id}`)).json.status === 'done' ? true : undefined), 60_000)
  await send(to, 'import report', `/v1/imports/${id}/report`, {})
}

/** A card is bound, asked about, and the updater's file says what its new number is: `number`. */
async function fromTheUpdater(to: Sending, number: string, first: string): Promise<void> {
  const instrument = await bind(to, 'asked about', card(first), ['stripe'])
  await send(to, 'policy', `/v1/instruments/${instrument}/update_policy`, { body: { policy: 'scheduled' } })
  const run = named.parse((await send(to, 'updater run', '/v1/updater/runs', { body: { instruments: [instrument] } })).json).id
  const asked = z.object({ file: z.string() }).parse((await send(to, 'updater file', `/v1/updater/runs/${run}/file`, {})).json)
  const { grantKey } = deploymentSecrets(
    join(to.ground.folder, 'server'),
    count => randomBytes(count),
    () => '',
  )
  const { keys } = sandboxNetwork(grantKey).simulator
  const result = { line: 1, advice: 'A', number: Buffer.from(number), expiry: { year: 2033, month: 3 } } as const
  const plain = writeResults({ run, updater: sandboxUpdater, on: new Date().toISOString().slice(0, 10).replaceAll('-', '') }, [result])
  const results = sealFile(count => randomBytes(count), keys, `result|${run}`, plain).toString('base64')
  await send(to, 'updater results', `/v1/updater/runs/${run}/results`, { body: { file: asked.file } })
  await send(to, 'updater results', `/v1/updater/runs/${run}/results`, { body: { file: results } })
}

/** Bound, and given in the clear to a person who has the key: what is sealed stands in the answer, and the number nowhere. */
async function toAPerson(to: Sending, number: string): Promise<void> {
  const instrument = await bind(to, 'to be told', card(number), ['stripe'])
  const own = generateKeyPairSync('x25519')
  const body = { purpose: 'dispute', reason: 'the bank asks for it', public_key: publicText(own.publicKey) }
  const { tenant } = await to.ground.owner()
  const { key } = await to.ground.newKey({ tenant, mode: 'test', kind: 'secret', role: 'owner', person: `ann-${number.slice(-4)}` })
  const reply = await callerOf(to.ground.address, key).call(`/v1/instruments/${instrument}/detokenize`, { body })
  const { sealed } = told.parse(keep(to, 'detokenize', reply).json)
  const [enc, ciphertext] = [Buffer.from(sealed.enc, 'base64url'), Buffer.from(sealed.ciphertext, 'base64url')]
  if (!openHpke(own.privateKey, { enc, ciphertext }, sealed).includes(number)) throw new Error('another number was told')
}
const told = z.object({ sealed: z.object({ enc: z.string(), ciphertext: z.string(), info: z.string(), aad: z.string() }) })

/** What an updater tells is another number than the one that was asked about: of a canary's last three digits, the one 500 further on. */
export const fileWays = (other: (number: string) => string): readonly Way[] => [
  { name: 'through the hosted page', send: throughThePage },
  { name: 'in a card file', send: inAFile },
  { name: 'to a person', send: toAPerson },
  { name: 'from the updater', send: (to, number) => fromTheUpdater(to, number, other(number)) },
]

/**
 * The main job, told and proven: `npm run demo`. Two channels' real APIs (simulated, and judged by the channels' own specifications), a real
 * PostgreSQL, the vault in a process of its own. Every line with a tick was checked before it was printed.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { channels } from '../src/channels/index.ts'
import { readConfig } from '../src/config.ts'
import { type Running, start } from '../src/main.ts'
import { createLog } from '../src/world/log.ts'
import { reliedOn, yearsPass } from './alive.ts'
import { bindAll, judgedChannels } from './all.ts'
import { type Caller, callerOf, type Instrument, instrumentShape, receiver, say, show, title, until } from './steps.ts'

const folder = mkdtempSync(join(tmpdir(), 'bindery-demo-'))
// As root the database runs as somebody else, who must be able to pass through, or its files go elsewhere and stay there.
chmodSync(folder, 0o711)
const config = readConfig(
  { DATA_FOLDER: folder, PORT: '0', VAULT_CAPTURE_PORT: '0', SANDBOX: 'true', LOG_LEVEL: 'error', ...pick('SPECS_DIR', 'DATABASE_URL') },
  [...channels.values()],
)

function pick(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']])))
}

const startedAt = Date.now()
const running = await start(config, createLog('error'))
try {
  await (process.argv.includes('--all') ? bindAll(running) : tell(running))
} finally {
  await running.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function tell({ address, apiKey = '', captureUrl, sandbox }: Running): Promise<void> {
  if (sandbox === undefined) throw new Error('the demo needs the sandbox')
  title(
    `Bindery runs (${((Date.now() - startedAt) / 1000).toFixed(1)} s): PostgreSQL, vault, server, worker and ${sandbox.addresses.size} simulated channels`,
  )
  say(`API ${address}, vault ${captureUrl}, spec judge: ${sandbox.specJudge}`)
  const caller = callerOf(address, apiKey)
  const story: Story = { caller, sandbox, capture: card => capture(caller, captureUrl, card) }
  const customer = z.object({ id: z.string() }).parse(await caller.post('/v1/customers', { reference: 'ada' }))
  const hook = await receiver()
  const endpoint = z.object({ id: z.string() }).parse(await caller.post('/v1/webhook_endpoints', { url: hook.url, types: ['*'] }))
  hook.trust(z.object({ secret: z.string() }).parse(await caller.get(`/v1/webhook_endpoints/${endpoint.id}/secret`)).secret)
  const first = await plainBind(story, customer.id)
  await sameCardAgain(story, customer.id, first)
  await challenge(story, customer.id)
  await lostAnswer(story, customer.id)
  await declined(story, customer.id)
  await secondChannel(story, first)
  await unbind(story, first)
  await explain(story, first)
  const atStripe = (owner: string, number: string) => bind(story, owner, { number }, { channels: ['stripe'] })
  await yearsPass(caller, atStripe)
  await reliedOn(caller, customer.id, atStripe)
  await heard(hook, first)
  // The two that the story went through.
  for (const name of (await judgedChannels()).filter(one => one === 'stripe' || one === 'adyen')) {
    const broken = await sandbox.violations(name)
    show(
      `every request to ${name}, and all it answered and sent, ${sandbox.specJudge === 'on' ? "is valid by the channel's own specification" : 'went unjudged: the specifications are not here'} (${broken.length} violations)`,
      broken.length === 0,
    )
  }
  hook.close()
  console.log(`\nAll true. ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`)
}

type Story = {
  readonly caller: Caller
  readonly sandbox: NonNullable<Running['sandbox']>
  readonly capture: (card: CardToCapture) => Promise<string>
}
type CardToCapture = { readonly number: string; readonly holder?: string }

/** The number goes to the vault alone; the API hears only the reference. */
async function capture(caller: Caller, captureUrl: string, card: CardToCapture): Promise<string> {
  const { grant } = z.object({ grant: z.string() }).parse(await caller.post('/v1/capture_grants', {}))
  const body = JSON.stringify({
    number: card.number,
    expiry_month: 3,
    expiry_year: 2030,
    security_code: '737',
    ...(card.holder === undefined ? {} : { holder: card.holder }),
  })
  const answer = await fetch(captureUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${grant}`, 'content-type': 'application/json' },
    body,
  })
  if (answer.status !== 201) throw new Error(`the vault answered ${answer.status}: ${await answer.text()}`)
  return z.object({ reference: z.string() }).parse(await answer.json()).reference
}

async function bind(
  { caller, capture: take }: Story,
  customer: string,
  card: CardToCapture,
  more: Record<string, unknown> = {},
): Promise<Instrument> {
  const body = {
    customer,
    card: { capture: await take(card) },
    return_url: 'https://shop.example/back',
    consent: { text_version: 'save-card-2026-11', accepted_at: new Date().toISOString() },
    ...more,
  }
  return instrumentShape.parse(await caller.post('/v1/instruments', body, `demo-${Math.floor(performance.now() * 1000)}`))
}

async function read({ caller }: Story, id: string): Promise<Instrument> {
  return instrumentShape.parse(await caller.get(`/v1/instruments/${id}`))
}
function bound(instrument: Instrument, channel: string) {
  return instrument.bindings.filter(one => one.channel === channel)
}

async function plainBind(story: Story, customer: string): Promise<Instrument> {
  title('1. A card is bound at Stripe')
  const instrument = await bind(story, customer, { number: '4242424242424242' }, { channels: ['stripe'] })
  show(
    `${instrument.card.brand} ending ${instrument.card.last4} is ${instrument.status}, token ${bound(instrument, 'stripe')[0]?.token}`,
    instrument.status === 'active' && bound(instrument, 'stripe')[0]?.token !== null,
  )
  return instrument
}

async function sameCardAgain(story: Story, customer: string, first: Instrument): Promise<void> {
  title('2. The same card is saved again')
  const again = await bind(story, customer, { number: '4242 4242 4242 4242' }, { channels: ['stripe'] })
  show(`it is the same instrument ${again.id}, and Stripe was not asked again`, again.id === first.id && again.bindings.length === 1)
}

async function challenge(story: Story, customer: string): Promise<void> {
  title('3. Adyen wants the customer to prove who they are (3-D Secure)')
  const asked = await bind(story, customer, { number: '4917610000000000' }, { channels: ['adyen'] })
  const url = asked.next_action?.url ?? ''
  show(
    `the binding is in state ${bound(asked, 'adyen')[0]?.status}; the browser goes to ${new URL(url).origin}${new URL(url).pathname}`,
    bound(asked, 'adyen')[0]?.status === 'challenge',
  )
  const page = await fetch(url)
  show('the bank shows its page', page.ok)
  const back = await fetch(`${url}/complete`, { method: 'POST', redirect: 'manual' })
  const home = await fetch(back.headers.get('location') ?? '', { redirect: 'manual' })
  show(`the customer passes and comes back through us to ${home.headers.get('location')?.replace(/\?.*/, '')}`, home.status === 303)
  const now = await read(story, asked.id)
  show(`${now.card.brand} ending ${now.card.last4} is ${now.status}`, now.status === 'active')
}

async function lostAnswer(story: Story, customer: string): Promise<void> {
  title('4. Stripe stores a card, and its answer is lost')
  await story.sandbox.addFault('stripe', { match: { method: 'POST', path: '/v1/setup_intents' }, fault: 'lost_after', times: 1 })
  const asked = await bind(story, customer, { number: '5555555555554444' }, { channels: ['stripe'] })
  const status = bound(asked, 'stripe')[0]?.status
  show(`nobody calls it a failure: the binding is ${status}`, status === 'uncertain' || status === 'active')
  const settled = await until('the lost answer to be settled', async () => {
    const now = await read(story, asked.id)
    return now.status === 'active' ? now : undefined
  })
  const { effects } = await story.sandbox.books('stripe')
  const stored = effects.filter(one => one.effect === 'stored' && one.token === bound(settled, 'stripe')[0]?.token)
  show(`a little later it is ${settled.status}; in Stripe's own books the card was stored ${stored.length} time`, stored.length === 1)
}

async function declined(story: Story, customer: string): Promise<void> {
  title('5. The issuer refuses a card')
  const instrument = await bind(story, customer, { number: '4000000000009995' })
  const refusal = instrument.bindings[0]?.refusal
  show(
    `it is ${instrument.status}: ${refusal?.category} (${refusal?.code}, by the ${refusal?.by}); no other channel was tried behind the issuer's back`,
    instrument.status === 'failed' && instrument.bindings.length === 1,
  )
}

async function secondChannel(story: Story, first: Instrument): Promise<void> {
  title('6. The first card is bound at Adyen too, without asking the customer for it')
  const now = instrumentShape.parse(
    await story.caller.post(`/v1/instruments/${first.id}/bindings`, { channel: 'adyen', return_url: 'https://shop.example/back' }),
  )
  const active = await until('Adyen to bind', async () => {
    const read_ = await read(story, now.id)
    return bound(read_, 'adyen')[0]?.status === 'active' ? read_ : undefined
  })
  show(
    `one instrument, ${active.bindings.length} bindings: ${active.bindings.map(one => `${one.channel} ${one.status}`).join(', ')}`,
    active.bindings.length === 2 && active.bindings.every(one => one.status === 'active'),
  )
}

async function unbind(story: Story, first: Instrument): Promise<void> {
  title('7. The customer removes the card')
  const now = instrumentShape.parse(await story.caller.post(`/v1/instruments/${first.id}/unbind`, {}))
  show(
    `it is ${now.status}; ${now.bindings.map(one => `${one.channel} ${one.status}`).join(', ')}`,
    now.status === 'unbound' && now.bindings.every(one => one.status === 'revoked'),
  )
  for (const binding of now.bindings) {
    const { held } = await story.sandbox.books(binding.channel)
    show(`${binding.channel} holds no usable card under ${binding.token}`, !held.some(card => card.token === binding.token && card.usable))
  }
}

async function explain(story: Story, first: Instrument): Promise<void> {
  title('8. Why is it so? The timeline of the first card')
  const shape = z.object({
    data: z.array(
      z.object({
        at: z.string(),
        type: z.string(),
        what: z.string(),
        channel: z.string().nullable(),
        source: z.string(),
        applied: z.boolean(),
        ignored_because: z.string().nullable(),
      }),
    ),
  })
  const { data } = shape.parse(await story.caller.get(`/v1/instruments/${first.id}/timeline`))
  for (const one of data)
    say(
      `${one.at.slice(11, 23)}  ${one.type.padEnd(18)} ${(one.channel ?? '').padEnd(7)} ${one.what.padEnd(10)} told by ${one.source}${one.applied ? '' : ` (ignored: ${one.ignored_because})`}`,
    )
  show(
    'it begins with the card and ends with both channels giving it up',
    data[0]?.what === 'created' && data.filter(one => one.what === 'revoked').length >= 2,
  )
}

async function heard(
  hook: { readonly heard: readonly { readonly type: string; readonly instrument: string | null; readonly sequence: number | null }[] },
  first: Instrument,
): Promise<void> {
  title("11. The merchant's system heard of all this, signed and in order")
  const events = await until('all events of the first card', async () => {
    const of = hook.heard.filter(one => one.instrument === first.id)
    return of.filter(one => one.type === 'binding.revoked').length >= 2 ? of : undefined
  })
  say(events.map(one => `${one.sequence} ${one.type}`).join(', '))
  show(
    'every signature was verified by the Standard Webhooks library, and no number is missing or out of place',
    events.every((one, i) => one.sequence === i + 1),
  )
}

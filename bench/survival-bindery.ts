/** Bindery over the same world: the product's own code on the memory store, told what channels, updaters and the network tell, day by day. */

import { bind } from '../src/instruments/bind.ts'
import { createCustomer } from '../src/instruments/customer.ts'
import { isExpiring } from '../src/instruments/expiry.ts'
import { hear } from '../src/instruments/news.ts'
import { type BindingRow, bindings, type InstrumentRow, instruments } from '../src/instruments/tables.ts'
import { tellInstrument } from '../src/instruments/tell.ts'
import { createHealth } from '../src/safeguards/health.ts'
import { tables } from '../src/tables.ts'
import { settleDue, timeDue } from '../src/worker.ts'
import { noCardFiles } from '../src/world/card-files.ts'
import { createMemoryStore, type MemoryStore } from '../src/world/memory.ts'
import { createRemembered } from '../src/world/remembered.ts'
import type { World } from '../src/world/world.ts'
import {
  atDay,
  type Books,
  capturedCard,
  channelNames,
  createBooks,
  isModelChannel,
  modelChannel,
  present,
  shownOf,
} from './survival-channels.ts'
import { chance, currentVersion, days, daysOfMonth, type Model, months, type Subject, works } from './survival-model.ts'
import { newsByDay, type Told } from './survival-news.ts'
import { type Result, retryDays, share, updateUsd, versionAt } from './survival-rivals.ts'

const tenant = 'ten_survival'
/** TabaPay's middle, for a question that was answered, whatever the answer; and a guess for a network token. */
const inquiryUsd = 0.05
const tokenUsd = 0.1

type Kept = { readonly subject: Subject; readonly instrument: string; charged: boolean[]; declined: boolean; asked: boolean; cost: number }
type Stage = { readonly world: World; readonly store: MemoryStore; readonly books: Books; readonly kept: ReadonlyMap<number, Kept> }

/** What happens to one has nothing to do with another: so many at once, so that time and memory grow with their number and no faster. */
const atOnce = 2_000

export async function binderyWay(model: Model): Promise<Result> {
  const sums = { chargeable: 0, charged: 0, asked: 0, wrong: 0, cost: 0 }
  for (let from = 0; from < model.subjects.length; from += atOnce) addTo(sums, await live(model, model.subjects.slice(from, from + atOnce)))
  const count = model.subjects.length
  return {
    chargeable: share(sums.chargeable, count),
    charged: share(sums.charged, count * months),
    asked: share(sums.asked, count),
    wrong: sums.wrong,
    cost: Math.round((sums.cost / count) * 1_000) / 1_000,
  }
}

/** The two years of some. */
async function live(model: Model, subjects: readonly Subject[]): Promise<Stage> {
  const stage = await open(model, subjects)
  const news = newsByDay(model, subjects)
  const inquired = new Map<number, readonly Kept[]>()
  for (let day = 0; day < days + retryDays; day += 1) {
    stage.books.day = day
    for (const told of news.get(day) ?? []) await hearOne(stage, told)
    for (const one of inquired.get(day) ?? []) await answerInquiry(stage, one)
    await comeToRest(stage.world)
    for (const one of stage.kept.values()) if (isCharged(one, day)) await chargeOn(stage, one, day)
    // The 1st and the 15th; the results come six days later.
    if (day % daysOfMonth === 0 || day % daysOfMonth === 14) inquired.set(day + 6, await toAsk(stage))
  }
  return stage
}

async function comeToRest(world: World): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) if ((await timeDue(world)) + (await settleDue(world)) === 0) return
}

function createWorld(books: Books, store: MemoryStore): World {
  let draws = 0
  const channels = new Map(channelNames.map(name => [name, modelChannel(name, books)]))
  const account = { address: 'https://channel.example', secrets: {}, settings: {}, webhookSecrets: [] }
  const captured = async ({ reference }: { readonly reference: string }) => {
    const subject = books.model.subjects[Number(reference.slice('cap_'.length))]
    return subject === undefined ? undefined : capturedCard(subject, books.day)
  }
  const never = () => Promise.reject(new TypeError('nothing is sent in this world'))
  return {
    now: () => atDay(books.day),
    random: count => Buffer.from(Array.from({ length: count }, (_, i) => Math.floor(chance(books.model.seed, 'random', draws++, i) * 256))),
    sleep: async () => {},
    store,
    vault: {
      peek: captured,
      adopt: captured,
      sealAhead: async () => {},
      forward: never,
      seal: never,
      open: never,
      updater: { writeInquiries: never, readAdvices: never, sealAdvices: never, renew: never },
      shred: never,
      detokenize: never,
      cardFiles: noCardFiles(never),
    },
    send: never,
    channels,
    account: () => account,
    health: createHealth(),
    remembered: createRemembered(),
    log: { info: () => {}, warn: () => {}, error: (what, facts) => console.error(what, facts) },
    settings: {
      publicUrl: 'https://pay.example',
      captureUrl: 'https://vault.example/capture',
      channelTimeoutMs: 5_000,
      route: [...channelNames],
      idempotencyKey: Buffer.alloc(32, 1),
      grantKey: Buffer.alloc(32, 2),
      allowLoopback: false,
    },
  }
}

async function open(model: Model, subjects: readonly Subject[]): Promise<Stage> {
  const books = createBooks(model)
  const store = createMemoryStore(tables, { eventsTable: 'events' })
  const world = createWorld(books, store)
  const kept = new Map<number, Kept>()
  for (const subject of subjects) {
    const of = { tenant, mode: 'test' as const, reference: null, clock: null, metadata: {} }
    const customer = await createCustomer(world, of, { writes: () => [], check: () => {} })
    books.subjects.set(customer.id, subject)
    const bound = await bind(world, requestFor(subject, customer.id), nothingBeside)
    kept.set(subject.index, {
      subject,
      instrument: bound.instrument.id,
      charged: [],
      declined: false,
      asked: false,
      cost: model.tokenised(subject) ? tokenUsd : 0,
    })
  }
  return { world, store, books, kept }
}

const nothingBeside = { claim: () => [], answer: () => [], both: () => [], check: () => {} }

/** A card at both channels at once; a mandate and a wallet are at the one where the customer approved them. */
function requestFor({ index, kind }: Subject, customer: string) {
  const subject =
    kind === 'card'
      ? { type: 'card' as const, capture: `cap_${index}` }
      : kind === 'mandate'
        ? { type: 'bank_account' as const, scheme: 'sepa_debit' as const, country: 'DE' }
        : { type: 'wallet' as const, brand: 'gcash', country: 'PH' }
  return {
    tenant,
    mode: 'test' as const,
    customer,
    subject,
    terms: undefined,
    channels: kind === 'card' ? channelNames : channelNames.slice(0, 1),
    all: kind === 'card',
    returnUrl: 'https://shop.example/back',
    client: { ip: null, userAgent: null, device: null },
    consent: null,
    metadata: {},
    request: `req_${index}`,
  }
}

async function hearOne({ world, books, kept }: Stage, told: Told): Promise<void> {
  const { subject, event } = told
  if (told.to === 'network') {
    const news = { kind: 'network_token' as const, status: told.status, reference: `net_${subject.index}` }
    const instrument = kept.get(subject.index)?.instrument ?? ''
    await tellInstrument(world, { tenant, instrument, facts: [{ source: 'network', event, news, at: atDay(books.day) }] })
    return
  }
  const token = books.tokens[told.channel].get(subject.index)
  const held = token === undefined ? undefined : books.held.get(token)
  if (token === undefined || held === undefined) return
  if (told.version !== undefined) {
    if (told.version <= held.version) return
    held.version = told.version
    if (told.news.kind === 'updated' && told.news.token !== undefined) {
      books.held.set(told.news.token, held)
      books.tokens[told.channel].set(subject.index, told.news.token)
    }
  }
  const from = { channel: told.channel, mode: 'test' as const }
  await hear(world, from, { event, type: told.news.kind, names: [token], news: told.news, moment: { atMs: atDay(books.day) } })
}

/** Whose card ends soon, or was declined: nobody is asked about a card that works. */
async function toAsk({ world, kept }: Stage): Promise<readonly Kept[]> {
  const out: Kept[] = []
  for (const one of kept.values()) {
    if (one.subject.kind !== 'card') continue
    const row = await world.store.get(instruments, { tenant, id: one.instrument })
    if (row !== undefined && (one.declined || isExpiring(row)) && row.status !== 'unbound') out.push(one)
  }
  return out
}

async function answerInquiry({ world, books }: Stage, one: Kept): Promise<void> {
  const version = versionAt(books.model, 'batch', one.subject, books.day)
  const found = one.subject.versions[version]
  one.cost += inquiryUsd
  if (version === 0 || found === undefined) return
  const { last4, expiryMonth, expiryYear } = shownOf(found)
  const advice = found.number === one.subject.versions[version - 1]?.number ? ('E' as const) : ('A' as const)
  // In the product the vault seals what is new under a version of its own before anybody is told.
  const sealed = { cardVersion: version + 1 }
  const news = { kind: 'advised' as const, advice, last4, expiry: { year: expiryYear, month: expiryMonth }, ...sealed }
  one.cost += updateUsd
  await tellInstrument(world, {
    tenant,
    instrument: one.instrument,
    facts: [{ source: 'updater:batch', event: `${one.subject.index}:${version}`, news, at: atDay(books.day) }],
  })
}

const sinceDue = ({ subject }: Kept, day: number): number => (day - subject.chargedOn) % daysOfMonth
const monthOf = ({ subject }: Kept, day: number): number => Math.floor((day - subject.chargedOn) / daysOfMonth)

/** On its day, and on the next ones where the channel was closed. */
function isCharged(one: Kept, day: number): boolean {
  const month = monthOf(one, day)
  return day >= one.subject.chargedOn && sinceDue(one, day) <= retryDays && month < months && one.charged[month] === undefined
}

async function chargeOn(stage: Stage, one: Kept, day: number): Promise<void> {
  const [since, month] = [sinceDue(one, day), monthOf(one, day)]
  const answer = await charge(stage, one)
  if (answer === 'closed' && since < retryDays) return
  one.charged[month] = answer === 'approved'
  one.declined = answer !== 'approved'
}

async function charge({ world, books }: Stage, { subject, instrument }: Kept): Promise<'approved' | 'declined' | 'closed'> {
  const row = await world.store.get(instruments, { tenant, id: instrument })
  const legs = await world.store.find(bindings, { tenant, instrument })
  let said: 'declined' | 'closed' = 'declined'
  for (const leg of candidates(row, legs)) {
    if (!isModelChannel(leg.channel) || leg.token === null) continue
    const byNetwork = row?.own.networkToken?.status === 'active'
    const answer = present(books, leg.channel, leg.token, held =>
      works(subject, byNetwork ? currentVersion(subject, books.day) : held.version, books.day),
    )
    if (answer === 'approved') return answer
    said = answer
    // What an issuer refused is not presented elsewhere.
    if (answer === 'declined') return answer
  }
  return said
}

/** The newest card first: it is what the issuer knows. */
function candidates(row: InstrumentRow | undefined, legs: readonly BindingRow[]): readonly BindingRow[] {
  if (row?.status !== 'active') return []
  const age = ({ shown }: BindingRow): number => (shown?.expiryYear ?? 0) * 12 + (shown?.expiryMonth ?? 0)
  return legs.filter(one => one.status === 'active').toSorted((a, b) => age(b) - age(a) || (a.channel < b.channel ? -1 : 1))
}

type Sums = { -readonly [K in keyof Result]: number }

function addTo(sums: Sums, { kept }: Stage): void {
  for (const one of kept.values()) {
    const good = one.charged[months - 1] === true
    if (good) sums.chargeable += 1
    else if (days < one.subject.endsAt) sums.asked += 1
    sums.charged += one.charged.filter(Boolean).length
    for (const [month, done] of one.charged.entries())
      if (done && month * daysOfMonth + one.subject.chargedOn >= one.subject.endsAt + retryDays) sums.wrong += 1
    sums.cost += one.cost
  }
}

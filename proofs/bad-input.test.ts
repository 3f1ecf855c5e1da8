/**
 * Bad input against the real endpoints on the real server: every row of the corpora to every field. Always a problem that names the field,
 * or a success where the value is valid there; never a 5xx, never a row left behind by what was refused, never a card number told or logged.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { cardNumbers, nearMisses } from '../src/http/corpora.ts'
import { feed, type Sample } from '../src/http/feed.ts'
import { newSender } from '../src/vault/card-files.seam.ts'
import { type Caller, callerOf } from './caller.ts'
import { type Ground, prepareGround, undoAll } from './ground.ts'
import type { ServerProgram } from './server.ts'
import { storyOf } from './story.ts'

const undo: (() => unknown)[] = []
let ground: Ground
let server: ServerProgram
let caller: Caller
let key: string
let samples: readonly Fed[]

/** `writes`: the tables a success adds a row to. `bearer`: who asks, if not the secret key. */
type Fed = Sample & { readonly writes: readonly string[]; readonly bearer?: string }

before(async () => {
  ground = await prepareGround(undo, { durable: false })
  server = await ground.start()
  undo.push(() => server.end('SIGTERM'))
  key = (await ground.newKey({ mode: 'test', kind: 'secret' })).key
  caller = callerOf(ground.address, key)
  samples = await samplesOf()
})
after(() => undoAll(undo))

const named = z.object({ id: z.string() })
const make = async (path: string, body: unknown): Promise<string> => named.parse((await caller.call(path, { body })).json).id
/** Well formed, and nobody's. */
const noId = (prefix: string): string => `${prefix}_${'0'.repeat(26)}`

/** Keys, and what waits for a second person. */
const accessSamples = ({ read, act, list }: Making): readonly Fed[] => [
  { method: 'GET', path: '/v1/api_keys', kinds: {}, writes: [] },
  {
    ...{ method: 'POST', path: '/v1/api_keys', writes: ['bindery.api_keys'] },
    body: { role: 'support', person: 'ann' },
    kinds: { '/role': 'currency', '/person': 'reference' },
  },
  { method: 'DELETE', path: '/v1/api_keys/{id}', params: { id: noId('key') }, kinds: { 'path/id': 'id' }, writes: [] },
  list('/v1/approvals', {}, {}),
  read('/v1/approvals/{id}', noId('apr')),
  ...['approve', 'deny'].map(word => act(`/v1/approvals/{id}/${word}`, noId('apr'))),
  {
    ...{ method: 'POST', path: '/v1/instruments/{id}/detokenize', params: { id: noId('ins') }, writes: [] },
    body: { purpose: 'dispute', reason: 'case 4711 of the bank', public_key: 'C'.repeat(43), version: 1 },
    kinds: { 'path/id': 'id', '/purpose': 'currency', '/public_key': 'currency', '/version': 'count' },
  },
]
type Making = {
  readonly read: (path: string, id: string) => Fed
  readonly act: (path: string, id: string) => Fed
  readonly list: (path: string, query: Record<string, string>, kinds: Sample['kinds']) => Fed
}

/** A field with a list of its own of what it takes is fed like a currency: nothing of any corpus is in the list. */
async function samplesOf(): Promise<readonly Fed[]> {
  const clock = await make('/v1/test_clocks', {})
  const customer = await make('/v1/customers', {})
  const bound = await storyOf(ground, caller).bind(customer, { number: '4242424242424242' }, ['stripe'])
  const hook = await make('/v1/webhook_endpoints', { url: ground.receiver.url })
  const event = named.parse(z.object({ data: z.array(z.unknown()) }).parse((await caller.call('/v1/events?limit=1')).json).data[0]).id
  const moved = await make('/v1/imports', { format: 'csv', channel: 'stripe', source_name: 'old system' })
  const read = (path: string, id: string): Fed => ({ method: 'GET', path, params: { id }, kinds: { 'path/id': 'id' }, writes: [] })
  const act = (path: string, id: string, more: Partial<Fed> = {}): Fed => ({
    ...{ method: 'POST', path, params: { id }, body: {}, writes: [], ...more },
    kinds: { 'path/id': 'id', ...more.kinds },
  })
  const list = (path: string, query: Record<string, string>, kinds: Sample['kinds']): Fed => ({
    ...{ method: 'GET', path, writes: [] },
    query: { limit: '3', ...query },
    kinds: { 'query/limit': 'currency', 'query/starting_after': 'currency', ...kinds },
  })
  const return_url = 'https://shop.example.com/back'
  const theirs = await customersOwn(customer, return_url)
  const client = { ip: '192.0.2.1', user_agent: 'Browser/1.0', device: 'd-1' }
  const clientKinds = { '/client/ip': 'ip', '/client/user_agent': 'userAgent', '/client/device': 'metadata' } as const
  return [
    {
      ...{ method: 'POST', path: '/v1/customers', writes: ['bindery.customers'] },
      body: { metadata: { cart: 'c-1' }, clock },
      kinds: { '/reference': 'reference', '/metadata/cart': 'metadata', '/clock': 'id' },
    },
    list('/v1/customers', {}, { 'query/reference': 'reference' }),
    read('/v1/customers/{id}', customer),
    {
      ...{ method: 'POST', path: '/v1/capture_grants', writes: [] },
      body: { origins: ['https://shop.example.com'] },
      kinds: { '/origins/0': 'currency', '/captures': 'count', '/expires_in_seconds': 'count' },
    },
    { method: 'POST', path: '/v1/test_clocks', body: {}, kinds: { '/now': 'timestamp' }, writes: ['bindery.clocks'] },
    read('/v1/test_clocks/{id}', clock),
    act('/v1/test_clocks/{id}/advance', clock, { body: { to: '2027-01-01T00:00:00Z' }, kinds: { '/to': 'timestamp' } }),
    {
      ...{ method: 'POST', path: '/v1/instruments', writes: [] },
      body: {
        ...{ customer, card: { capture: noId('cap') }, channels: ['stripe'], return_url, client, metadata: { cart: 'c-1' } },
        consent: { text_version: 'v1', accepted_at: '2026-11-22T10:00:00Z', ip: '192.0.2.1', user_agent: 'Browser/1.0' },
      },
      kinds: {
        ...{ '/customer': 'id', '/card/capture': 'id', '/channels/0': 'currency', '/return_url': 'url', '/metadata/cart': 'metadata' },
        ...{ '/consent/text_version': 'metadata', '/consent/accepted_at': 'timestamp', '/consent/ip': 'ip', ...clientKinds },
      },
    },
    list('/v1/instruments', {}, { 'query/customer': 'id', 'query/status': 'currency' }),
    read('/v1/instruments/{id}', bound.id),
    read('/v1/instruments/{id}/timeline', bound.id),
    act('/v1/instruments/{id}/bindings', noId('ins'), {
      body: { channel: 'adyen', return_url, client },
      kinds: { '/channel': 'currency', '/return_url': 'url', ...clientKinds },
    }),
    act('/v1/instruments/{id}/resume', bound.id, {
      body: { returned: { redirectResult: 'x' } },
      kinds: { '/binding': 'id', '/returned/redirectResult': 'metadata' },
    }),
    act('/v1/instruments/{id}/unbind', noId('ins')),
    ...['/resend', '/refresh'].map(rest => act(`/v1/instruments/{id}${rest}`, bound.id, { body: {}, kinds: { '/binding': 'id' } })),
    { method: 'GET', path: '/v1/channels', kinds: {}, writes: [] },
    ...accessSamples({ read, act, list }),
    ...doubtful({ act, list }),
    ...canarySamples(noId('ins')),
    list('/v1/sandbox/values', {}, { 'query/channel': 'currency' }),
    {
      ...{ method: 'POST', path: '/v1/sandbox/device_tokens', writes: [] },
      body: { channel: 'stripe', title: 'no such value' },
      kinds: { '/channel': 'currency', '/title': 'metadata' },
    },
    {
      ...{ method: 'POST', path: '/v1/route', writes: [] },
      body: { card: { capture: noId('cap') }, channels: ['stripe'], bin: '424242' },
      kinds: { '/card/capture': 'id', '/channels/0': 'currency', '/bin': 'id' },
    },
    {
      ...{ method: 'POST', path: '/v1/routing_rules', writes: ['bindery.routing_rules'] },
      body: { priority: 9, when: { kinds: ['card'], bins: ['4242'], currencies: ['EUR'], countries: ['DE'] }, channels: ['stripe'] },
      kinds: {
        ...{ '/priority': 'count', '/when/kinds/0': 'currency', '/when/bins/0': 'id', '/when/currencies/0': 'currency' },
        ...{ '/when/countries/0': 'currency', '/channels/0': 'currency' },
      },
    },
    { method: 'GET', path: '/v1/routing_rules', kinds: {}, writes: [] },
    { method: 'DELETE', path: '/v1/routing_rules/{id}', params: { id: noId('rul') }, kinds: { 'path/id': 'id' }, writes: [] },
    {
      ...{ method: 'POST', path: '/v1/webhook_endpoints', writes: ['bindery.webhook_endpoints', 'vault.deks', 'vault.owners'] },
      body: { url: 'https://shop.example.com/hook', types: ['*'], description: 'd' },
      kinds: { '/url': 'url', '/types/0': 'currency', '/description': 'metadata' },
    },
    { method: 'GET', path: '/v1/webhook_endpoints', kinds: {}, writes: [] },
    ...['', '/secret'].map(rest => read(`/v1/webhook_endpoints/{id}${rest}`, hook)),
    act('/v1/webhook_endpoints/{id}', hook, {
      body: { url: 'https://shop.example.com/hook', types: ['*'], description: 'd' },
      kinds: { '/url': 'url', '/types/0': 'currency', '/description': 'metadata' },
    }),
    ...['/enable', '/disable', '/rotate_secret'].map(rest => act(`/v1/webhook_endpoints/{id}${rest}`, noId('whe'))),
    act('/v1/webhook_endpoints/{id}/replay', hook, {
      body: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:01Z' },
      kinds: { '/from': 'timestamp', '/to': 'timestamp' },
    }),
    act('/v1/webhook_endpoints/{id}/replay', hook, { body: { events: [event] }, kinds: { '/events/0': 'id' } }),
    { method: 'DELETE', path: '/v1/webhook_endpoints/{id}', params: { id: noId('whe') }, kinds: { 'path/id': 'id' }, writes: [] },
    {
      ...list('/v1/webhook_endpoints/{id}/deliveries', {}, { 'path/id': 'id', 'query/order': 'currency', 'query/state': 'currency' }),
      params: { id: hook },
    },
    list('/v1/events', {}, { 'query/order': 'currency', 'query/type': 'currency', 'query/instrument': 'id' }),
    read('/v1/events/{id}', event),
    act('/v1/events/{id}/replay', event, { body: { webhook_endpoint: hook }, kinds: { '/webhook_endpoint': 'id' } }),
    {
      ...{ method: 'POST', path: '/v1/imports', writes: ['bindery.imports'] },
      body: { format: 'csv', encoding: 'utf-8', channel: 'stripe', source_name: 'old system', notices: 'none' },
      kinds: {
        ...{ '/format': 'currency', '/encoding': 'currency', '/channel': 'currency', '/source_name': 'name', '/notices': 'currency' },
      },
    },
    {
      ...{ method: 'PUT', path: '/v1/imports/{id}/parts/{number}', params: { id: noId('imp'), number: '1' }, writes: [] },
      kinds: { 'path/id': 'id', 'path/number': 'count' },
    },
    ...[act('/v1/imports/{id}/start', noId('imp')), read('/v1/imports/{id}', moved), ...cardSamples()],
    {
      ...{ method: 'GET', path: '/v1/imports/{id}/report', params: { id: moved }, writes: [] },
      query: { format: 'csv', outcome: 'refused' },
      kinds: { 'path/id': 'id', 'query/format': 'currency', 'query/outcome': 'currency' },
    },
    { method: 'POST', path: '/v1/exports', body: { format: 'csv' }, kinds: { '/format': 'currency' }, writes: ['bindery.exports'] },
    ...['', '/manifest', '/signature'].map(rest => read(`/v1/exports/{id}${rest}`, noId('exp'))),
    {
      ...{ method: 'GET', path: '/v1/exports/{id}/parts/{number}', params: { id: noId('exp'), number: '1' }, writes: [] },
      kinds: { 'path/id': 'id', 'path/number': 'count' },
    },
    {
      ...{ method: 'POST', path: '/v1/channels/{channel}/{mode}/webhook', params: { channel: 'stripe', mode: 'test' }, writes: [] },
      kinds: { 'path/channel': 'currency', 'path/mode': 'currency' },
    },
    {
      ...{ method: 'POST', path: '/v1/channels/{channel}/{mode}/webhook/{kind}', writes: [] },
      params: { channel: 'pix', mode: 'test', kind: 'rec' },
      kinds: { 'path/channel': 'currency', 'path/mode': 'currency', 'path/kind': 'currency' },
    },
    ...theirs,
    ...keptAlive(bound.id, { read, act }),
    ...keptInOrder(customer, bound.id, { read, act }),
    ...swept({ read, act }),
    { method: 'GET', path: '/return/{token}', params: { token: `${noId('opn')}.x` }, kinds: { 'path/token': 'metadata' }, writes: [] },
  ]
}

type Shaping = {
  readonly read: (path: string, id: string) => Fed
  readonly act: (path: string, id: string, more?: Partial<Fed>) => Fed
}

/** What is asked of an instrument that is bound: charges, mandates, updates, its network token. */
function keptAlive(id: string, { read, act }: Shaping): readonly Fed[] {
  const of = (rest: string): string => `/v1/instruments/{id}${rest}`
  const money = { amount: '1000', currency: 'EUR' }
  const moneyKinds = { '/amount': 'amount', '/currency': 'currency' } as const
  const asked = { ...money, initiator: 'merchant', purpose: 'recurring', charge_at: '2026-12-01T00:00:00Z' }
  const reported = { ...money, id: 'c-1', channel: 'stripe', outcome: 'declined', code: 'do_not_honor', charged_at: '2026-11-01T00:00:00Z' }
  const writes = ['charge_reports', 'charge_counts', 'mandate_usage', 'update_schedules', 'updater_runs'].map(one => `bindery.${one}`)
  return [
    ...['/quality', '/mandates', '/versions', '/update_policy'].map(rest => read(of(rest), id)),
    act(of('/can-charge'), id, {
      body: asked,
      kinds: { ...moneyKinds, '/initiator': 'currency', '/purpose': 'currency', '/charge_at': 'timestamp' },
    }),
    act(of('/charges'), id, {
      ...{ body: reported, writes },
      kinds: {
        ...moneyKinds,
        '/id': 'reference',
        '/channel': 'currency',
        '/outcome': 'currency',
        '/charged_at': 'timestamp',
        '/binding': 'id',
      },
    }),
    act(of('/mandates/pause'), id, { body: { reason: 'asked for' }, kinds: { '/binding': 'id', '/reason': 'metadata' } }),
    act(of('/mandates/resume'), id, { kinds: { '/binding': 'id' } }),
    act(of('/pre_debit_notices'), id, {
      body: { ...money, charge_at: '2026-12-01T00:00:00Z' },
      kinds: { ...moneyKinds, '/binding': 'id', '/charge_at': 'timestamp', '/told_at': 'timestamp' },
    }),
    act(of('/update_policy'), id, {
      body: { policy: 'never', min_days: 30 },
      writes,
      kinds: { '/policy': 'currency', '/min_days': 'count' },
    }),
    act(of('/updates'), noId('ins')),
    act(of('/network_token'), noId('ins')),
    { method: 'DELETE', path: of('/network_token'), params: { id: noId('ins') }, kinds: { 'path/id': 'id' }, writes: [] },
    { method: 'POST', path: '/v1/updater/runs', body: { instruments: [id] }, kinds: { '/instruments/0': 'id' }, writes },
    ...['', '/file'].map(rest => read(`/v1/updater/runs/{id}${rest}`, noId('run'))),
    act('/v1/updater/runs/{id}/results', noId('run'), { body: { file: 'AAAA' } }),
    {
      ...{ method: 'POST', path: '/v1/network/{mode}/webhook', params: { mode: 'test' }, writes: [] },
      kinds: { 'path/mode': 'currency' },
    },
    ...['/v1/exports/keys', '/v1/updater/counts'].map(path => ({ method: 'GET', path, kinds: {}, writes: [] }) as const),
  ]
}

/** Who relies on it, what it may be used for, which is the default; and what is given up for good, of nobody's instrument. */
function keptInOrder(customer: string, id: string, { read, act }: Shaping): readonly Fed[] {
  const amount = { amount: '1000', currency: 'EUR' }
  const writes = ['bindery.events']
  const change = (path: string, of: string, more: Pick<Fed, 'body' | 'kinds'>): Fed => ({
    ...act(path, of, { ...more, writes }),
    method: 'PATCH',
  })
  return [
    act('/v1/instruments/{id}/dependents', id, {
      body: { reference: 'sub-1', kind: 'subscription', title: 'News, monthly', next_charge_at: '2026-12-01T00:00:00Z' },
      kinds: { '/reference': 'reference', '/kind': 'currency', '/title': 'metadata', '/next_charge_at': 'timestamp' },
      writes: ['bindery.dependents'],
    }),
    read('/v1/instruments/{id}/dependents', id),
    {
      ...{ method: 'DELETE', path: '/v1/instruments/{id}/dependents/{dependent}', writes: [] },
      params: { id, dependent: noId('dep') },
      kinds: { 'path/id': 'id', 'path/dependent': 'id' },
    },
    change('/v1/instruments/{id}', id, {
      body: {
        policy: { amount_max: amount, count_max_per_day: 9, purposes: ['rent'] },
        allow_redisplay: 'always',
        metadata: { cart: 'c-1' },
      },
      kinds: {
        ...{ '/policy/amount_max/amount': 'amount', '/policy/amount_max/currency': 'currency', '/policy/count_max_per_day': 'count' },
        ...{ '/allow_redisplay': 'currency', '/metadata/cart': 'metadata' },
      },
    }),
    change('/v1/customers/{id}', customer, { body: { metadata: { cart: 'c-1' } }, kinds: { '/metadata/cart': 'metadata' } }),
    act('/v1/instruments/{id}/block', noId('ins'), { body: { reason: 'asked for' }, kinds: { '/reason': 'metadata' } }),
    ...['/unblock', '/erase'].map(rest => act(`/v1/instruments/{id}${rest}`, noId('ins'))),
    act('/v1/customers/{id}/erase', noId('cus')),
    read('/v1/instruments/{id}/erasure', noId('ins')),
    read('/v1/customers/{id}/erasure', noId('cus')),
    act('/v1/customers/{id}/default', customer, { body: { instrument: id }, writes: ['bindery.defaults'], kinds: { '/instrument': 'id' } }),
    read('/v1/customers/{id}/default', customer),
    {
      ...{ method: 'POST', path: '/v1/default_succession', body: { succession: 'next_best' } },
      ...{ kinds: { '/succession': 'currency' }, writes: ['bindery.successions'] },
    },
    { method: 'GET', path: '/v1/default_succession', kinds: {}, writes: [] },
  ]
}
const canarySamples = (subject: string): readonly Fed[] => [
  {
    ...{ method: 'POST', path: '/v1/canaries', writes: [] },
    body: { subject, note: 'in a paste' },
    kinds: { '/subject': 'id', '/note': 'metadata' },
  },
  { method: 'GET', path: '/v1/canaries', kinds: {}, writes: [] },
  { method: 'DELETE', path: '/v1/canaries/{id}', params: { id: noId('ins') }, kinds: { 'path/id': 'id' }, writes: [] },
]

/** What is in doubt. */
const doubtful = ({ act, list }: Pick<Shaping, 'act'> & Pick<Making, 'list'>): readonly Fed[] => [
  list('/v1/unknowns', {}, { 'query/kind': 'currency', 'query/channel': 'reference', 'query/older_than_seconds': 'currency' }),
  {
    ...{ method: 'GET', path: '/v1/unknowns/summary', writes: [] },
    kinds: { 'query/kind': 'currency', 'query/channel': 'reference', 'query/older_than_seconds': 'currency' },
  },
  act('/v1/unknowns/{id}/look-up', noId('opn')),
  act('/v1/unknowns/{id}/settle', noId('opn'), {
    body: { outcome: 'not_bound', evidence: 'seen in the dashboard' },
    kinds: { '/outcome': 'currency', '/evidence': 'metadata', '/token': 'metadata' },
  }),
]

/** Comparing with a channel's list. */
const swept = ({ read, act }: Shaping): readonly Fed[] => [
  {
    ...{ method: 'POST', path: '/v1/sweeps', writes: ['bindery.sweeps'] },
    body: { channel: 'stripe', misses: 3, change_percent_max: 2, repeat_hours: 24 },
    kinds: { '/channel': 'currency', '/misses': 'currency', '/repeat_hours': 'currency' },
  },
  {
    ...{ method: 'GET', path: '/v1/sweeps', query: { limit: '3' }, writes: [] },
    kinds: { 'query/limit': 'currency', 'query/starting_after': 'id', 'query/channel': 'reference' },
  },
  read('/v1/sweeps/{id}', noId('swp')),
  { method: 'GET', path: '/v1/invariants', kinds: {}, writes: [] },
  ...['/release', '/discard'].map(rest => act(`/v1/sweeps/{id}${rest}`, noId('swp'))),
]

/** What a customer's own browser sends: by a session's secret, and by a portal link's token. */
async function customersOwn(customer: string, return_url: string): Promise<readonly Fed[]> {
  const opened = z.object({ id: z.string(), client_secret: z.string() })
  const session = opened.parse((await caller.call('/v1/binding_sessions', { body: { customer, return_url } })).json)
  const linked = z.object({ id: z.string(), url: z.string() })
  const link = linked.parse((await caller.call(`/v1/customers/${customer}/portal_links`, { body: { return_url } })).json)
  const token = new URL(link.url).pathname.slice('/portal/'.length)
  const asked = (method: 'GET' | 'POST' | 'DELETE', path: string, more: Partial<Fed> = {}): Fed => ({
    method,
    path,
    kinds: {},
    writes: [],
    ...more,
  })
  const browser = (path: string, more: Partial<Fed>): Fed =>
    asked('POST', `/v1/binding_session${path}`, { bearer: session.client_secret, body: {}, ...more })
  const portal = (path: string, more: Partial<Fed> = {}): Fed =>
    asked('POST', `/v1/portal/instruments/{id}${path}`, {
      ...{ bearer: token, params: { id: noId('ins') }, body: {}, ...more },
      kinds: { 'path/id': 'id', ...more.kinds },
    })
  const page = (method: 'GET' | 'POST', path: string): Fed =>
    asked(method, `/portal/{token}${path}`, { params: { token: `${link.id}.0.x`, id: noId('ins') }, kinds: { 'path/token': 'metadata' } })
  return [
    asked('POST', '/v1/binding_sessions', {
      writes: ['bindery.binding_sessions'],
      body: { customer, return_url, kinds: ['card'], channels: ['stripe'], origins: [return_url], consent: { text_version: 'v1' } },
      kinds: {
        ...{ '/customer': 'id', '/return_url': 'url', '/kinds/0': 'currency', '/channels/0': 'currency', '/origins/0': 'currency' },
        '/consent/text_version': 'metadata',
      },
    }),
    asked('GET', '/v1/binding_sessions/{id}', { params: { id: session.id }, kinds: { 'path/id': 'id' } }),
    asked('POST', '/v1/binding_sessions/{id}/cancel', { params: { id: noId('bse') }, body: {}, kinds: { 'path/id': 'id' } }),
    asked('GET', '/v1/binding_session', { bearer: session.client_secret }),
    browser('/capture_grants', {}),
    browser('/submit', {
      body: { card: { capture: noId('cap') }, agreed: true, device: 'd-1' },
      kinds: { '/card/capture': 'id', '/agreed': 'currency', '/device': 'metadata' },
    }),
    browser('/resume', {
      body: { returned: { redirectResult: 'x' } },
      kinds: { '/binding': 'id', '/returned/redirectResult': 'metadata' },
    }),
    browser('/resend', { kinds: { '/binding': 'id' } }),
    browser('/cancel', {}),
    asked('POST', '/v1/customers/{id}/portal_links', {
      ...{ params: { id: customer }, writes: ['bindery.portal_links'], body: { return_url, expires_in: 600, may: ['list'] } },
      kinds: { 'path/id': 'id', '/return_url': 'url', '/expires_in': 'currency', '/may/0': 'currency' },
    }),
    asked('GET', '/v1/portal_links/{id}', { params: { id: noId('ptl') }, kinds: { 'path/id': 'id' } }),
    asked('DELETE', '/v1/portal_links/{id}', { params: { id: noId('ptl') }, kinds: { 'path/id': 'id' } }),
    asked('GET', '/v1/sharing_limit'),
    asked('POST', '/v1/sharing_limit', {
      body: { customers_max: 3 },
      kinds: { '/customers_max': 'count' },
      writes: ['bindery.sharing_limits'],
    }),
    asked('GET', '/v1/portal/instruments', { bearer: token }),
    ...['/default', '/replace'].map(path => portal(path)),
    portal('/unbind', { body: { confirm: false }, kinds: { '/confirm': 'currency' } }),
    page('GET', ''),
    ...safeguards(customer),
    page('GET', '/unbind/{id}'),
    ...['/default', '/replace', '/unbind'].map(path => page('POST', path)),
  ]
}

function safeguards(customer: string): readonly Fed[] {
  const none = { kinds: {}, writes: [] }
  return [
    { method: 'GET', path: '/v1/safeguards', ...none },
    {
      ...{ method: 'POST', path: '/v1/safeguards/{layer}', params: { layer: 'bin' } },
      body: { limits: { deny_declines_per_hour: 60 }, reason: 'r' },
      kinds: { 'path/layer': 'currency', '/limits/deny_declines_per_hour': 'count', '/reason': 'metadata' },
      writes: ['bindery.safeguard_policies', 'bindery.safeguard_changes'],
    },
    { method: 'GET', path: '/v1/safeguard_decisions', query: { customer }, kinds: { 'query/customer': 'id' }, writes: [] },
    { method: 'GET', path: '/v1/safeguard_decisions/{id}', params: { id: noId('dec') }, kinds: { 'path/id': 'id' }, writes: [] },
    { method: 'GET', path: '/v1/kill_switches', ...none },
    {
      ...{ method: 'POST', path: '/v1/kill_switches', writes: [] },
      body: { kind: 'feature', value: 'network_tokens', off: false, reason: 'r' },
      kinds: { '/kind': 'currency', '/value': 'currency', '/reason': 'metadata' },
    },
  ]
}

/** Card numbers between vaults: what travels is bytes, what names it is ours. */
function cardSamples(): readonly Fed[] {
  const { pem } = newSender('another vault')
  const part = { grant: noId('rgr'), certificate: pem, card_file: 'cdf-1', part: 1, limit: 10 }
  return [
    {
      ...{ method: 'POST', path: '/v1/card_files', writes: ['vault.card_files', 'vault.keys'] },
      ...{ body: { sender: pem }, kinds: { '/sender': 'currency' } },
    },
    { method: 'GET', path: '/v1/card_files/{id}', params: { id: noId('cdf') }, kinds: { 'path/id': 'id' }, writes: [] },
    { method: 'DELETE', path: '/v1/card_files/{id}', params: { id: noId('cdf') }, kinds: { 'path/id': 'id' }, writes: [] },
    {
      ...{ method: 'PUT', path: '/v1/card_files/{id}/parts/{number}', params: { id: noId('cdf'), number: '1' }, writes: [] },
      kinds: { 'path/id': 'id', 'path/number': 'count' },
    },
    { method: 'GET', path: '/v1/card_exports/certificate', kinds: {}, writes: ['vault.sender_keys', 'vault.keys'] },
    {
      ...{ method: 'POST', path: '/v1/card_exports', body: part, writes: [] },
      kinds: { '/grant': 'id', '/certificate': 'currency', '/card_file': 'reference', '/part': 'count', '/limit': 'count' },
    },
  ]
}

test('every endpoint of the server is fed', async () => {
  const shape = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
  const { paths } = shape.parse((await caller.call('/openapi.json')).json)
  const there = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`))
  const fed = new Set(samples.map(one => `${one.method} ${one.path}`))
  assert.deepEqual(
    there.filter(one => !fed.has(one)),
    [],
  )
})

/**
 * What is valid here and not everywhere: loopback, where a browser on a developer's machine may be sent and the sandbox may call; and
 * 5,000 characters in what came back with a browser.
 */
function isValidThere(complaint: string): boolean {
  if (complaint.includes('/returned/redirectResult very long')) return true
  // Thirteen is no month, and a priority all the same.
  if (complaint.startsWith('POST /v1/routing_rules, /priority number: 201')) return true
  // Both doors take what they do not know: a channel's and a proxy's headers, a channel's parameters.
  if (/^POST \/v1\/(channels|network)\//.test(complaint) && complaint.includes(', header ')) return true
  // Null takes a tenant's own limit away.
  if (complaint.startsWith('POST /v1/sharing_limit, /customers_max type: 200')) return true
  // And here the default.
  if (complaint.startsWith('POST /v1/customers/{id}/default, /instrument type: 200')) return true
  // What goes wrong with a page is a page too.
  if (/^(GET|POST) \/portal\//.test(complaint) && / 4\d\d is no problem: <!doctype html>/.test(complaint)) return true
  // A part of a file is bytes, whatever its headers call it.
  if (/^PUT \/v1\/(imports|card_files)\//.test(complaint) && complaint.includes(', header ')) return true
  if (complaint.startsWith('GET /return/') && complaint.includes(', unknown parameter')) return true
  const text = /\/(?:return_)?url URL (\S+?):? /.exec(complaint)?.[1] ?? ''
  const host = URL.parse(text.replace(/:$/, ''))?.hostname ?? ''
  return /(^|\.)localhost$/.test(host) || host === '[::1]' || /^127\./.test(host)
}

/** The channels' last webhooks about what was bound before are in: what is written from now on is the corpora's doing. */
async function quiet(): Promise<void> {
  let before = ''
  for (let tries = 0; tries < 30; tries += 1) {
    const now = JSON.stringify(await ground.auditor.rowCounts())
    if (now === before) return
    before = now
    await sleep(1_500)
  }
}

test('every row of the corpora is answered with a problem that names the field, and leaves nothing behind', {
  timeout: 800_000,
}, async t => {
  await quiet()
  const wrong: string[] = []
  let sent = 0
  for (const sample of samples) {
    const before = await ground.auditor.rowCounts()
    const fed = await feed({ address: ground.address, headers: { authorization: `Bearer ${sample.bearer ?? key}` }, samples: [sample] })
    sent += fed.sent
    wrong.push(...fed.wrong.filter(one => !isValidThere(one)))
    const after_ = await ground.auditor.rowCounts()
    for (const [table, count] of Object.entries(after_)) {
      if (/\.(rides|deliveries|cursors|export_parts|audit_\w+)$/.test(table)) continue
      const more = sample.writes.includes(table) ? fed.taken : 0
      if (count - (before[table] ?? 0) > more)
        wrong.push(`${sample.method} ${sample.path}: ${count - (before[table] ?? 0)} rows in ${table}, ${fed.taken} taken`)
    }
  }
  t.diagnostic(`${sent} requests, ${wrong.length} answered wrongly`)
  assert.deepEqual(
    wrong.slice(0, 40).map(one => one.slice(0, 300)),
    [],
  )
  assert.equal(wrong.length, 0)
  assert.ok(sent > 20_000, `${sent} sent`)
})

test('the vault refuses them too, and repeats none', async () => {
  const grant = z.object({ grant: z.string(), capture_url: z.string() })
  const { grant: token, capture_url } = grant.parse((await caller.call('/v1/capture_grants', { body: { captures: 1000 } })).json)
  const good = { number: '4242424242424242', expiry_month: 3, expiry_year: 2030 }
  const bodies = [
    ...nearMisses.map(number => ({ ...good, number })),
    ...cardNumbers.map(number => ({ ...good, number, holder: number })),
    ...cardNumbers.map(number => ({ ...good, security_code: number })),
    ...cardNumbers.map(number => ({ ...good, [number]: 1 })),
    ...[0, 13, 1.5, '03/30', null, [], true].map(expiry_month => ({ ...good, expiry_month })),
    ...['', '4242', 4242424242424242, null, ['4242424242424242']].map(number => ({ ...good, number })),
  ]
  for (const body of bodies) {
    const reply = await callerOf(new URL(capture_url).origin, token).call('/capture', { body })
    assert.ok(reply.status >= 400 && reply.status < 500, `${JSON.stringify(body)} ${reply.status} ${reply.text}`)
    assert.equal(reply.headers.get('content-type'), 'application/problem+json')
    // An id of ours is digits and letters, and may have nine digits in a row by chance.
    assert.doesNotMatch(reply.text.replace(/\breq_[0-9a-z]{26}\b/g, ''), /\d{9,}/)
  }
})

test('no log line and no row holds a card number of the corpora', async () => {
  const log = server.output()
  assert.ok(log.length > 1_000_000, `only ${log.length} characters of log`)
  for (const number of cardNumbers) assert.ok(!log.includes(number), number)
  assert.doesNotMatch(log, /"msg":"bug"/)
})

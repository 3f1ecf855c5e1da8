import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressLayer } from './address.ts'
import { binLayer } from './bin.ts'
import { codeLayer } from './code.ts'
import { customerLayer } from './customer.ts'
import { decide } from './decision.ts'
import { deviceLayer } from './device.ts'
import { fingerprintLayer } from './fingerprint.ts'
import { linkingLayer } from './linking.ts'
import { networkLayer } from './network.ts'
import { policyOf, weigh } from './policy.ts'
import { challengeFor, isProven, work } from './proof.ts'
import { subnetLayer } from './subnet.ts'
import { switchesOf } from './switches.ts'
import type { CountRow } from './tables.ts'
import { count, nothing, slotOf, tally } from './tally.ts'
import { tenantLayer } from './tenant.ts'
import { placesOf } from './values.ts'

const live = policyOf('live', [])
const of = (attempts: number, declines = 0, denied = 0) => ({ attempts, declines, denied })
const now = Date.UTC(2026, 2, 2, 10)

test('each layer lets an honest number through, and is passed by one more than its limit', () => {
  const customer = (hour: number, day: number, week: number) =>
    customerLayer({ customer: { hour: of(hour), day: of(day), week: of(week) } }, live).verdict
  assert.deepEqual(
    [customer(1, 1, 1), customer(2, 2, 2), customer(3, 3, 3), customer(0, 5, 5), customer(0, 12, 12), customer(0, 0, 20)],
    ['allow', 'delay', 'proof', 'step_up', 'deny', 'deny'],
  )
  const linking = (held: number | undefined) => linkingLayer({ held }, live).verdict
  assert.deepEqual(
    [linking(9), linking(10), linking(29), linking(30), linking(undefined)],
    ['allow', 'step_up', 'step_up', 'deny', 'allow'],
  )
  const device = (hour: number, declines: number) => deviceLayer({ device: { hour: of(hour), day: of(hour, declines) } }, live).verdict
  assert.deepEqual([device(4, 0), device(5, 0), device(10, 0), device(4, 10)], ['allow', 'proof', 'deny', 'deny'])
  const address = (tries: number, declines: number, denied = 0) =>
    addressLayer({ address: { tenMinutes: of(tries), hour: of(tries, declines, denied) } }, live).verdict
  assert.deepEqual([address(4, 4), address(5, 5), address(10, 1), address(100, 12)], ['allow', 'deny', 'proof', 'proof'])
  assert.equal(address(75, 30), 'deny', 'a carrier’s address at which two in five are declined')
  assert.equal(address(2, 1, 400), 'allow', 'what we refused does not keep a shared address closed')
  const subnet = (tries: number, declines: number) =>
    subnetLayer({ subnet: { tenMinutes: of(tries), hour: of(tries, declines) } }, live).verdict
  assert.deepEqual([subnet(20, 14), subnet(20, 15), subnet(60, 5)], ['allow', 'deny', 'proof'])
  const tenant = (tries: number, declines: number, address?: 'told') =>
    tenantLayer({ tenant: of(tries, declines), address: address && { tenMinutes: nothing, hour: nothing } }, live).verdict
  assert.deepEqual([tenant(199, 90, 'told'), tenant(200, 70, 'told'), tenant(100, 25, 'told')], ['allow', 'proof', 'allow'])
  assert.equal(tenant(100, 25), 'proof', 'twice as strict where nobody tells the address')
  const network = (tenants: number, declines: number) => networkLayer({ network: { tenants, day: of(declines, declines) } }, live).verdict
  assert.deepEqual([network(2, 50), network(3, 9), network(3, 10)], ['allow', 'allow', 'deny'])
  assert.deepEqual([codeLayer({ tries: 4 }, live).verdict, codeLayer({ tries: 5 }, live).verdict], ['allow', 'deny'])
})

test('an issuer’s range is closed by its declines, never by how many people have its cards', () => {
  const bin = (hour: Parameters<typeof of>, day: Parameters<typeof of>, week: Parameters<typeof of>) =>
    binLayer({ bin: { hour: of(...hour), day: of(...day), week: of(...week) } }, live).verdict
  assert.equal(bin([900, 90], [9_000, 900], [63_000, 6_300]), 'allow', 'a tenth declined is nothing unusual, of however many')
  assert.equal(bin([8, 8], [8, 8], [8, 8]), 'proof')
  assert.equal(bin([12, 12], [12, 12], [12, 12]), 'deny')
  assert.equal(bin([1, 1], [25, 20], [25, 20]), 'deny', 'slowly over a day')
  assert.equal(bin([0, 0], [900, 240], [1_000, 250]), 'deny', 'as many as would tell five live numbers')
  assert.equal(bin([0, 0], [5, 5], [32, 30]), 'deny', 'slowly over a week')
  assert.equal(bin([1, 0, 80], [40, 19, 900], [300, 29, 900]), 'allow', 'what we refused does not keep it closed')
  assert.equal(bin([400, 20], [500, 30], [900, 60]), 'proof', 'many times its usual hour')
})

test('of a number the vault says allow or deny; nearly denied is asked about by its issuer', () => {
  const seen = (number: 'allow' | 'deny', tries: 'few' | 'many', neighbours: 'allow' | 'deny' = 'allow') =>
    fingerprintLayer({ seen: { number: { verdict: number, tries }, neighbours: { verdict: neighbours } } }, live).verdict
  assert.deepEqual(
    [seen('allow', 'few'), seen('allow', 'many'), seen('deny', 'many'), seen('allow', 'few', 'deny')],
    ['allow', 'step_up', 'deny', 'deny'],
  )
})

test('what is not told makes a layer abstain', () => {
  const layers = [
    deviceLayer({ device: undefined }, live),
    addressLayer({ address: undefined }, live),
    subnetLayer({ subnet: undefined }, live),
    binLayer({ bin: undefined }, live),
    networkLayer({ network: undefined }, live),
    fingerprintLayer({ seen: undefined }, live),
  ]
  assert.deepEqual(decide(layers), { verdict: 'allow', findings: [] })
})

test('the strictest finding decides, and says what it counted', () => {
  const findings = [codeLayer({ tries: 5 }, live), customerLayer({ customer: { hour: of(3), day: of(3), week: of(3) } }, live)]
  const decision = decide(findings)
  assert.equal(decision.verdict, 'deny')
  assert.deepEqual(decision.findings[0]?.reasons, [{ what: 'typed codes', counted: 5, limit: 5 }])
})

const row = (slot: number, attempts: number): CountRow => ({
  value: 'customer:cus_1',
  slot,
  tenant: 'ten_1',
  mode: 'live',
  attempts,
  declines: 0,
  denied: 0,
  due_at: null,
  clock: null,
  version: 1,
})

test('a window is never shorter than it says, and too long by one sub-window at most', () => {
  const minute = 60_000
  for (const agoMinutes of [0, 30, 59, 60]) {
    const at = now - agoMinutes * minute
    assert.equal(tally('customer', [row(slotOf('customer', at), 1)], now, 60 * minute).attempts, 1, `${agoMinutes} minutes ago`)
  }
  assert.equal(tally('customer', [row(slotOf('customer', now - 71 * minute), 1)], now, 60 * minute).attempts, 0)
})

test('what is left of a window bounds the present sub-window', () => {
  const hourAgo = slotOf('customer', now - 50 * 60_000)
  const write = count({ tenant: 'ten_1', mode: 'live' }, 'customer:cus_1', { attempts: 1 }, now, {
    rows: [row(hourAgo, 3), row(slotOf('customer', now), 4)],
    limits: [{ max: 8, windowMs: 24 * 3_600_000 }],
  })
  assert.deepEqual(write.bounds, { attempts: { max: 5n } })
})

test('a limit may be loosened with a reason, and not without end', () => {
  assert.deepEqual(weigh('customer', { proof_per_hour: 10 }, false, 'live'), { faults: [], needsReason: false })
  assert.equal(weigh('customer', { proof_per_hour: 11 }, false, 'live').needsReason, true)
  assert.equal(weigh('customer', {}, true, 'live').needsReason, true)
  assert.equal(weigh('customer', { proof_per_hour: 101 }, false, 'live').faults.length, 1)
  assert.equal(weigh('customer', { nonsense: 1 }, false, 'live').faults.length, 1)
  assert.equal(weigh('nonsense', {}, false, 'live').faults.length, 1)
})

test('a proof of work is good for what it names, until it lapses', async () => {
  let at = now
  const world = { now: () => at, settings: { ...settings, safeguards: { workBits: 8 } } }
  const proof = work(challengeFor(world, 'ten_1 cus_1 cap_1'))
  assert.equal(await isProven(world, 'ten_1 cus_1 cap_1', proof, null), true)
  assert.equal(await isProven(world, 'ten_1 cus_1 cap_2', proof, null), false)
  assert.equal(await isProven(world, 'ten_1 cus_1 cap_1', `${proof}0`, null), false)
  assert.equal(await isProven(world, 'ten_1 cus_1 cap_1', proof.replace('work.8.', 'work.1.'), null), false)
  assert.equal(await isProven(world, 'ten_1 cus_1 cap_1', 'captcha.any', null), false, 'there is no captcha here')
  at += 6 * 60_000
  assert.equal(await isProven(world, 'ten_1 cus_1 cap_1', proof, null), false)
})
const settings = {
  publicUrl: '',
  captureUrl: '',
  channelTimeoutMs: 0,
  route: [],
  idempotencyKey: Buffer.alloc(32, 1),
  grantKey: Buffer.alloc(32, 2),
  allowLoopback: false,
}

test('a household is one address, whichever way it is written', () => {
  assert.deepEqual(placesOf('198.51.100.7'), placesOf('::ffff:198.51.100.7'))
  assert.equal(placesOf('2001:db8:1:2::1')?.address, placesOf('2001:db8:1:2:ffff::9')?.address)
  assert.notEqual(placesOf('2001:db8:1:2::1')?.address, placesOf('2001:db8:1:3::1')?.address)
  assert.equal(placesOf('2001:db8:1:2::1')?.subnet, placesOf('2001:db8:1:3::1')?.subnet)
  assert.equal(placesOf('nowhere'), undefined)
})

test('a switch of the deployment’s holds for everybody, a tenant’s own for it alone', () => {
  const thrown = (tenant: string, kind: 'bin' | 'channel', value: string) =>
    ({ state: 'on', kind, value, tenant, mode: 'live', reason: '', set_by: '', set_at: now, version: 1 }) as const
  const switches = switchesOf([thrown('*', 'bin', '411111'), thrown('ten_1', 'channel', 'stripe')])
  const off = (tenant: string, kind: 'bin' | 'channel', value: string) => switches.off({ tenant, mode: 'live' }, kind, value) !== undefined
  assert.deepEqual([off('ten_2', 'bin', '41111199'), off('ten_2', 'bin', '42111199')], [true, false])
  assert.deepEqual(
    [off('ten_1', 'channel', 'stripe'), off('ten_2', 'channel', 'stripe'), off('ten_1', 'channel', 'adyen')],
    [true, false, false],
  )
  assert.equal(switches.off({ tenant: 'ten_1', mode: 'test' }, 'channel', 'stripe'), undefined)
})

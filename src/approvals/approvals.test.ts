/** Four eyes over HTTP and PostgreSQL: what one person cannot do alone, by whatever way they try. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from 'pg'
import { z } from 'zod'
import { createKey, createTenant } from '../http/auth.ts'
import { endpoint, nothing } from '../http/endpoint.ts'
import type { Role } from '../http/role.ts'
import { createServer } from '../http/serve.ts'
import { approvals } from '../http/tables.ts'
import { trialTables, trialWorldOver } from '../http/trial.seam.ts'
import { keyEndpoints } from '../keys/api.ts'
import { safeguardEndpoints } from '../safeguards/api.ts'
import { limits } from '../safeguards/limits.ts'
import { switchEndpoints } from '../safeguards/switchApi.ts'
import { killSwitches, safeguardChanges, safeguardPolicies } from '../safeguards/tables.ts'
import { asRole, roles } from '../world/migrate.ts'
import { createPostgresStore } from '../world/postgres.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import { createTenantReader } from '../world/tenant-reader.ts'
import { testDatabase } from '../world/testing.ts'
import { approvalEndpoints } from './api.ts'

const safeguards = [killSwitches, safeguardChanges, safeguardPolicies]
const tables = [...trialTables.filter(table => table.name !== 'things'), approvals, ...safeguards]
const database = await testDatabase({ extraSql: [rideFunctionSql('bindery', tables).sql] })
const inSchema = { ...asRole(database.connection, roles.reader), options: `-c role=${roles.reader} -c search_path=bindery` }
const pool = new Pool({ ...inSchema, max: 2 })
const world = trialWorldOver(createPostgresStore({ connection: asRole(database.connection, roles.rider), schema: 'bindery', tables }))
const done: string[] = []
const release = endpoint({
  ...{ method: 'POST', path: '/v1/gates/{id}/open', name: 'openGate', summary: 'Open a gate', tag: 'Gates' },
  ...{ auth: 'secret', action: 'sweeps.release', fourEyes: true, query: nothing },
  params: z.strictObject({ id: z.string() }),
  body: z.strictObject({ width: z.int().optional(), reason: z.string().optional() }),
  answers: { 200: { description: 'Open.' } },
  handle: async (_context, { params, body }) => {
    done.push(`${params.id} ${body.width ?? 0}`)
    return { status: 200, body: { opened: params.id } }
  },
})
const server = createServer({
  world,
  endpoints: [release, ...approvalEndpoints(createTenantReader(pool)), ...keyEndpoints, ...switchEndpoints, ...safeguardEndpoints],
  log: world.log,
})
await server.listen(0)
after(async () => {
  await server.close()
  await Promise.all([world.store.close(), pool.end()])
  await database.close()
})

const tenant = await createTenant(world, { name: 'Shop' })
type Of = { readonly person?: string; readonly role?: Role; readonly mode?: 'test' | 'live'; readonly tenant?: string }
async function someone({ mode = 'live', ...of }: Of = {}) {
  const { key } = await createKey(world, { tenant, kind: 'secret', mode, ...of })
  return async (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const init = { method, ...sent, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers } }
    const response = await fetch(server.address() + path, init)
    const json: Record<string, unknown> = z.record(z.string(), z.unknown()).parse(await response.json())
    return { status: response.status, code: json.code, json, approval: String(json.approval) }
  }
}
type Someone = Awaited<ReturnType<typeof someone>>
const ann = await someone({ person: 'ann@shop.example' })
const bob = await someone({ person: 'bob@shop.example', role: 'operator' })
let gates = 0
const gate = (): string => {
  gates += 1
  return `/v1/gates/g${gates}/open`
}
const ask = async (by: Someone, path: string, body: unknown = { width: 3 }): Promise<string> => {
  const asked = await by('POST', path, body)
  assert.deepEqual([asked.status, asked.code, asked.json.approval_status], [403, 'approval_required', 'asked'])
  return asked.approval
}
const act = (by: Someone, path: string, approval: string, body: unknown = { width: 3 }) =>
  by('POST', path, body, { 'bindery-approval': approval })
const approve = (by: Someone, approval: string, word = 'approve') => by('POST', `/v1/approvals/${approval}/${word}`)

test('one asks, another approves, and the act is done once', async () => {
  const path = gate()
  const approval = await ask(ann, path)
  assert.equal(await ask(ann, path), approval, 'asking again is no second request')
  assert.deepEqual((await act(ann, path, approval)).code, 'approval_required', 'not yet')
  const seen = (await bob('GET', `/v1/approvals/${approval}`)).json
  assert.deepEqual([seen.act, seen.url, seen.body, seen.asked_by], ['openGate', path, { width: 3 }, 'ann@shop.example'])
  assert.equal((await approve(bob, approval)).json.status, 'approved')
  const before = done.length
  assert.equal((await act(ann, path, approval)).status, 200)
  assert.equal(done.length, before + 1)
  const again = await act(ann, path, approval)
  assert.deepEqual([again.status, again.json.approval_status, done.length], [403, 'used', before + 1])
  const told = (await bob('GET', `/v1/approvals/${approval}`)).json
  assert.deepEqual([told.status, told.decided_by, typeof told.used_at], ['used', 'bob@shop.example', 'string'])
})

test('nobody approves what they asked for: not with another key, nor with their name written otherwise', async () => {
  const approval = await ask(ann, gate())
  const other = await someone({ person: ' Ann@Shop.example ' })
  for (const self of [ann, other])
    assert.deepEqual([(await approve(self, approval)).status, (await approve(self, approval, 'deny')).status], [403, 403])
  const nobody = await someone()
  assert.equal((await approve(nobody, approval)).status, 403, 'a key that names nobody')
  const looker = await someone({ person: 'cy', role: 'auditor' })
  assert.deepEqual([(await approve(looker, approval)).json.permission], ['approvals.decide'])
  const row = await world.store.get(approvals, { tenant, id: approval })
  assert.equal(row?.status, 'asked')
  assert.equal((await nobody('POST', gate(), {})).code, 'forbidden', 'nor does nobody ask')
})

test('what is done is what was approved: another body, address or person is refused, a reordered body is not', async () => {
  const path = gate()
  const approval = await ask(ann, path, { width: 3, reason: 'x' })
  await approve(bob, approval)
  const before = done.length
  for (const [by, at, body] of [
    [ann, path, { width: 300, reason: 'x' }],
    [ann, path, { width: 3 }],
    [ann, gate(), { width: 3, reason: 'x' }],
    [bob, path, { width: 3, reason: 'x' }],
  ] as const)
    assert.deepEqual((await act(by, at, approval, body)).code, 'approval_required')
  assert.equal(done.length, before)
  assert.equal((await act(ann, path, approval, { reason: 'x', width: 3 })).status, 200)
})

test('an approval is of one tenant and mode', async () => {
  const path = gate()
  const approval = await ask(ann, path)
  const elsewhere = await createTenant(world, { name: 'Other' })
  for (const stranger of [
    await someone({ person: 'bob@shop.example', tenant: elsewhere }),
    await someone({ person: 'bob@shop.example', mode: 'test' }),
  ]) {
    assert.equal((await approve(stranger, approval)).status, 404)
    const listed = JSON.stringify((await stranger('GET', '/v1/approvals')).json)
    assert.ok(!listed.includes(approval))
  }
  assert.ok(JSON.stringify((await bob('GET', '/v1/approvals?limit=100')).json).includes(approval))
})

test('what is not decided, or not used, within half an hour is void; what is denied stays denied', async () => {
  const [late, unused, denied] = [gate(), gate(), gate()]
  const ids = [await ask(ann, late), await ask(ann, unused), await ask(ann, denied)] as const
  await approve(bob, ids[1])
  assert.equal((await approve(bob, ids[2], 'deny')).json.status, 'denied')
  assert.deepEqual([(await approve(bob, ids[2])).status, (await act(ann, denied, ids[2])).status], [410, 403])
  world.advance(30 * 60_000)
  assert.equal((await approve(bob, ids[0])).status, 410)
  assert.equal((await bob('GET', `/v1/approvals/${ids[0]}`)).json.status, 'lapsed')
  assert.equal((await act(ann, unused, ids[1])).code, 'approval_required')
  assert.notEqual(await ask(ann, late), ids[0], 'a new request may be made')
})

test('many at once: one decision stands, and one act is done', async () => {
  const cy = await someone({ person: 'cy@shop.example' })
  for (let round = 0; round < 10; round += 1) {
    const path = gate()
    const approval = await ask(ann, path)
    const words = await Promise.all([bob, cy, bob, cy].map((by, at) => approve(by, approval, at % 2 === 0 ? 'approve' : 'deny')))
    assert.equal(words.filter(one => one.status === 200).length, 1)
    if (words.some(one => one.json.status === 'denied')) continue
    const before = done.length
    const acts = await Promise.all(Array.from({ length: 12 }, () => act(ann, path, approval)))
    assert.deepEqual([acts.filter(one => one.status === 200).length, done.length - before], [1, 1])
  }
})

test('with an Idempotency-Key the refusal is not kept, and the answer is', async () => {
  const path = gate()
  const key = { 'idempotency-key': 'gate-1' }
  const approval = (await ann('POST', path, {}, key)).approval
  await approve(bob, approval)
  const before = done.length
  const first = await ann('POST', path, {}, { ...key, 'bindery-approval': approval })
  const again = await ann('POST', path, {}, { ...key, 'bindery-approval': approval })
  assert.deepEqual([first.status, again.status, again.json.opened, done.length - before], [200, 200, first.json.opened, 1])
})

test('a person makes no second person for themselves: a new key takes two, and test mode does not ask', async () => {
  const wish = { role: 'operator', person: 'dee@shop.example' }
  assert.equal((await ann('POST', '/v1/api_keys', wish)).code, 'approval_required')
  const tester = await someone({ mode: 'test' })
  const made = await tester('POST', '/v1/api_keys', wish)
  assert.deepEqual([made.status, made.json.role, made.json.person, made.json.livemode], [201, 'operator', 'dee@shop.example', false])
  assert.equal((await tester('GET', '/v1/api_keys')).json.object, 'list')
  assert.equal((await bob('DELETE', `/v1/api_keys/${String(made.json.id)}`)).json.permission, 'keys.write')
  assert.equal((await ann('DELETE', `/v1/api_keys/${String(made.json.id)}`)).status, 404, 'the other mode’s')
  assert.equal(typeof (await tester('DELETE', `/v1/api_keys/${String(made.json.id)}`)).json.revoked_at, 'string')
})

test('one person switches off and tightens; on again, and looser, takes two', async () => {
  const thrown = (off: boolean) => ({ kind: 'bin', value: '42424242', off, reason: 'card testing' })
  assert.equal((await ann('POST', '/v1/kill_switches', thrown(true))).status, 200)
  assert.equal((await ann('POST', '/v1/kill_switches', thrown(false))).code, 'approval_required')
  const listed = async () => z.array(z.unknown()).parse((await ann('GET', '/v1/kill_switches')).json.data).length
  assert.equal(await listed(), 1)
  const approval = await ask(ann, '/v1/kill_switches', thrown(false))
  assert.equal((await bob('POST', `/v1/approvals/${approval}/approve`, {})).status, 200)
  assert.equal((await ann('POST', '/v1/kill_switches', thrown(false), { 'bindery-approval': approval })).status, 200)
  assert.equal(await listed(), 0)
  const [least, free] = [limits.bin.deny_declines_per_day.least, limits.bin.deny_declines_per_day.free]
  assert.equal((await ann('POST', '/v1/safeguards/bin', { limits: { deny_declines_per_day: least } })).status, 200)
  assert.equal((await ann('POST', '/v1/safeguards/bin', { limits: { deny_declines_per_day: free } })).status, 200)
  const looser = { limits: { deny_declines_per_day: free + 1 }, reason: 'a campaign' }
  assert.equal((await ann('POST', '/v1/safeguards/bin', looser)).code, 'approval_required')
  assert.equal((await ann('POST', '/v1/safeguards/bin', { limits: {}, off: true, reason: 'in the way' })).code, 'approval_required')
})

test('a person may have twenty requests wait, and what lapsed waits no more', async () => {
  const eve = await someone({ person: 'eve@shop.example' })
  for (let asked = 0; asked < 20; asked += 1) await ask(eve, gate())
  const last = gate()
  assert.equal((await eve('POST', last, {})).status, 429)
  await ask(bob, gate())
  world.advance(30 * 60_000)
  await ask(eve, last)
  const waiting = await world.store.find(approvals, { tenant, asked_by: 'eve@shop.example', status: 'asked' })
  assert.equal(waiting.length, 1)
})

test('the database itself refuses a decision by whoever asked', async () => {
  const approval = await ask(ann, gate())
  const owner = new Pool({ ...database.connection, max: 1 })
  const forge = (by: string) =>
    owner.query(
      `update bindery.approvals set status = 'approved', decided_by = $2, decided_key = 'key_other', decided_at = now() where id = $1`,
      [approval, by],
    )
  await assert.rejects(forge('ann@shop.example'), /approvals_two_persons/)
  await owner.end()
})

/** Roots that are somewhere else: the transit API over real HTTP, and a PKCS#11 token (SoftHSM2 where it is installed). */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createMemoryStore } from '../world/memory.ts'
import { createKeyring, WrongRoot } from './keys.ts'
import { createOutgoing } from './outgoing.ts'
import type { Root } from './root.ts'
import { pkcs11Root } from './root-pkcs11.ts'
import { openRoots, readRootFile } from './root-settings.ts'
import { RootAway, transitRoot } from './root-transit.ts'
import { SealBroken } from './seal.ts'
import { keys, vaultTables } from './tables.ts'
import { createTransitSimulator } from './transit-simulator.ts'

const now = () => Date.UTC(2026, 10, 25)
const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'root-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function keyStore(t: TestContext) {
  const token = 's.test-token'
  const simulator = createTransitSimulator({ random: randomBytes, token })
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const { method = '', url: path = '' } = request
      const answer = simulator.handle({ method, path, token: request.headers['x-vault-token']?.toString(), body })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const bound = server.address()
  const outgoing = createOutgoing((ms, act) => {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  })
  t.after(() => outgoing.close())
  const folder = folderOf(t)
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, `${token}\n`)
  const address = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  const operate = (path: string, body: object = {}, method = 'POST') =>
    simulator.handle({ method, path: `/v1/transit/keys/${path}`, token, body: JSON.stringify(body) })
  const settings = { address, mount: 'transit', key: 'bindery', tokenFile }
  return { simulator, settings, operate, send: outgoing.send, open: () => transitRoot(settings, outgoing.send), folder }
}

/** What every root must do. */
async function isRoot(root: Root, again: Root): Promise<void> {
  assert.equal(root.name, again.name)
  const [key, context, other] = [randomBytes(32), Buffer.from('pan|*|1'), Buffer.from('secret|*|1')]
  const wrapped = await root.wrap(context, key)
  assert.ok(!wrapped.includes(key) && wrapped.length <= 2048)
  assert.notDeepEqual(await root.wrap(context, key), wrapped)
  assert.deepEqual(await again.unwrap(context, wrapped), key)
  await assert.rejects(root.unwrap(other, wrapped), SealBroken, 'what was wrapped for one key does not open as another')
  const changed = Buffer.from(wrapped)
  changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) === 0x41 ? 0x42 : 0x41
  await assert.rejects(root.unwrap(context, changed), SealBroken)
  const store = createMemoryStore(vaultTables)
  const made = await createKeyring({ store, random: randomBytes, now, root }).current('pan', 'ten_1')
  const found = await createKeyring({ store, random: randomBytes, now, root: again }).current('pan', 'ten_1')
  assert.ok(made.key.equals(found.key))
  assert.equal((await store.get(keys, { purpose: 'pan', scope: '*', key_version: 1 }))?.root, root.name)
}

test('transit: a derived key wraps and opens, and its rotation over there is followed', async t => {
  const { open, operate } = await keyStore(t)
  operate('bindery', { derived: true })
  const root = await open()
  await isRoot(root, await open())
  const [key, context] = [randomBytes(32), Buffer.from('pan|*|1')]
  const before = await root.wrap(context, key)
  assert.equal(await root.renewed?.(context, before), undefined)
  operate('bindery/rotate')
  const after = await root.renewed?.(context, before)
  if (after === undefined) assert.fail('it should be wrapped by the newest version')
  assert.match(after.toString(), /^vault:v2:/)
  operate('bindery/config', { min_decryption_version: 2 })
  assert.deepEqual(await root.unwrap(context, after), key)
  await assert.rejects(root.unwrap(context, before), SealBroken)
})

test('transit: what a keyring holds is renewed, by a process that never sees the keys', async t => {
  const { open, operate } = await keyStore(t)
  operate('bindery', { derived: true })
  const root = await open()
  const store = createMemoryStore(vaultTables)
  const keyring = createKeyring({ store, random: randomBytes, now, root })
  await Promise.all([keyring.current('pan', 'ten_1'), keyring.current('secret', 'ten_1')])
  assert.equal(await keyring.renew(), 0)
  operate('bindery/rotate')
  assert.equal(await keyring.renew(), 2)
  assert.equal(await keyring.renew(), 0)
  await createKeyring({ store, random: randomBytes, now, root }).current('pan', 'ten_1')
})

test('transit: keys that may leave, or that are not bound to a context, are refused before anything is wrapped', async t => {
  const { open, operate } = await keyStore(t)
  await assert.rejects(open(), RootAway)
  operate('bindery', { derived: false })
  await assert.rejects(open(), /derived=true/)
  operate('bindery/config', { deletion_allowed: true })
  operate('bindery', {}, 'DELETE')
  operate('bindery', { derived: true, exportable: true })
  await assert.rejects(open(), /may be exported/)
})

test('transit: a key store that is sealed, away or refuses our token is no wrong root', async t => {
  const { open, operate, simulator, settings, send } = await keyStore(t)
  operate('bindery', { derived: true })
  const root = await open()
  const store = createMemoryStore(vaultTables)
  await createKeyring({ store, random: randomBytes, now, root }).current('pan', 'ten_1')
  simulator.seal(true)
  const later = createKeyring({ store, random: randomBytes, now, root })
  await assert.rejects(
    later.current('pan', 'ten_1'),
    (error: unknown) => error instanceof RootAway && /Vault is sealed/.test(error.message),
  )
  simulator.seal(false)
  await later.current('pan', 'ten_1')
  writeFileSync(settings.tokenFile, 's.other')
  await assert.rejects(open(), /permission denied/)
  await assert.rejects(transitRoot({ ...settings, address: 'http://127.0.0.1:9' }, send), /does not answer/)
  await assert.rejects(transitRoot({ ...settings, tokenFile: '/nowhere/token' }, send), /token file/)
})

const module = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'].find(existsSync)
const skip = module === undefined ? 'softhsm2 and opensc are not installed' : false
if (skip !== false && process.env.CI === '1') throw new Error(skip)

test('PKCS#11: a secret in a token wraps and opens, and never leaves it', { skip }, async t => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'softhsm2.conf'), `directories.tokendir = ${folder}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf')
  const run = (tool: string, ...args: string[]) => execFileSync(tool, args, { stdio: 'pipe', env: { ...process.env, TEST_PIN: '471100' } })
  run('softhsm2-util', '--init-token', '--free', '--label', 'bindery', '--pin', '471100', '--so-pin', '81500000')
  const keygen = (label: string, ...more: string[]) =>
    run(
      ...(['pkcs11-tool', '--module', module ?? '', '--token-label', 'bindery', '--login', '--pin', 'env:TEST_PIN', '--keygen'] as const),
      ...['--key-type', 'GENERIC:32', '--label', label, '--usage-sign', ...more],
    )
  keygen('root', '--sensitive')
  keygen('leaky', '--extractable')
  const pinFile = join(folder, 'pin')
  writeFileSync(pinFile, '471100\n')
  const settings = { module: module ?? '', token: 'bindery', key: 'root', pinFile }
  const open = () => pkcs11Root(settings, randomBytes)
  await isRoot(await open(), await open())
  await assert.rejects(pkcs11Root({ ...settings, key: 'none' }, randomBytes), /no secret key none/)
  await assert.rejects(pkcs11Root({ ...settings, key: 'leaky' }, randomBytes), /can be taken out/)
  await assert.rejects(pkcs11Root({ ...settings, tool: 'no-such-tool' }, randomBytes), /not installed/)
  writeFileSync(pinFile, '000000')
  await assert.rejects(open(), /does not answer/)
})

test('the root file is checked whole, and the development file is no root for production', async t => {
  const path = join(folderOf(t), 'root.json')
  const write = (value: unknown) => writeFileSync(path, JSON.stringify(value), { mode: 0o600 })
  write({ kind: 'transit', address: 'http://bao.internal:8200', key: 'b/ad' })
  assert.throws(
    () => readRootFile(path),
    (error: unknown) =>
      error instanceof Error && ['address must begin', 'key must be', 'token_file must'].every(one => error.message.includes(one)),
  )
  write({ kind: 'shares', former: { kind: 'file' } })
  assert.deepEqual(readRootFile(path), { now: { kind: 'shares' }, former: { kind: 'file' } })
  write({ kind: 'file' })
  const ports = { path, folder: folderOf(t), random: randomBytes, send: () => assert.fail('nothing is sent'), locked: () => assert.fail() }
  assert.match((await openRoots({ ...ports, production: false })).root.name, /^file:/)
  await assert.rejects(openRoots({ ...ports, production: true }), /NODE_ENV is production/)
  await assert.rejects(openRoots({ ...ports, path: undefined, production: true }), /VAULT_ROOT_FILE/)
  assert.ok(WrongRoot)
})

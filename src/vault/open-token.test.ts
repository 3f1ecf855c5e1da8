/** The capture door's side of wallets' tokens, with those of the sandbox's fake wallet; what is inside them is `device-token/`. */
import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Problem } from '../core/problem.ts'
import { createMemoryStore } from '../world/memory.ts'
import { tokenBodyBytesMax } from './capture.ts'
import { readKeys, type WalletSettings } from './device-token/keys.ts'
import { createFakeWallet } from './device-token/mint.ts'
import { createTokenOpener } from './open-token.ts'
import { createReplays } from './replays.ts'
import { keyRoot } from './root.ts'
import { readSettings, writeSettings } from './settings.ts'
import { vaultTables } from './tables.ts'
import { createVault } from './vault.ts'

const nowMs = Date.UTC(2026, 10, 24, 12)
const tap = { nowMs, random: randomBytes }
const wallet = createFakeWallet(tap)
const card = { number: '4242424242424242', expiryMonth: 3, expiryYear: 2030 }
const grant = { tenant: 'ten_1', mode: 'test' } as const
const store = createMemoryStore(vaultTables)
const root = keyRoot('file', createSecretKey(randomBytes(32)), randomBytes)

/** A vault over the same tables each time: a new one is what it is after a restart. */
function vaultWith(settings: WalletSettings = wallet.settings, clock = { now: nowMs }) {
  const now = () => clock.now
  const openToken = createTokenOpener(readKeys(settings), createReplays({ store, now }))
  const ports = { now, random: randomBytes, store, root, origins: new Set<string>(), allowLoopback: false, openToken }
  return createVault({ ...ports, send: () => assert.fail('nothing is sent') })
}

const bodyOf = (name: string, token: Buffer): Buffer => Buffer.from(`{ "${name}": ${token.toString()} }\n`)

async function refused(vault: ReturnType<typeof vaultWith>, body: Buffer): Promise<Problem> {
  const error = await vault.capture(grant, body).catch((reason: unknown) => reason)
  assert.ok(error instanceof Problem, String(error))
  return error
}

for (const name of ['apple_pay', 'google_pay'] as const) {
  const mint = (): Buffer => (name === 'apple_pay' ? wallet.apple(card, tap) : wallet.google(card, tap))

  test(`${name}: a token is captured, and its own card is never shown`, async () => {
    const body = bodyOf(name, mint())
    assert.ok(body.length < tokenBodyBytesMax / 2, `${body.length} bytes`)
    const vault = vaultWith()
    const { reference } = await vault.capture(grant, body)
    const captured = await vault.peek({ ...grant, reference })
    assert.ok(captured?.kind === 'device_token')
    assert.deepEqual([captured.wallet, captured.cryptogram, captured.eci, captured.card.last4], [name, true, '05', '4242'])
    assert.equal(JSON.stringify(captured).includes(card.number), false)
  })

  test(`${name}: a token is captured once, whatever restarts in between`, async () => {
    const token = mint()
    await vaultWith().capture(grant, bodyOf(name, token))
    const problem = await refused(vaultWith(), bodyOf(name, token))
    assert.deepEqual([problem.code, problem.errors[0]?.pointer], ['unprocessable', `/${name}`])
    assert.match(problem.detail, /once/)
  })

  test(`${name}: what is forged, stale, foreign or without keys is refused in words, and quotes nothing`, async () => {
    const token = mint()
    const forged = Buffer.from(token.toString().replace(/"signature":"(.)/, (_, first) => `"signature":"${first === 'M' ? 'N' : 'M'}`))
    const late = vaultWith(wallet.settings, { now: nowMs + 3_600_000 })
    const stranger = vaultWith(createFakeWallet(tap).settings)
    for (const [vault, body] of [
      [vaultWith(), bodyOf(name, forged)],
      [late, bodyOf(name, token)],
      [stranger, bodyOf(name, token)],
      [vaultWith({}), bodyOf(name, token)],
      [vaultWith(), bodyOf(name, Buffer.from('{}'))],
    ] as const) {
      const problem = await refused(vault, body)
      assert.equal(problem.errors[0]?.pointer, `/${name}`)
      assert.equal(problem.detail.includes(token.toString().slice(20, 40)), false)
    }
    await vaultWith().capture(grant, bodyOf(name, token))
  })
}

test('google_pay: a card of the account is a card', async () => {
  const vault = vaultWith()
  const { reference } = await vault.capture(grant, bodyOf('google_pay', wallet.google(card, tap, 'PAN_ONLY')))
  assert.equal((await vault.peek({ ...grant, reference }))?.kind, 'card')
})

test('the keys travel to the vault’s process with its other settings', () => {
  const settings = {
    ...{ socketPath: '/tmp/x.sock', linkKey: randomBytes(32), grantKey: randomBytes(32), captureHost: '127.0.0.1', capturePort: 0 },
    ...{ database: { host: '/tmp' }, dataFolder: '/tmp', origins: [], allowLoopback: true, publicUrl: 'https://pay.example' },
  }
  assert.deepEqual(readSettings(writeSettings({ ...settings, wallets: wallet.settings })).wallets, wallet.settings)
  assert.equal(readSettings(writeSettings(settings)).wallets, undefined)
  assert.throws(() => readSettings({ ...writeSettings(settings), VAULT_WALLETS: '{"apple":{"roots":[]}}' }), /VAULT_WALLETS/)
})

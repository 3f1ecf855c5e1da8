/** The vault as it runs: its own process, on PostgreSQL, under its own role. */
import assert from 'node:assert/strict'
import { execFileSync, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createSecureServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { createCertificate } from '../channels/certificate.ts'
import { NoAnswer } from '../channels/channel.ts'
import { newKeyPair } from '../world/keypair.ts'
import { asRole, roles } from '../world/migrate.ts'
import { isAlive } from '../world/processes.ts'
import { rideFunctionSql } from '../world/ride-sql.ts'
import type { AnyTable } from '../world/table.ts'
import { testDatabase } from '../world/testing.ts'
import { createFakeWallet } from './device-token/mint.ts'
import { adoption, capture, channel, clientOf, database, number, ownSettings, settingsFor } from './process.seam.ts'
import { developmentKeyFile, developmentRoot } from './root-file.ts'
import { writeSettings } from './settings.ts'
import { keepVault, startVault } from './start.ts'
import { vaultTables } from './tables.ts'

function identity(commonName: string, serial: number): { readonly certificate: string; readonly key: string } {
  const keyPair = newKeyPair('ec-p256')
  const validity = { notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2126, 0, 1) }
  const { pem } = createCertificate({ keyPair, commonName, serial, ...validity, hosts: ['127.0.0.1'] })
  return { certificate: pem, key: keyPair.privateKey }
}

test('a card goes in by HTTP, is sealed in PostgreSQL, reaches the channel, and survives a kill -9 of the vault', async t => {
  const { origin, received } = await channel(t)
  const settings = await settingsFor(t, [origin])
  const first = await startVault(settings)
  t.after(() => first.process.kill('SIGKILL'))
  const link = clientOf(settings)
  t.after(() => link.close())
  assert.equal(statSync(settings.socketPath).mode & 0o777, 0o600)
  assert.equal(statSync(join(settings.dataFolder, developmentKeyFile)).mode & 0o777, 0o600)
  const reference = await capture(settings, first.captureUrl)
  const input = adoption(reference, 'ins_kill')
  const adopted = await link.adopt(input)
  if (adopted?.kind !== 'card') assert.fail('a card was expected')
  assert.equal(adopted.card.last4, '4242')
  const sealed = await link.seal({ tenant: 'ten_1', owner: 'whe_1', field: 'secret', text: 'hush' })
  const request = {
    method: 'POST',
    url: `${origin}/cards`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'n={{card.number}}&m={{card.expiryMonth}}',
    placeholders: true,
  } as const
  const { reference: _, ...owner } = input
  const answer = await link.forward({ ...owner, timeoutMs: 2000, request })
  assert.deepEqual(received, [`n=${number}&m=12`])
  assert.equal(answer.body.includes(number), false)
  assert.ok(answer.body.includes('pm_1') && answer.body.includes('************4242'))
  first.process.kill('SIGKILL')
  await first.ended
  const second = await startVault(settings)
  t.after(() => second.stop())
  assert.deepEqual(await link.adopt(input), { ...adopted, card: { ...adopted.card, securityCode: false } })
  assert.equal(await link.adopt({ ...input, instrument: 'ins_other' }), undefined)
  assert.equal(await link.open({ tenant: 'ten_1', owner: 'whe_1', field: 'secret', sealed }), 'hush')
  await link.forward({ ...owner, timeoutMs: 2000, request })
  assert.equal(received[1], received[0])
  link.close()
  await second.stop()
  assert.equal(existsSync(settings.socketPath), false)
  assert.equal(second.process.exitCode, 0)
})

test('the vault outlives Ctrl-C, and ends when its parent does', async t => {
  const settings = await settingsFor(t)
  const vault = await startVault(settings)
  t.after(() => vault.process.kill('SIGKILL'))
  vault.process.kill('SIGINT')
  await sleep(200)
  assert.equal(isAlive(vault.process.pid ?? 0), true)
  vault.process.disconnect()
  assert.match(await vault.ended, /ended \(0\)/)
  assert.equal(isAlive(vault.process.pid ?? 0), false)
})

test('in production the development key refuses, in words', async t => {
  const settings = await settingsFor(t)
  const child = fork(fileURLToPath(new URL('serve.ts', import.meta.url)), {
    env: { ...writeSettings(settings), NODE_ENV: 'production', PATH: process.env.PATH },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr?.on('data', chunk => {
    said += String(chunk)
  })
  await once(child, 'exit')
  assert.equal(child.exitCode, 1)
  assert.match(said, /NODE_ENV is production|core file/)
  assert.equal(existsSync(join(settings.dataFolder, developmentKeyFile)), false)
})

test('the development key is made once, kept private, and noticed when damaged', t => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-root-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const input = { folder, production: false, random: randomBytes }
  assert.equal(developmentRoot(input).name, developmentRoot(input).name)
  assert.throws(() => developmentRoot({ ...input, production: true }), /NODE_ENV is production/)
  chmodSync(join(folder, developmentKeyFile), 0o644)
  assert.throws(() => developmentRoot(input), /chmod 600/)
})

test('the declared tables are what the database has', async () => {
  const { connection } = await database()
  const client = new Client(connection)
  await client.connect()
  try {
    const declaredTables: readonly AnyTable[] = vaultTables
    for (const table of declaredTables) {
      const columns = await client.query<{ line: string }>(
        `select column_name || ' ' || data_type || ' ' || is_nullable as line
           from information_schema.columns
          where table_schema = 'vault'
            and table_name = $1
          order by ordinal_position`,
        [table.name],
      )
      const types = {
        text: 'text',
        int: 'integer',
        big: 'bigint',
        time: 'timestamp with time zone',
        bool: 'boolean',
        json: 'jsonb',
        bytes: 'bytea',
      }
      const declared = Object.entries(table.columns).map(
        ([name, column]) => `${name} ${types[column.type]} ${column.nullable ? 'YES' : 'NO'}`,
      )
      assert.deepEqual(
        columns.rows.map(row => row.line),
        declared,
      )
      const constraints = await client.query<{ conname: string }>(
        `select conname
           from pg_constraint
          where conrelid = ('vault.' || $1)::regclass
            and contype in ('p', 'u', 'c')
          order by conname`,
        [table.name],
      )
      const names = [`${table.name}_pkey`, ...Object.keys(table.unique), ...Object.keys(table.checks)].toSorted()
      assert.deepEqual(
        constraints.rows.map(row => row.conname),
        names,
      )
    }
  } finally {
    await client.end()
  }
})

test('a payer and a wallet’s token go in by HTTP, are sealed in PostgreSQL and reach the channel; the database shows nothing of them', async t => {
  const { origin, received } = await channel(t)
  const own = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
  t.after(() => own.close())
  const tap = { nowMs: Date.now(), random: randomBytes }
  const wallet = createFakeWallet(tap)
  const settings = { ...(await settingsFor(t, [origin])), database: { ...asRole(own.connection, roles.vault) }, wallets: wallet.settings }
  const started = await startVault(settings)
  t.after(() => started.stop())
  const link = clientOf(settings)
  t.after(() => link.close())
  const iban = 'DE89370400440532013000'
  const payer = { kind: 'bank_account', scheme: 'sepa_debit', country: 'DE', iban, name: 'Zoë Doe' }
  const token = wallet.apple({ number, expiryMonth: 3, expiryYear: 2040 }, tap).toString()
  const first = await link.adopt(adoption(await capture(settings, started.captureUrl, JSON.stringify({ payer })), 'ins_payer'))
  const wordless = { payer: { kind: 'wallet', scheme: 'paypal', country: 'US', email: 'zoe@shop.example' } }
  const second = await link.adopt(adoption(await capture(settings, started.captureUrl, JSON.stringify(wordless)), 'ins_wallet'))
  const third = await link.adopt(adoption(await capture(settings, started.captureUrl, `{"apple_pay":${token}}`), 'ins_token'))
  assert.deepEqual([first?.kind, second?.kind, second?.fingerprint, third?.kind], ['bank_account', 'wallet', undefined, 'device_token'])
  await assert.rejects(capture(settings, started.captureUrl, `{"apple_pay":${token}}`), /handed in before/)
  const headers = { 'content-type': 'application/json' }
  const sent = { tenant: 'ten_1', mode: 'test', instrumentVersion: 1, operation: 'opn_1', timeoutMs: 2000 } as const
  const request = { method: 'POST', url: `${origin}/mandates`, headers, placeholders: true } as const
  const answer = await link.forward({ ...sent, instrument: 'ins_payer', request: { ...request, body: '{"iban":"{{payer.iban}}"}' } })
  assert.ok(answer.body.includes('3000') && !answer.body.includes(iban))
  await link.forward({
    ...sent,
    instrument: 'ins_token',
    request: { ...request, body: '{"n":"{{card.number}}","c":"{{card.cryptogram}}"}' },
  })
  assert.equal(received[0], `{"iban":"${iban}"}`)
  assert.match(received[1] ?? '', /^{"n":"4242424242424242","c":"[A-Za-z0-9+/]{27}="}$/)
  const client = new Client(own.connection)
  await client.connect()
  try {
    const { rows } = await client.query<{ row: string }>(
      'select r::text as row from vault.records r union all select t::text from vault.opened_tokens t',
    )
    assert.equal(rows.length, 4)
    for (const { row } of rows) for (const secret of [iban, 'Zo', 'zoe@shop', number]) assert.equal(row.includes(secret), false, row)
    for (const broken of ["kind = 'wallet'", 'brand = null', "tail = 'x'", "field = 'payer'"]) {
      const change = client.query(`update vault.records set ${broken} where instrument = 'ins_token'`)
      await assert.rejects(change, /violates check constraint/, broken)
    }
  } finally {
    await client.end()
  }
})

test('to a channel that lets nobody else in the vault shows our certificate, and there only', async t => {
  const [merchant, bank] = [identity('merchant', 1), identity('bank', 2)]
  const received: string[] = []
  const demanding = { cert: bank.certificate, key: bank.key, ca: merchant.certificate, requestCert: true, rejectUnauthorized: true }
  const server = createSecureServer(demanding, (request, response) => {
    request.on('data', chunk => received.push(chunk.toString())).on('end', () => response.end('{"ok":true}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  const origin = `https://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
  const shown = { certificate: merchant.certificate, key: merchant.key, authority: bank.certificate }
  const base = await ownSettings(t, [origin])
  for (const certificates of [new Map([[origin, shown]]), new Map([['https://elsewhere.example', shown]])]) {
    const settings = { ...base, certificates }
    const started = await startVault(settings)
    const link = clientOf(settings)
    t.after(() => Promise.all([link.close(), started.stop()]))
    const owner = adoption(await capture(settings, started.captureUrl), `ins_tls_${certificates.has(origin) ? 'in' : 'out'}`)
    await link.adopt(owner)
    const { reference: _used, ...by } = owner
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'POST', url: `${origin}/cards`, headers, body: '{"n":"{{card.number}}"}', placeholders: true } as const
    const answer = link.forward({ ...by, timeoutMs: 2000, request })
    if (certificates.has(origin)) assert.equal((await answer).body, '{"ok":true}')
    else await assert.rejects(answer, NoAnswer)
    await started.stop()
  }
  assert.deepEqual(received, [`{"n":"${number}"}`])
})

test('live keys of wallets come in a file that the vault reads, and what is wrong with it is said at the start', async t => {
  const tap = { nowMs: Date.now(), random: randomBytes }
  const wallet = createFakeWallet(tap)
  const base = await ownSettings(t)
  const walletKeysFile = join(base.dataFolder, '..', 'wallets.json')
  writeFileSync(walletKeysFile, JSON.stringify(wallet.settings), { mode: 0o600 })
  const settings = { ...base, walletKeysFile }
  const started = await startVault(settings)
  t.after(() => started.stop())
  const token = wallet.apple({ number, expiryMonth: 3, expiryYear: 2040 }, tap).toString()
  assert.match(await capture(settings, started.captureUrl, `{"apple_pay":${token}}`), /^cap_/)
  assert.equal(JSON.stringify(writeSettings(settings)).includes('PRIVATE KEY'), false)
  writeFileSync(walletKeysFile, '{}', { mode: 0o600 })
  await assert.rejects(
    startVault({ ...(await settingsFor(t)), walletKeysFile }),
    /WALLET_KEYS_FILE .* cannot be used:\n {2}- it must have apple or google/,
  )
})

test('nobody but the vault reads its tables, and the vault reads nothing else', async () => {
  const { connection } = await database()
  for (const [role, table] of [
    [roles.rider, 'vault.records'],
    [roles.reader, 'vault.keys'],
    [roles.vault, 'bindery.instruments'],
  ] as const) {
    const client = new Client(asRole(connection, role))
    await client.connect()
    await assert.rejects(client.query(`select 1 from ${table}`), /permission denied/)
    await client.end()
  }
})

test('a vault that is killed is started again at the same addresses, and one that is stopped is not', async t => {
  // One of its own: a root key fits one database.
  const own = await testDatabase({ extraSql: [rideFunctionSql('vault', vaultTables).sql] })
  t.after(() => own.close())
  const settings = { ...(await settingsFor(t)), database: { ...asRole(own.connection, roles.vault) } }
  const ends: string[] = []
  const kept = await keepVault(settings, { ended: reason => ends.push(reason) })
  t.after(() => kept.stop())
  const client = clientOf(settings)
  t.after(() => client.close())
  await client.ready(5_000)
  const owner = { tenant: 'ten_1', owner: 'whe_1', field: 'secret' }
  const sealed = await client.seal({ ...owner, text: 'kept' })
  const { pid } = kept.process()
  assert.ok(pid !== undefined)
  process.kill(pid, 'SIGKILL')
  for (let tries = 0; kept.process().pid === pid && tries < 300; tries += 1) await sleep(50)
  await client.ready(10_000)
  assert.equal(await client.open({ ...owner, sealed }), 'kept')
  const answer = await fetch(kept.captureUrl, { method: 'POST' })
  assert.equal(answer.status, 401)
  assert.deepEqual(ends, ['the vault ended (SIGKILL)'])
  const last = kept.process().pid
  await kept.stop()
  assert.ok(last !== undefined && !isAlive(last))
})

test('with its root in shares the vault is locked until three custodians have given theirs', async t => {
  const settings = await ownSettings(t)
  const folder = mkdtempSync(join(tmpdir(), 'ceremony-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const cli = fileURLToPath(new URL('../../cli/bindery.ts', import.meta.url))
  const to = join(folder, 'shares')
  execFileSync(process.execPath, [cli, 'vault', 'ceremony', '--to', to])
  const give = (socket: string, share: string): string => {
    const input = readFileSync(join(to, share))
    return execFileSync(process.execPath, [cli, 'vault', 'unseal', '--socket', socket], { input, stdio: 'pipe' }).toString()
  }
  const rootFile = join(to, 'vault-root.json')
  const said: string[] = []
  const open = async () => {
    let tell: (at: string) => void = () => undefined
    const locked = new Promise<string>(resolve => {
      tell = resolve
    })
    const starting = startVault({ ...settings, rootFile }, tell)
    const socket = await locked
    assert.equal(statSync(socket).mode & 0o777, 0o600)
    assert.ok(!existsSync(settings.socketPath), 'it serves nobody yet')
    for (const share of ['share-2.txt', 'share-5.txt', 'share-1.txt']) said.push(give(socket, share).trim())
    return starting
  }
  const first = await open()
  t.after(() => first.stop())
  assert.deepEqual(said, [
    ...['share 1 of the 3 that are needed was taken', 'share 2 of the 3 that are needed was taken', 'the vault is open'],
  ])
  const client = clientOf(settings)
  await client.ready(5000)
  const at = { tenant: 'ten_1', owner: 'whe_1', field: 'secret' }
  const sealed = await client.seal({ ...at, text: 'x' })
  client.close()
  await first.stop()
  const again = await open()
  t.after(() => again.stop())
  const later = clientOf(settings)
  t.after(() => later.close())
  await later.ready(5000)
  assert.equal(await later.open({ ...at, sealed }), 'x')
})

/**
 * The vault process. Started by `start.ts` (or an init system) with its settings in the environment; tells its parent when it is ready;
 * ends when told to (SIGTERM) or when its parent is gone. Nothing it prints ever holds a card.
 */
import { randomFillSync } from 'node:crypto'
import { appendFileSync, chmodSync, existsSync, fstatSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { Pool } from 'pg'
import { createLog } from '../world/log.ts'
import { createPostgresStore } from '../world/postgres.ts'
import type { Log } from '../world/world.ts'
import { createDesk } from './desk.ts'
import { readKeys } from './device-token/keys.ts'
import { createDoor } from './door.ts'
import { look, reasonsToRefuse, takeAway } from './hardening.ts'
import { createTokenOpener } from './open-token.ts'
import { createOutgoing, type Later } from './outgoing.ts'
import { createRandomPool } from './pool.ts'
import { shreddedOwners } from './queries.ts'
import { createReplays } from './replays.ts'
import { openRoots } from './root-settings.ts'
import { sequencedAtOnce } from './sequence.ts'
import { readSettings } from './settings.ts'
import { openShredLog, shredLogFile } from './shred-log.ts'
import { vaultTables } from './tables.ts'
import { keysOfUpdaters } from './updater.ts'
import { readUpdaterFile } from './updater-file.ts'
import { createVault, type VaultCore } from './vault.ts'
import { readWalletFile } from './wallet-file.ts'
import { watch } from './watch.ts'

/** How often what has lapsed is looked for. */
const forgetEveryMs = 5_000
/** How often rides of more than an hour ago, wallet tokens that are stale by now and card files that nobody took are deleted. */
const forgetRidesEveryMs = 60_000
/** How often this process says that it runs, and what is due about keys is done. */
const keysEveryMs = 5_000
const sequenceEveryMs = 500
/** How often a checkpoint is given to the witness, where there is a new one. */
const witnessEveryMs = 60_000
/** How often what must never be found in its rows is looked for. */
const invariantsEveryMs = 5 * 60_000
/** Calls under way get this long when the vault is told to stop. */
const drainMs = 10_000

takeAway()
try {
  await serve()
} catch (error) {
  process.stderr.write(`The vault cannot start: ${error instanceof Error ? error.message : 'unknown reason'}\n`)
  process.exit(1)
}

async function serve(): Promise<void> {
  const settings = readSettings(process.env)
  for (const name of Object.keys(process.env)) if (name.startsWith('VAULT_')) delete process.env[name]
  const { production } = settings
  const reasons = reasonsToRefuse(look(production || settings.live === true))
  if (reasons.length > 0) throw new Error(reasons.join('; '))
  const wallets = settings.walletKeysFile === undefined ? readKeys(settings.wallets ?? {}) : readWalletFile(settings.walletKeysFile)
  const log = createLog('info')
  const random = createRandomPool(buffer => randomFillSync(buffer))
  const later: Later = (ms, act) => {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  }
  const outgoing = createOutgoing(later, settings.certificates)
  const roots = await openRoots({
    ...{ path: settings.rootFile, folder: settings.dataFolder, production, random, send: outgoing.send },
    locked: socketPath => announce({ locked: socketPath }),
  })
  const store = createPostgresStore({ connection: settings.database, schema: 'vault', tables: vaultTables })
  await store.connect()
  const updaterKeys = keysOfUpdaters([
    ...(settings.updaters ?? []),
    ...(settings.updaterKeysFile === undefined ? [] : readUpdaterFile(settings.updaterKeysFile)),
  ])
  const { origins, allowLoopback, linkKey, grantKey, publicUrl } = settings
  const replays = createReplays({ store, now: Date.now })
  const openToken = createTokenOpener(wallets, replays)
  const shredLog = settings.shredLog ?? join(settings.dataFolder, shredLogFile)
  const shredding = await openShredLog(shredLog, () => shreddedOwners(settings.database))
  const vault = createVault({
    ...{ now: Date.now, random, store, ...roots, send: outgoing.send },
    ...{ origins: new Set(origins), allowLoopback, openToken, updaterKeys, shredding, detokenizeQuota: settings.detokenize },
  })
  const desk = createDesk({ vault, linkKey, log, random })
  const door = createDoor({ vault, grantKey, publicUrl, log, now: Date.now, random })
  await listenPrivately(desk.server, settings.socketPath)
  const captureUrl = await listenOpenly(door, settings.captureHost, settings.capturePort)
  const watching = watchingPool(settings.database, log)
  const duties = dutiesOf({
    ...{ vault, log, watching },
    witness: witnessIn(settings.dataFolder),
    forget: () => Promise.all([store.forgetRides(), replays.forget(), vault.forgetSightings(), vault.forgetCardFiles()]),
  })
  stopWhenTold(async () => {
    for (const one of duties) one.stop()
    const closed = new Promise(resolve => door.close(resolve))
    door.closeIdleConnections()
    await Promise.all([closed, desk.close()])
    await outgoing.close()
    vault.clear()
    await vault.rotation.leave()
    await Promise.all([watching.end(), store.close()])
  })
  announce({ ready: true, captureUrl })
}

/** For questions of our own about our own rows. */
function watchingPool(database: Readonly<Record<string, unknown>>, log: Log): Pool {
  const pool = new Pool({ ...database, options: `${database.options ?? ''} -c search_path=vault`, max: 1 })
  pool.on('error', error => log.warn('a watching connection broke', { error: error.message }))
  return pool
}

type DutiesOf = {
  readonly vault: VaultCore
  readonly log: Log
  readonly witness: Witness
  readonly watching: Pool
  forget(): Promise<unknown>
}

/** What is told to the outside of the audit: to be on another disk, or another machine's. */
type Witness = { readonly keyFile: string; readonly file: string; newest: string | undefined; written: string | undefined }

function dutiesOf({ vault, log, witness, watching, forget }: DutiesOf): readonly Duty[] {
  return [
    everySoOften(forgetEveryMs, 'forget what lapsed', log, async () => vault.forgetLapsed()),
    everySoOften(forgetRidesEveryMs, 'forget old rides and tokens', log, forget),
    everySoOften(keysEveryMs, 'keys', log, async () => {
      await vault.rotation.beat()
      await vault.rotation.turn()
    }),
    everySoOften(sequenceEveryMs, 'audit', log, async () => {
      for (let added = sequencedAtOnce; added === sequencedAtOnce; ) {
        const turn = await vault.sequencer.turn()
        added = turn.added
        witness.newest = turn.note ?? witness.newest
      }
    }),
    everySoOften(witnessEveryMs, 'witness', log, async () => {
      if (!existsSync(witness.keyFile)) writeFileSync(witness.keyFile, `${await vault.sequencer.verifier()}\n`, { mode: 0o644 })
      tellWitness(witness)
    }),
    everySoOften(invariantsEveryMs, 'invariants', log, () => watch(watching, { log, now: Date.now })),
    // Whoever waits for the vault to stop, and then cuts off the end, finds that told as well.
    { stop: () => tellWitness(witness) },
  ]
}

function tellWitness(witness: Witness): void {
  if (witness.newest !== witness.written && witness.newest !== undefined) appendFileSync(witness.file, `${witness.newest}\n`)
  witness.written = witness.newest
}

function witnessIn(folder: string): Witness {
  return { keyFile: join(folder, 'audit-key.txt'), file: join(folder, 'audit-witness.txt'), newest: undefined, written: undefined }
}

type Duty = { stop(): void }

/** Again and again, never twice at once. The first time is now. What fails is logged, and tried the next time. */
function everySoOften(everyMs: number, what: string, log: Log, act: () => Promise<unknown>): Duty {
  let running = false
  const turn = (): void => {
    if (running) return
    running = true
    act()
      .catch((error: unknown) => {
        const reason = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'
        log.error('a duty of the vault failed', { what, error: reason })
      })
      .finally(() => {
        running = false
      })
  }
  turn()
  const timer = setInterval(turn, everyMs)
  return { stop: () => clearInterval(timer) }
}

/** Nobody but this user can open the socket, from the first moment it exists. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true })
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  } finally {
    process.umask(mask)
  }
  chmodSync(path, 0o600)
}

async function listenOpenly(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  const address = server.address()
  const bound = address !== null && typeof address === 'object' ? address.port : port
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}/capture`
}

/** To a parent that speaks IPC, else as one line on standard output. */
function announce(ready: { readonly ready: true; readonly captureUrl: string } | { readonly locked: string }): void {
  if (process.send !== undefined) process.send(ready)
  else process.stdout.write(`${JSON.stringify(ready)}\n`)
}

/** Stops once, in order; a second signal, or a stop that hangs, ends the process at once. */
function stopWhenTold(stop: () => Promise<void>): void {
  let stopping = false
  const begin = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    setTimeout(() => process.exit(1), drainMs).unref()
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', begin)
  if (process.send !== undefined) {
    // Ctrl-C reaches the whole terminal: the parent still needs us for what it has under way, and tells us itself when it is done.
    process.on('SIGINT', () => undefined)
    process.on('disconnect', begin)
    return
  }
  process.on('SIGINT', begin)
  if (isPipe(0)) process.stdin.on('end', begin).on('close', begin).resume()
}

function isPipe(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor)
    return stat.isFIFO() || stat.isSocket()
  } catch {
    return false
  }
}

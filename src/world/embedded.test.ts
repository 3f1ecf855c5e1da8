import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client, type ClientConfig } from 'pg'
import { type Embedded, startEmbedded } from './embedded.ts'
import { CannotStart } from './embedded-errors.ts'
import { findPackage } from './embedded-program.ts'
import { ended, isAlive, sleep } from './processes.ts'

const folders: string[] = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bindery-embedded-'))
  folders.push(folder)
  return folder
}
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

async function ask(connection: ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

const fails = (start: Promise<Embedded>, pattern: RegExp): Promise<void> =>
  assert.rejects(start, error => {
    assert.ok(error instanceof CannotStart, String(error))
    assert.match(error.message, pattern)
    assert.match(error.message, /What to do: /)
    return true
  })

/** A process of its own that starts a server on the folder and waits to be killed. */
async function startElsewhere(dataFolder: string): Promise<{ child: ChildProcess; serverPid: number; guardPid: number }> {
  const script = `
    import { startEmbedded } from ${JSON.stringify(new URL('./embedded.ts', import.meta.url).href)}
    const server = await startEmbedded({ dataFolder: ${JSON.stringify(dataFolder)} })
    console.log(JSON.stringify({ serverPid: server.serverPid, guardPid: server.guardPid }))
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8')
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')))
    child.once('exit', code => reject(new Error(`ended early with ${code}: ${said}`)))
  })
  const told: unknown = JSON.parse(line)
  assert.ok(typeof told === 'object' && told !== null && 'serverPid' in told && 'guardPid' in told)
  return { child, serverPid: Number(told.serverPid), guardPid: Number(told.guardPid) }
}

async function untilDead(pid: number, timeoutMs = 10_000): Promise<void> {
  for (let waited = 0; isAlive(pid); waited += 20) {
    assert.ok(waited < timeoutMs, `process ${pid} is still there`)
    await sleep(20)
  }
}

test('what was committed is there after a stop and a second start', async () => {
  const dataFolder = newFolder()
  const first = await startEmbedded({ dataFolder })
  await ask(first.connection, 'create table kept (id int)')
  await first.stop()
  assert.equal(isAlive(first.serverPid), false)
  const second = await startEmbedded({ dataFolder })
  assert.deepEqual(await ask(second.connection, 'select count(*)::int as count from kept'), [{ count: 0 }])
  await second.stop()
})

test('durability is on, text is UTF-8 whatever the machine says, and no port is open', async () => {
  const server = await startEmbedded({ dataFolder: newFolder() })
  try {
    const wanted = {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      data_checksums: 'on',
      server_encoding: 'UTF8',
      listen_addresses: '',
    }
    const rows = await ask(
      server.connection,
      `select name, setting from pg_settings where name in (${Object.keys(wanted)
        .map(name => `'${name}'`)
        .join(', ')})`,
    )
    assert.deepEqual(Object.fromEntries(rows.map(row => [row.name, row.setting])), wanted)
    const [locale] = await ask(
      server.connection,
      'select datlocprovider::text as provider, datlocale as locale from pg_database where datname = current_database()',
    )
    assert.deepEqual(locale, { provider: 'b', locale: 'C.UTF-8' })
    if (process.platform === 'linux') assert.deepEqual(tcpSockets(server.serverPid), [])
    if (process.getuid?.() === 0) assert.notEqual(statSync(`${server.connection.host}/data`).uid, 0)
  } finally {
    await server.stop()
  }
})

/** Inodes of sockets the process holds that the kernel lists as TCP. */
function tcpSockets(pid: number): string[] {
  const inodes = readdirSync(`/proc/${pid}/fd`)
    .map(name => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${name}`)
      } catch {
        return ''
      }
    })
    .flatMap(target => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [])
  assert.ok(inodes.length > 0, 'sees at least the Unix socket')
  const tcp = ['/proc/net/tcp', '/proc/net/tcp6'].filter(path => existsSync(path)).map(path => readFileSync(path, 'utf8'))
  return inodes.filter(inode => tcp.some(table => table.includes(` ${inode} `)))
}

test('only its user may enter the folder of the socket', async () => {
  const server = await startEmbedded({ dataFolder: newFolder() })
  assert.equal(statSync(String(server.connection.host)).mode & 0o777, 0o700)
  await server.stop()
})

test('a second start on a folder in use is refused, from this process and from another', async () => {
  const dataFolder = newFolder()
  const other = await startElsewhere(dataFolder)
  await fails(startEmbedded({ dataFolder }), new RegExp(`another Bindery \\(process ${other.child.pid}\\) is running`))
  assert.ok(isAlive(other.serverPid))
  other.child.kill('SIGKILL')
  // The signal is sent, not yet felt.
  assert.ok(await ended(other.child, 10_000))
  const server = await startEmbedded({ dataFolder })
  await fails(startEmbedded({ dataFolder }), /another Bindery/)
  await ask(server.connection, 'select 1')
  await server.stop()
})

test('a server does not outlive the kill -9 of its owner', async () => {
  const other = await startElsewhere(newFolder())
  other.child.kill('SIGKILL')
  await untilDead(other.serverPid)
})

test('a server whose owner and guard were both killed is replaced by the next start', async () => {
  const dataFolder = newFolder()
  const other = await startElsewhere(dataFolder)
  process.kill(other.guardPid, 'SIGKILL')
  other.child.kill('SIGKILL')
  await sleep(300)
  assert.ok(isAlive(other.serverPid), 'an orphan to begin with')
  const server = await startEmbedded({ dataFolder })
  await untilDead(other.serverPid)
  assert.notEqual(server.serverPid, other.serverPid)
  await ask(server.connection, 'select 1')
  await server.stop()
})

test('everything killed at once: the next start recovers what was committed', async () => {
  const dataFolder = newFolder()
  const other = await startElsewhere(dataFolder)
  const connection = { host: join(dataFolder, 'postgres'), port: 5432, user: 'bindery', database: 'bindery' }
  await ask(connection, 'create table kept as select generate_series(1, 1000) as id')
  for (const pid of [other.guardPid, other.child.pid ?? 0, other.serverPid]) process.kill(pid, 'SIGKILL')
  assert.ok(await ended(other.child, 10_000))
  const server = await startEmbedded({ dataFolder })
  assert.deepEqual(await ask(server.connection, 'select count(*)::int as count from kept'), [{ count: 1000 }])
  await server.stop()
})

test('a pid file whose number belongs to somebody else by now does not stop a start', async () => {
  const dataFolder = newFolder()
  const first = await startEmbedded({ dataFolder })
  const pidFile = join(dataFolder, 'postgres', 'data', 'postmaster.pid')
  const text = readFileSync(pidFile, 'utf8')
  const { uid, gid } = statSync(pidFile)
  await first.stop()
  const stranger = spawn('sleep', ['60'], { uid, gid, stdio: 'ignore' })
  try {
    writeFileSync(pidFile, text.replace(/^\d+/, String(stranger.pid)))
    const second = await startEmbedded({ dataFolder })
    await ask(second.connection, 'select 1')
    assert.ok(isAlive(stranger.pid ?? 0), 'and the stranger is left alone')
    await second.stop()
  } finally {
    stranger.kill('SIGKILL')
  }
})

test('two processes that start on a new folder at once: one wins, one is told why not', async () => {
  const dataFolder = newFolder()
  const results = await Promise.allSettled([startElsewhere(dataFolder), startEmbedded({ dataFolder })])
  const won = results.filter(result => result.status === 'fulfilled')
  assert.equal(won.length, 1)
  const [elsewhere, here] = results
  if (elsewhere?.status === 'fulfilled') {
    elsewhere.value.child.kill('SIGKILL')
    await untilDead(elsewhere.value.serverPid)
    assert.ok(here?.status === 'rejected' && here.reason instanceof CannotStart)
  }
  if (here?.status === 'fulfilled') await here.value.stop()
})

test('library links that no install script made are made at the start, also by several at once', async () => {
  const native = join(newFolder(), 'native')
  cpSync(findPackage(), native, { recursive: true, verbatimSymlinks: true })
  const links = readdirSync(join(native, 'lib')).filter(name => lstatSync(join(native, 'lib', name)).isSymbolicLink())
  assert.ok(links.length > 0)
  for (const name of links) rmSync(join(native, 'lib', name))
  const servers = await Promise.all([1, 2].map(() => startEmbedded({ dataFolder: newFolder(), native, temporary: true })))
  for (const name of links) assert.ok(existsSync(join(native, 'lib', name)), name)
  for (const server of servers) await server.stop()
})

test('programs that the server’s user cannot reach are run from a copy', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  const hidden = join(newFolder(), 'native')
  cpSync(findPackage(), hidden, { recursive: true, verbatimSymlinks: true })
  const server = await startEmbedded({ dataFolder: newFolder(), native: hidden, temporary: true })
  assert.ok(readdirSync(String(server.connection.host)).some(name => name.startsWith('program-')))
  await ask(server.connection, 'select 1')
  await server.stop()
})

test('root with a folder that only root may enter: the database goes where its user may, and a note says so', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  const dataFolder = join(newFolder(), 'data')
  const first = await startEmbedded({ dataFolder })
  const home = String(first.connection.host)
  try {
    assert.match(first.notes.join(' '), /the database is kept in \/var\/lib\/bindery\//)
    await ask(first.connection, 'create table kept (id int)')
    await first.stop()
    const second = await startEmbedded({ dataFolder })
    assert.equal(second.connection.host, home)
    await ask(second.connection, 'select * from kept')
    await second.stop()
  } finally {
    rmSync(home, { recursive: true, force: true })
    if (readdirSync('/var/lib/bindery').length === 0) rmdirSync('/var/lib/bindery')
  }
})

test('a path too long for a Unix socket is no obstacle', async () => {
  const dataFolder = join(newFolder(), 'a'.repeat(60), 'b'.repeat(60))
  mkdirSync(dataFolder, { recursive: true })
  chmodSync(join(dataFolder, '..', '..'), 0o755)
  const server = await startEmbedded({ dataFolder })
  await ask(server.connection, 'select 1')
  assert.match(server.notes.join(' '), /socket is in/)
  assert.ok(String(server.connection.host).length < 80)
  await server.stop()
  assert.equal(existsSync(String(server.connection.host)), false)
})

test('a data folder of another version is named as such', async () => {
  const dataFolder = newFolder()
  const first = await startEmbedded({ dataFolder })
  await first.stop()
  writeFileSync(join(dataFolder, 'postgres', 'data', 'PG_VERSION'), '14\n')
  await fails(startEmbedded({ dataFolder }), /was made by PostgreSQL 14, and this is PostgreSQL 18/)
})

test('a server that dies while starting says its last words', async () => {
  await fails(startEmbedded({ dataFolder: newFolder(), settings: { shared_buffers: 'plenty' } }), /shared_buffers/)
})

test('a folder that cannot be made is named', async () => {
  const file = join(newFolder(), 'file')
  writeFileSync(file, '')
  await fails(startEmbedded({ dataFolder: join(file, 'below') }), /file/)
})

test('a temporary server leaves no files', async () => {
  const dataFolder = newFolder()
  const server = await startEmbedded({ dataFolder, temporary: true })
  await server.stop()
  assert.equal(existsSync(dataFolder), false)
})

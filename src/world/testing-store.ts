/** For tests of stores: an empty PostgreSQL store again and again, and a wire to it that can be cut. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Client, type ClientConfig } from 'pg'
import { createPostgresStore, type PostgresStore, type PostgresStoreInput } from './postgres.ts'
import { rideFunctionSql } from './ride-sql.ts'
import type { AnyTable } from './table.ts'
import { testDatabase } from './testing.ts'

export type StoreDatabase = {
  readonly connection: ClientConfig
  /** Empties the tables and opens a store on them. */
  open(more?: Partial<PostgresStoreInput>): Promise<PostgresStore>
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}

/** A migrated database with these tables in the schema `bindery`; `sql` makes those that no migration makes. */
export async function storeDatabase(tables: readonly AnyTable[], sql: string): Promise<StoreDatabase> {
  const { connection, close } = await testDatabase({ extraSql: [sql, rideFunctionSql('bindery', tables).sql] })
  const query = async (text: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new Client(connection)
    await client.connect()
    try {
      const result = await client.query<Record<string, unknown>>(text)
      return result.rows
    } finally {
      await client.end()
    }
  }
  const open = async (more: Partial<PostgresStoreInput> = {}): Promise<PostgresStore> => {
    await query(`truncate ${[...tables.map(one => one.name), 'rides'].map(name => `bindery.${name}`).join(', ')}`)
    return createPostgresStore({ connection, schema: 'bindery', tables, ...more })
  }
  return { connection, open, query, close }
}

/** Sees what a client sends before it is passed on. `pass` sends it on, `cut` ends both sides. */
export type Watcher = (sent: Buffer, line: Line) => void
export type Line = { readonly client: Socket; readonly server: Socket; pass(sent: Buffer): void; cut(): void }
export type Wire = { readonly connection: ClientConfig; watch: Watcher | undefined; close(): void }

/** A wire to the database on a port of its own. Without a watcher it passes everything. */
export async function wireTo(connection: ClientConfig): Promise<Wire> {
  const url = connection.connectionString === undefined ? undefined : new URL(connection.connectionString)
  const host = url?.hostname ?? connection.host ?? 'localhost'
  const port = Number(url?.port || connection.port || 5432)
  const sockets = new Set<Socket>()
  const server: Server = createServer(client => {
    const behind = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    const cut = (): void => {
      client.destroy()
      behind.destroy()
    }
    const line: Line = { client, server: behind, cut, pass: sent => behind.write(sent) }
    for (const socket of [client, behind]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', sent => (wire.watch === undefined ? behind.write(sent) : wire.watch(Buffer.from(sent), line)))
    client.on('end', () => behind.end())
    behind.on('end', () => client.end())
    behind.on('data', answer => {
      if (!client.destroyed) client.write(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const own = typeof address === 'object' && address !== null ? address.port : 0
  const wire: Wire = {
    connection: throughPort(connection, url, own),
    watch: undefined,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return wire
}

function throughPort(connection: ClientConfig, url: URL | undefined, port: number): ClientConfig {
  if (url === undefined) return { ...connection, host: '127.0.0.1', port }
  const through = new URL(url)
  through.host = `127.0.0.1:${port}`
  return { connectionString: through.href }
}

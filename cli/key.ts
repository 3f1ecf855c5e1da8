/**
 * `bindery key`: makes an API key in the database itself. It is how the first keys of a tenant come to be, one for each person: all later ones
 * are made over the API, and take two.
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createKey, createTenant } from '../src/http/auth.ts'
import { roles as keyRoles, type Role } from '../src/http/role.ts'
import { tenants } from '../src/http/tables.ts'
import { tables } from '../src/tables.ts'
import { asRole, roles } from '../src/world/migrate.ts'
import { createPostgresStore } from '../src/world/postgres.ts'
import { CliError } from './caller.ts'
import { reachDatabase } from './verify.ts'

export async function keyCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const asked = readAsked(args)
  const reached = await reachDatabase()
  const store = createPostgresStore({ connection: asRole(reached.connection, roles.rider), schema: 'bindery', tables, eventsTable: 'events' })
  const world = { store, now: () => Date.now(), random: (count: number) => randomBytes(count) }
  try {
    await store.connect()
    if (asked.tenant !== undefined && (await store.get(tenants, { id: asked.tenant })) === undefined)
      throw new CliError(`there is no tenant ${asked.tenant}`)
    const tenant = asked.tenant ?? (await createTenant(world, { name: asked.name }))
    const { id, key } = await createKey(world, { ...asked.of, tenant })
    if (asked.json) print(JSON.stringify({ id, key, tenant, ...asked.of }))
    else print(`${key}\nis ${id}, of ${tenant}, as ${asked.of.role}${asked.of.person === null ? '' : ` for ${asked.of.person}`}. It is told this once.`)
    return 0
  } finally {
    await store.close()
    await reached.close()
  }
}

const isRole = (text: string): text is Role => keyRoles.some(one => one === text)

function readAsked(args: readonly string[]) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { tenant: text, 'new-tenant': text, mode: text, role: text, person: text, json: { type: 'boolean' } },
  })
  const { tenant, 'new-tenant': name, mode = '', role = '', person = null, json = false } = values
  if ((tenant === undefined) === (name === undefined)) throw new CliError('say whose key it is: --tenant <id>, or --new-tenant <name>')
  if (mode !== 'test' && mode !== 'live') throw new CliError('--mode must be test or live')
  if (!isRole(role)) throw new CliError(`--role must be one of ${keyRoles.join(', ')}`)
  if (person !== null && !/^[a-z0-9][a-z0-9._@+-]{0,199}$/.test(person))
    throw new CliError('--person is made of small letters, digits and . _ @ + -, such as ann@shop.example')
  const kind: 'publishable' | 'secret' = role === 'browser' ? 'publishable' : 'secret'
  return { tenant, name: name ?? '', json, of: { mode, kind, role, person } } as const
}

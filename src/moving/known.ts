/**
 * What is read before a batch of rows is judged. Reads go from the row that others move to the rows it vouches for. At first nothing is read:
 * most imports bring what is new, and where anything of it is here already the commit is refused by name, and the batch judged again on what
 * was read then. All that a row can meet stands under a unique key: its customer's reference, its token, its identities.
 */
import type { ChannelName } from '../channels/channel.ts'
import { readDefault } from '../instruments/defaults.ts'
import { bindings, channelNames, customers, identities, instruments } from '../instruments/tables.ts'
import type { World } from '../world/world.ts'
import type { Entry } from './entries.ts'
import { type Held, identitiesOf, identityName, type Known, namesOf, tokenName } from './judge.ts'
import type { TakenRow } from './row.ts'
import { type ImportRow, importMarks } from './tables.ts'

type Rows = readonly { readonly row: TakenRow; readonly channel: ChannelName }[]

export const nothingKnown: Known = {
  customers: new Map(),
  tokens: new Map(),
  held: new Map(),
  names: new Set(),
  marks: new Map(),
  defaults: new Set(),
}

export async function readKnown(world: World, of: ImportRow, entries: readonly Entry[]): Promise<Known> {
  const rows: Rows = entries.flatMap(one => {
    const channel = 'row' in one ? (one.row.channel ?? of.channel) : null
    return 'row' in one && channel !== null ? [{ row: one.row, channel }] : []
  })
  const [marks, named, owners] = await Promise.all([
    of.dry_run ? readMarks(world, of, rows) : new Map<string, string>(),
    readNames(world, of, rows),
    readCustomers(world, of, rows),
  ])
  const [held, said] = await Promise.all([readHeld(world, of, rows, owners), readDefaults(world, rows, owners)])
  return { marks, ...named, customers: owners, held, defaults: said }
}

async function readMarks(world: World, of: ImportRow, rows: Rows): Promise<Known['marks']> {
  const wanted = new Set(
    rows.flatMap(({ row, channel }) => [
      ...(row.token === undefined ? [] : [tokenName(channel, row.token)]),
      ...identitiesOf(row, channel, of.source_name).map(one => identityName(row.customer, one)),
    ]),
  )
  const found = await Promise.all([...wanted].map(name => world.store.get(importMarks, { import: of.id, name, tenant: of.tenant })))
  return new Map(found.flatMap(one => (one === undefined ? [] : [[one.name, one.customer] as const])))
}

async function readNames(world: World, of: ImportRow, rows: Rows): Promise<Pick<Known, 'names' | 'tokens'>> {
  const names = new Set<string>()
  const tokens = new Map<string, Known['tokens'] extends ReadonlyMap<string, infer V> ? V : never>()
  const wanted = new Map(
    rows.flatMap(({ row, channel }) => [...namesOf(row)].map(name => [tokenName(channel, name), { channel, name }] as const)),
  )
  await Promise.all(
    [...wanted].map(async ([key, { channel, name }]) => {
      const at = await world.store.get(channelNames, { channel, mode: of.mode, name })
      if (at === undefined) return
      names.add(key)
      const binding = at.tenant === of.tenant ? await world.store.get(bindings, { tenant: of.tenant, id: at.binding }) : undefined
      tokens.set(key, binding ?? 'elsewhere')
    }),
  )
  return { names, tokens }
}

async function readCustomers(world: World, of: ImportRow, rows: Rows): Promise<Known['customers']> {
  const references = [...new Set(rows.map(one => one.row.customer))]
  const found = await Promise.all(
    references.map(reference => world.store.find(customers, { tenant: of.tenant, mode: of.mode, reference }, 1)),
  )
  return new Map(found.flatMap(([one]) => (one?.reference === null || one === undefined ? [] : [[one.reference, one] as const])))
}

async function readDefaults(world: World, rows: Rows, owners: Known['customers']): Promise<Known['defaults']> {
  const named = new Set(rows.flatMap(({ row }) => (row.isDefault ? [row.customer] : [])))
  const asked = [...named].flatMap(one => owners.get(one) ?? [])
  const found = await Promise.all(asked.map(one => readDefault(world, one)))
  return new Set(found.flatMap(one => (one === undefined ? [] : [one.customer])))
}

async function readHeld(world: World, of: ImportRow, rows: Rows, owners: Known['customers']): Promise<Known['held']> {
  const held = new Map<string, Held>()
  await Promise.all(
    rows.flatMap(({ row, channel }) => {
      const customer = owners.get(row.customer)
      if (customer === undefined) return []
      return identitiesOf(row, channel, of.source_name).map(async identity => {
        const at = await world.store.get(identities, { tenant: of.tenant, customer: customer.id, ...identity })
        if (at === undefined) return
        const instrument = await world.store.get(instruments, { tenant: of.tenant, id: at.instrument })
        if (instrument === undefined) throw new TypeError(`identity of no instrument ${at.instrument}`)
        const all = await world.store.find(bindings, { tenant: of.tenant, instrument: instrument.id })
        held.set(identityName(row.customer, identity), { instrument, bindings: all, version: at.version })
      })
    }),
  )
  return held
}

/** A tenant's routing rules: which channels, for what. The first rule that fits decides; without one the deployment's route does. */
import type { ChannelName, InstrumentKind } from '../channels/channel.ts'
import { Problem } from '../core/problem.ts'
import { insert, remove } from '../world/store.ts'
import { int, json, type Row, table, text, time } from '../world/table.ts'
import { type Mode, nextId, type World } from '../world/world.ts'

/** Every list that is stated has to hold the value. `bins`: leading digits. */
export type RuleCondition = {
  readonly kinds?: readonly InstrumentKind[]
  readonly schemes?: readonly string[]
  readonly countries?: readonly string[]
  readonly currencies?: readonly string[]
  readonly bins?: readonly string[]
}

export const routingRules = table(
  'routing_rules',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    /** Rules are tried from the lowest. */
    priority: int(),
    condition: json<RuleCondition>(),
    channels: json<readonly ChannelName[]>(),
    bind_on: text<'first' | 'all'>(),
    created_at: time(),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    unique: { routing_rules_priority: ['tenant', 'mode', 'priority'] },
    checks: { routing_rules_bind_on: row => row.bind_on === 'first' || row.bind_on === 'all' },
  },
)
export type RoutingRow = Row<typeof routingRules>

export type RoutingRule = {
  readonly id: string
  readonly when: RuleCondition
  readonly channels: readonly ChannelName[]
  readonly all: boolean
}

export const rulesMax = 100

/** In the order they are tried. */
export async function readRules(world: World, at: { readonly tenant: string; readonly mode: Mode }): Promise<readonly RoutingRow[]> {
  const rows = await world.store.find(routingRules, { tenant: at.tenant, mode: at.mode }, rulesMax)
  return [...rows].sort((a, b) => a.priority - b.priority)
}

/** How long a bind may go by rules that another process has changed since, in ms; this one's own changes hold at once. */
const staleMs = 1_000
type Kept = { readonly atMs: number; readonly rules: Promise<readonly RoutingRule[]> }
/** By store, so that what one process knows ends with it. */
const kept = new WeakMap<World['store'], Map<string, Kept>>()
const keptMax = 1_000

/** The rules a bind goes by: read once a second for each tenant, since every bind asks and hardly any tenant has them. */
export function currentRules(world: World, at: { readonly tenant: string; readonly mode: Mode }): Promise<readonly RoutingRule[]> {
  const shelf = kept.get(world.store) ?? new Map<string, Kept>()
  kept.set(world.store, shelf)
  const name = `${at.tenant} ${at.mode}`
  const found = shelf.get(name)
  if (found !== undefined && Math.abs(world.now() - found.atMs) < staleMs) return found.rules
  if (shelf.size >= keptMax) shelf.clear()
  const rules = readRules(world, at).then(rows => rows.map(asRule))
  shelf.set(name, { atMs: world.now(), rules })
  rules.catch(() => shelf.delete(name))
  return rules
}

const forgetRules = (world: World): boolean => kept.delete(world.store)

export const asRule = (row: RoutingRow): RoutingRule => ({
  id: row.id,
  when: row.condition,
  channels: row.channels,
  all: row.bind_on === 'all',
})

type NewRule = Pick<RoutingRow, 'tenant' | 'mode' | 'priority' | 'condition' | 'channels' | 'bind_on'>

export async function addRule(world: World, rule: NewRule): Promise<RoutingRow> {
  if ((await readRules(world, rule)).length >= rulesMax) throw new Problem('conflict', `there are ${rulesMax} rules already`)
  const row = { ...rule, id: nextId(world, 'rul'), created_at: world.now(), version: 1 }
  const result = await world.store.commit([insert(routingRules, row)])
  forgetRules(world)
  if (!result.ok)
    throw new Problem('conflict', 'another rule has this priority', {
      errors: [{ pointer: '/priority', detail: 'is taken by another rule' }],
    })
  return row
}

export async function removeRule(world: World, at: { readonly tenant: string; readonly mode: Mode; readonly id: string }): Promise<void> {
  const row = await world.store.get(routingRules, { tenant: at.tenant, id: at.id })
  if (row === undefined || row.mode !== at.mode) throw new Problem('not_found', 'no such rule')
  await world.store.commit([remove(routingRules, row)])
  forgetRules(world)
}

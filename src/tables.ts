/** The list of every table of the schema `bindery`. The vault's own are in vault/tables.ts. */
import { cursors, deliveries, events, webhookEndpoints } from './events/tables.ts'
import { apiKeys, idempotency, tenants } from './http/tables.ts'
import { defaults, successionRules } from './instruments/defaults.ts'
import { dependents } from './instruments/dependent.ts'
import { erasures } from './instruments/erasure.ts'
import { routingRules } from './instruments/routing.ts'
import {
  bindings,
  channelNames,
  clocks,
  customers,
  facts,
  identities,
  inbox,
  instrumentFacts,
  instruments,
  operations,
} from './instruments/tables.ts'
import { accounts } from './ledger/account.ts'
import { transfers } from './ledger/transfer.ts'
import type { AnyTable } from './world/table.ts'

export const tables: readonly AnyTable[] = [
  tenants,
  apiKeys,
  idempotency,
  clocks,
  customers,
  instruments,
  bindings,
  operations,
  facts,
  instrumentFacts,
  identities,
  channelNames,
  inbox,
  routingRules,
  dependents,
  defaults,
  successionRules,
  erasures,
  events,
  webhookEndpoints,
  deliveries,
  cursors,
  accounts,
  transfers,
]

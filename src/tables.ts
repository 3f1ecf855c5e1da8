/** The list of every table of the schema `bindery`. The vault's own are in vault/tables.ts. */
import { cursors, deliveries, events, webhookEndpoints } from './events/tables.ts'
import { apiKeys, idempotency, tenants } from './http/tables.ts'
import { deaths } from './instruments/death.ts'
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
import { misses, sweepFindings, sweeps } from './sweeps/tables.ts'
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
  deaths,
  routingRules,
  sweeps,
  sweepFindings,
  misses,
  events,
  webhookEndpoints,
  deliveries,
  cursors,
  accounts,
  transfers,
]

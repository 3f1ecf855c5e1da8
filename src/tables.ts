/** The list of every table of the schema `bindery`. The vault's own are in vault/tables.ts. */
import { cursors, deliveries, events, webhookEndpoints } from './events/tables.ts'
import { apiKeys, approvals, idempotency, tenants } from './http/tables.ts'
import { deaths } from './instruments/death.ts'
import { defaults, successionRules } from './instruments/defaults.ts'
import { dependents } from './instruments/dependent.ts'
import { erasures } from './instruments/erasure.ts'
import { routingRules } from './instruments/routing.ts'
import { sharingLimits, sharings } from './instruments/sharing.ts'
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
import { twins } from './instruments/twins.ts'
import { chargeCounts, chargeReports, instrumentUsage, mandateUsage, preDebitNotices } from './instruments/usageTables.ts'
import { invariantChecks, invariantFindings } from './invariants/tables.ts'
import { accounts } from './ledger/account.ts'
import { transfers } from './ledger/transfer.ts'
import { exportParts, exports, importMarks, importParts, importReports, imports } from './moving/tables.ts'
import { networkTokens, tokenRequests } from './network/tables.ts'
import { portalLinks } from './portal/tables.ts'
import { killSwitches, safeguardChanges, safeguardCounts, safeguardDecisions, safeguardPolicies } from './safeguards/tables.ts'
import { bindingSessions } from './sessions/tables.ts'
import { misses, sweepFindings, sweeps } from './sweeps/tables.ts'
import { updaterCounts, updaterLines, updaterRuns, updateSchedules } from './updater/tables.ts'
import type { AnyTable } from './world/table.ts'

export const tables: readonly AnyTable[] = [
  tenants,
  apiKeys,
  approvals,
  idempotency,
  clocks,
  customers,
  instruments,
  bindings,
  operations,
  facts,
  instrumentFacts,
  identities,
  twins,
  channelNames,
  inbox,
  deaths,
  routingRules,
  chargeReports,
  chargeCounts,
  instrumentUsage,
  mandateUsage,
  preDebitNotices,
  bindingSessions,
  portalLinks,
  sharings,
  sharingLimits,
  safeguardCounts,
  safeguardDecisions,
  safeguardPolicies,
  safeguardChanges,
  killSwitches,
  updaterRuns,
  updaterLines,
  updateSchedules,
  updaterCounts,
  tokenRequests,
  networkTokens,
  dependents,
  defaults,
  successionRules,
  erasures,
  sweeps,
  sweepFindings,
  misses,
  events,
  webhookEndpoints,
  deliveries,
  cursors,
  accounts,
  transfers,
  imports,
  importParts,
  importReports,
  importMarks,
  exports,
  exportParts,
  invariantChecks,
  invariantFindings,
]

import { bool, int, json, maybe, type Row, table, text, time } from '../world/table.ts'
import type { Mode } from '../world/world.ts'
import type { Finding, Verdict } from './decision.ts'

/**
 * Directory: what was tried under one value (an address, a customer, leading digits) in one sub-window. `attempts`: binds that a channel was to
 * be asked about; `declines`: those that ended in its refusal; `denied`: what we refused ourselves. One addition each, in commits that there are.
 */
export const safeguardCounts = table(
  'safeguard_counts',
  {
    /** `<kind>:<name>`; addresses and devices as keyed hashes. */
    value: text(),
    /** Number of the sub-window since 1970, below zero; how long it is depends on the kind. */
    slot: int(),
    tenant: text(),
    mode: text<Mode>(),
    attempts: int(),
    declines: int(),
    denied: int(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['value', 'slot', 'mode', 'tenant'],
    checks: { safeguard_counts_positive: row => row.attempts >= 0 && row.declines >= 0 && row.denied >= 0 },
  },
)

/** Why something was refused or made harder: what was counted, and which limit it passed. What is simply let through leaves none. */
export const safeguardDecisions = table(
  'safeguard_decisions',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    customer: text(),
    /** The request's id, which whoever was refused was told. */
    request: text(),
    verb: text(),
    verdict: text<Verdict>(),
    findings: json<readonly Finding[]>(),
    created_at: time(),
    due_at: maybe(time()),
    clock: maybe(text()),
    version: int(),
  },
  {
    key: ['tenant', 'id'],
    indexes: {
      safeguard_decisions_request: ['request', 'tenant'],
      safeguard_decisions_customer: ['customer', 'tenant'],
    },
  },
)

/** A tenant's own limits for one layer, as they are now. */
export const safeguardPolicies = table(
  'safeguard_policies',
  {
    tenant: text(),
    mode: text<Mode>(),
    layer: text(),
    limits: json<Readonly<Record<string, number>>>(),
    off: bool(),
    /** Why it is looser than anybody may make it without saying why. */
    reason: maybe(text()),
    set_at: time(),
    set_by: text(),
    version: int(),
  },
  { key: ['tenant', 'mode', 'layer'] },
)

/** Every change of a limit or a switch, for ever. */
export const safeguardChanges = table(
  'safeguard_changes',
  {
    tenant: text(),
    id: text(),
    mode: text<Mode>(),
    /** `layer:<name>`, `switch:<kind>:<value>` */
    subject: text(),
    before: maybe(json<Readonly<Record<string, unknown>>>()),
    after: maybe(json<Readonly<Record<string, unknown>>>()),
    reason: maybe(text()),
    request: text(),
    changed_by: text(),
    changed_at: time(),
  },
  { key: ['tenant', 'id'] },
)

/** What is switched off at the moment. `tenant` `*`: for everybody. */
export const killSwitches = table(
  'kill_switches',
  {
    /** Always `on`: by it all of them are found at once. */
    state: text<'on'>(),
    kind: text<'channel' | 'tenant' | 'bin' | 'feature'>(),
    value: text(),
    tenant: text(),
    mode: text<Mode>(),
    reason: text(),
    set_by: text(),
    set_at: time(),
    version: int(),
  },
  {
    key: ['state', 'kind', 'value', 'tenant', 'mode'],
    checks: {
      kill_switches_kind: row => row.kind === 'channel' || row.kind === 'tenant' || row.kind === 'bin' || row.kind === 'feature',
      kill_switches_state: row => row.state === 'on',
    },
  },
)

export type CountRow = Row<typeof safeguardCounts>
export type DecisionRow = Row<typeof safeguardDecisions>
export type PolicyRow = Row<typeof safeguardPolicies>
export type SwitchRow = Row<typeof killSwitches>

/**
 * Roles and what each may do. Every key has one role; every endpoint that asks for a key names one action, and the compiler asks for it.
 * What stands nowhere is not allowed: a new role may nothing, a new action nobody, until it is written here.
 */

/** `application` is a shop's own server; `browser` a publishable key; `auditor` sees everything and changes nothing. */
export const roles = ['owner', 'operator', 'developer', 'application', 'support', 'auditor', 'browser'] as const
export type Role = (typeof roles)[number]

const seers = ['owner', 'operator', 'developer', 'application', 'support', 'auditor'] as const
const runners = ['owner', 'operator'] as const
const makers = ['owner', 'operator', 'application'] as const
/** Beside those who make: people who help a customer on the telephone may take away and hand out links, and add nothing. */
const carers = ['owner', 'operator', 'application', 'support'] as const

const allowed = {
  'instruments.read': seers,
  'instruments.write': makers,
  'instruments.unbind': carers,
  'instruments.block': carers,
  'instruments.erase': runners,
  /** A number in the clear. */
  'instruments.detokenize': runners,
  'customers.read': seers,
  'customers.write': makers,
  'customers.erase': runners,
  'charges.write': makers,
  'mandates.write': carers,
  'network_tokens.write': makers,
  'portal.read': seers,
  'portal.write': carers,
  'captures.grant': ['owner', 'operator', 'application', 'browser'],
  'channels.read': seers,
  'sandbox.use': ['owner', 'operator', 'developer', 'application'],
  'routing.write': ['owner', 'operator', 'developer'],
  'policies.write': runners,
  'webhooks.read': ['owner', 'operator', 'developer', 'auditor'],
  'webhooks.write': ['owner', 'operator', 'developer'],
  /** Whoever has a webhook's secret can forge our notices to the shop. */
  'webhooks.secret': ['owner', 'developer'],
  'events.read': seers,
  'events.replay': ['owner', 'operator', 'developer'],
  'sweeps.read': ['owner', 'operator', 'developer', 'auditor'],
  'sweeps.run': runners,
  'sweeps.release': runners,
  'updater.read': ['owner', 'operator', 'developer', 'auditor'],
  'updater.run': makers,
  'imports.read': ['owner', 'operator', 'developer', 'auditor'],
  'imports.write': runners,
  'exports.read': runners,
  'exports.write': runners,
  'card_files.read': ['owner', 'operator', 'auditor'],
  'card_files.write': runners,
  'card_files.export': runners,
  'safeguards.read': ['owner', 'operator', 'developer', 'auditor'],
  'safeguards.write': runners,
  /** In a night nobody else may be awake: what an attack goes through can be switched off by whoever sees it. */
  'safeguards.switch': ['owner', 'operator', 'developer'],
  'unknowns.read': ['owner', 'operator', 'developer', 'support', 'auditor'],
  'unknowns.look_up': ['owner', 'operator', 'developer'],
  'unknowns.settle': runners,
  'canaries.read': runners,
  'canaries.write': runners,
  'keys.read': ['owner', 'auditor'],
  'keys.write': ['owner'],
  'approvals.read': ['owner', 'operator', 'auditor'],
  'invariants.read': ['owner', 'operator', 'developer', 'auditor'],
  'approvals.decide': runners,
} as const satisfies Readonly<Record<string, readonly Role[]>>

export type Action = keyof typeof allowed

const holders: ReadonlyMap<string, ReadonlySet<string>> = new Map(Object.entries(allowed).map(([action, who]) => [action, new Set(who)]))
export const actions: readonly string[] = [...holders.keys()]

export const may = (role: Role, action: Action): boolean => holders.get(action)?.has(role) ?? false

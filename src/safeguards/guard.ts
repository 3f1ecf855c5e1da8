/**
 * Everything that stands before a bind's intent: what was counted is read beside what a bind reads anyway, every layer says its word, and
 * either the try is counted by additions in the commit of the intent, or it is refused, with the reasons kept. No channel was asked then.
 */
import { Problem } from '../core/problem.ts'
import { insert, type Write } from '../world/store.ts'
import { nextId, type Seen, type World } from '../world/world.ts'
import { addressLayer } from './address.ts'
import { autonomousSystemLayer } from './autonomousSystem.ts'
import { binLayer } from './bin.ts'
import { customerLayer } from './customer.ts'
import { atLeast, decide, type Finding, type Verdict } from './decision.ts'
import { deviceLayer } from './device.ts'
import type { Evidence } from './evidence.ts'
import { fingerprintLayer } from './fingerprint.ts'
import { refuseIfOff, switchLayer } from './killSwitch.ts'
import { linkingLayer } from './linking.ts'
import { networkLayer } from './network.ts'
import type { Policy } from './policy.ts'
import { challengeFor, isProven } from './proof.ts'
import { evidenceOf, type Read } from './read.ts'
import { refusal } from './refusal.ts'
import { subnetLayer } from './subnet.ts'
import type { Switches } from './switches.ts'
import { safeguardDecisions } from './tables.ts'
import { count } from './tally.ts'
import { tenantLayer } from './tenant.ts'
import { type Tried, type Values, valuesOf } from './values.ts'

export type Asked = Tried & {
  readonly verb: 'bind' | 'extend'
  readonly request: string
  /** What the browser worked out, or the captcha gave. */
  readonly proof: string | undefined
  /** What the proof has to be about. */
  readonly about: string
  readonly seen: Seen | undefined
  /** Whether a channel of the route can have the issuer ask; where none can, the browser has to work instead. */
  readonly canStepUp: boolean
  /** Whether something of the customer's has been bound here for a day: asked only where a layer that lets those pass would stop them. */
  readonly isKnown: () => Promise<boolean>
}

export type Admitted = {
  readonly writes: readonly Write[]
  /** For the operation: under which values it is counted, since its decline is counted there too; and whether the issuer has to ask. */
  readonly marks: { readonly counted: readonly string[]; readonly stepUp?: true }
}

/** Layers about what many share: whoever is known here passes them. */
const liftedForKnown: ReadonlySet<string> = new Set(['bin', 'tenant', 'subnet', 'network', 'autonomous_system'])
/** In ms; each try beyond doubles it. */
const delayMs = { least: 250, most: 4_000 }

/** Throws the uniform refusal, or that a proof is wanted. */
export async function guard(world: World, asked: Asked, read: Read, switches: Switches): Promise<Admitted> {
  refuseIfOff(switches, asked, asked.verb)
  const values = valuesOf(world, asked)
  const evidence = await evidenceOf(world, asked, read, values)
  const findings = [switchLayer(asked, switches), ...(await heeded(asked, findingsOf(evidence, read.policy)))]
  const { verdict, findings: told } = decide(findings)
  if (verdict === 'deny') return refuse(world, asked, told, values)
  const worksInstead = (one: Finding): boolean => one.verdict === 'proof' || (one.verdict === 'step_up' && !asked.canStepUp)
  if (told.some(worksInstead) && !(await isProven(world, asked.about, asked.proof, asked.client.ip))) throw proofWanted(world, asked.about)
  if (verdict === 'delay') await world.sleep(delayOf(told))
  const counts = countable(values).map(value => count(asked, value, { attempts: 1 }, world.now(), mostOf(value, read, values)))
  const kept = atLeast(verdict, 'proof') ? [insert(safeguardDecisions, decisionRow(world, asked, verdict, told))] : []
  const stepUp = asked.canStepUp && told.some(one => one.verdict === 'step_up')
  return { writes: [...counts, ...kept], marks: { counted: countable(values), ...(stepUp ? { stepUp } : {}) } }
}

export function findingsOf(evidence: Evidence, policy: Policy): readonly Finding[] {
  const layers = [
    customerLayer(evidence, policy),
    linkingLayer(evidence, policy),
    deviceLayer(evidence, policy),
    addressLayer(evidence, policy),
    subnetLayer(evidence, policy),
    autonomousSystemLayer(evidence, policy),
    binLayer(evidence, policy),
    fingerprintLayer(evidence, policy),
    tenantLayer(evidence, policy),
    networkLayer(evidence, policy),
  ]
  return layers.filter(one => !policy.isOff(one.layer))
}

async function heeded({ isKnown }: Asked, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const isLifted = (one: Finding): boolean => liftedForKnown.has(one.layer) && atLeast(one.verdict, 'proof')
  return findings.some(isLifted) && (await isKnown()) ? findings.filter(one => !isLifted(one)) : findings
}

/** A customer's and a device's refusing limits hold however many tries commit at once; the others look at declines. */
function mostOf(value: string, { policy, customer, device }: Read, values: Values): Parameters<typeof count>[4] {
  const [hour, day, week] = [3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000]
  if (value === values.customer && !policy.isOff('customer')) {
    const limits = [
      { max: policy.limit('customer', 'deny_per_day'), windowMs: day },
      { max: policy.limit('customer', 'deny_per_week'), windowMs: week },
    ]
    return { rows: customer, limits }
  }
  if (value === values.device && !policy.isOff('device'))
    return { rows: device.own, limits: [{ max: policy.limit('device', 'deny_per_hour'), windowMs: hour }] }
  return undefined
}

const countable = (values: Values): readonly string[] => Object.values(values).filter(one => one !== undefined)

function delayOf(findings: readonly Finding[]): number {
  const beyond = Math.max(0, ...findings.flatMap(one => one.reasons.slice(0, 1)).map(one => one.counted - one.limit))
  return Math.min(delayMs.most, delayMs.least * 2 ** Math.min(beyond, 10))
}

/** For what is no bind: keeps why, and throws the uniform refusal. */
export async function refuseTyped(world: World, asked: Explained, finding: Finding): Promise<void> {
  if (finding.verdict !== 'deny') return
  await world.store.commit([insert(safeguardDecisions, decisionRow(world, asked, 'deny', [finding]))])
  throw refusal()
}

type Explained = Pick<Asked, 'tenant' | 'mode' | 'customer' | 'request'> & { readonly verb: string }
function decisionRow(world: World, asked: Explained, verdict: Verdict, findings: readonly Finding[]) {
  const { tenant, mode, customer, request, verb } = asked
  const now = world.now()
  const id = nextId(world, 'dec', customer)
  return { tenant, id, mode, customer, request, verb, verdict, findings, created_at: now, due_at: now + keptMs, clock: null }
}
/** How long a decision can be explained: as long as a chargeback of it may be argued about. */
const keptMs = 120 * 24 * 3_600_000

/** Counted under what refused it only: that one address is kept out must not close an issuer's whole range. */
async function refuse(world: World, asked: Asked, findings: readonly Finding[], values: Values): Promise<never> {
  const by: Readonly<Record<string, readonly (string | undefined)[]>> = {
    customer: [values.customer],
    device: [values.device],
    address: [values.address],
    subnet: [values.subnet],
    network: [values.subnet, values.device],
    bin: [values.bin, values.binWeek],
    tenant: [values.tenant],
  }
  const refused = findings.filter(one => one.verdict === 'deny')
  const under = new Set(refused.flatMap(one => by[one.layer] ?? []).filter(one => one !== undefined))
  const counts = [...under].map(value => count(asked, value, { denied: 1 }, world.now()))
  const result = await world.store.commit([...counts, insert(safeguardDecisions, decisionRow(world, asked, 'deny', refused))])
  if (!result.ok) world.log.warn('a refusal was not kept', { request: asked.request, by: result.refused[0]?.constraint })
  throw refusal()
}

const proofWanted = (world: World, about: string): Problem =>
  new Problem('proof_wanted', 'The browser has to show that it takes trouble: see "errors".', {
    errors: [{ pointer: '/proof', detail: challengeFor(world, about) }],
  })

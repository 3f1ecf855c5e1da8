/** The safeguards as their operator sees them: limits and who set them, why something was refused, and what is switched off. */
import { z } from 'zod'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Context, type Endpoint, endpoint, nothing, type RawInput } from '../http/endpoint.ts'
import { id, text } from '../http/schemas.ts'
import { insert, move, remove, type Write } from '../world/store.ts'
import { type Mode, nextId } from '../world/world.ts'
import { verdicts } from './decision.ts'
import { isTunable, limits, type TunableLayer } from './limits.ts'
import { forgetPolicies, looserInTest, policyOf, weigh } from './policy.ts'
import { type DecisionRow, type PolicyRow, safeguardChanges, safeguardDecisions, safeguardPolicies } from './tables.ts'

const tag = 'Safeguards'
const limitShape = z.object({
  name: z.string(),
  about: z.string(),
  value: z.int(),
  default: z.int(),
  least: z.int(),
  free: z.int().describe('Up to here without a reason.'),
  most: z.int(),
})
const layerShape = z
  .object({
    object: z.literal('safeguard'),
    livemode: z.boolean(),
    layer: z.string(),
    off: z.boolean(),
    limits: z.array(limitShape),
    reason: z.string().nullable(),
    set_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Safeguard' })
const decisionShape = z
  .object({
    object: z.literal('safeguard_decision'),
    id: z.string(),
    livemode: z.boolean(),
    customer: z.string(),
    request: z.string(),
    verb: z.string(),
    verdict: z.enum(verdicts),
    why: z.array(
      z.object({
        layer: z.string(),
        verdict: z.enum(verdicts),
        evidence: z.array(z.object({ what: z.string(), counted: z.int(), limit: z.int() })),
      }),
    ),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'SafeguardDecision' })

const instant = (ms: number): string => new Date(ms).toISOString()
const layerNames = Object.keys(limits).filter(isTunable)
const layerParam = z.strictObject({ layer: z.enum(layerNames, 'must be a layer, as GET /v1/safeguards lists them') })
const layerBody = z.strictObject({
  limits: z.record(z.string().max(60), z.int('must be a whole number')).refine(all => Object.keys(all).length <= 20, 'has at most 20'),
  off: z.boolean().optional(),
  reason: text(500).optional(),
})

export const safeguardEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/v1/safeguards',
    name: 'listSafeguards',
    summary: 'The layers before a bind, with the limits that hold for you',
    tag,
    auth: 'secret',
    action: 'safeguards.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'Every layer.', schema: z.object({ object: z.literal('list'), data: z.array(layerShape) }) } },
    handle: async context => {
      const rows = await context.world.store.find(safeguardPolicies, scopeOf(context))
      return { status: 200, body: { object: 'list', data: layerNames.map(layer => viewLayer(context, layer, rows)) } }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/safeguards/{layer}',
    name: 'setSafeguard',
    summary: 'Set the limits of a layer',
    description:
      'In every process within a second. Beyond `free`, and to switch a layer off, a reason has to be given; it is kept. What is left out is as the deployment has it.',
    tag,
    auth: 'secret',
    action: 'safeguards.write',
    fourEyes: needsTwo,
    params: layerParam,
    query: nothing,
    body: layerBody,
    answers: { 200: { description: 'The layer.', schema: layerShape } },
    handle: async (context, { params, body }) => {
      const row = await setLayer(context, params.layer, { limits: body.limits, off: body.off ?? false, reason: body.reason })
      return { status: 200, body: viewLayer(context, params.layer, [row]) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/safeguard_decisions/{id}',
    name: 'getSafeguardDecision',
    summary: 'Why something was refused or made harder',
    tag,
    auth: 'secret',
    action: 'safeguards.read',
    params: z.strictObject({ id: id('dec') }),
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'What was counted, beside what may be.', schema: decisionShape } },
    handle: async (context, { params }) => {
      const { tenant, mode } = context.caller
      const row = await context.world.store.get(safeguardDecisions, { tenant, id: params.id })
      if (row === undefined || row.mode !== mode) throw new Problem('not_found', 'no such decision')
      return { status: 200, body: viewDecision(row) }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/safeguard_decisions',
    name: 'findSafeguardDecisions',
    summary: 'What the safeguards decided about a request or a customer',
    description: 'For you alone: whoever was refused must not learn which layer it was. What was simply let through leaves nothing.',
    tag,
    auth: 'secret',
    action: 'safeguards.read',
    params: nothing,
    query: z
      .strictObject({ request: id('req').optional(), customer: id('cus').optional() })
      .refine(asked => (asked.request === undefined) !== (asked.customer === undefined), 'one of request and customer must be given'),
    body: nothing,
    answers: {
      200: {
        description: 'The newest first, a hundred at most.',
        schema: z.object({ object: z.literal('list'), data: z.array(decisionShape) }),
      },
    },
    handle: async ({ world, caller: { tenant, mode } }, { query: { request, customer } }) => {
      const by = request === undefined ? { customer: customer ?? '', tenant } : { request, tenant }
      const rows = (await world.store.find(safeguardDecisions, by)).filter(row => row.mode === mode)
      const newest = rows.toSorted((one, other) => other.created_at - one.created_at).slice(0, 100)
      return { status: 200, body: { object: 'list', data: newest.map(viewDecision) } }
    },
  }),
]

/** What takes a reason takes two persons. */
function needsTwo(input: Pick<RawInput, 'params' | 'body'>, mode: Mode): boolean {
  const [params, body] = [layerParam.safeParse(input.params), layerBody.safeParse(input.body)]
  return params.success && body.success && weigh(params.data.layer, body.data.limits, body.data.off === true, mode).needsReason
}

const scopeOf = ({ caller: { tenant, mode } }: Context) => ({ tenant, mode })

function viewLayer(context: Context, layer: TunableLayer, rows: readonly PolicyRow[]) {
  const { mode } = context.caller
  const row = rows.find(one => one.layer === layer)
  const holds = policyOf(mode, rows, context.world.settings.safeguards?.times)
  const usual = policyOf(mode, [], context.world.settings.safeguards?.times)
  return {
    object: 'safeguard' as const,
    livemode: mode === 'live',
    layer,
    off: row?.off ?? false,
    limits: Object.entries(limits[layer]).map(([name, { about, least, free, most }]) => ({
      name,
      about,
      value: holds.named(layer, name),
      default: usual.named(layer, name),
      least,
      free: mode === 'test' ? free * looserInTest : free,
      most: mode === 'test' ? most * looserInTest : most,
    })),
    reason: row?.reason ?? null,
    set_at: row === undefined ? null : instant(row.set_at),
  }
}

type Wanted = { readonly limits: Readonly<Record<string, number>>; readonly off: boolean; readonly reason: string | undefined }

async function setLayer(context: Context, layer: TunableLayer, wanted: Wanted): Promise<PolicyRow> {
  const { world, caller, requestId } = context
  const { faults, needsReason } = weigh(layer, wanted.limits, wanted.off, caller.mode)
  const [fault] = faults
  if (fault !== undefined) throw fieldProblem(`/limits/${fault.name}`, fault.detail)
  if (needsReason && wanted.reason === undefined)
    throw fieldProblem('/reason', 'is required: this is looser than anybody may make it without saying why')
  const key = { tenant: caller.tenant, mode: caller.mode, layer }
  const row = await world.store.get(safeguardPolicies, key)
  const now = world.now()
  const set = { limits: wanted.limits, off: wanted.off, reason: wanted.reason ?? null, set_at: now, set_by: caller.key }
  const change = insert(safeguardChanges, {
    tenant: caller.tenant,
    id: nextId(world, 'chg', caller.tenant),
    mode: caller.mode,
    subject: `layer:${layer}`,
    before: row === undefined ? null : { limits: row.limits, off: row.off },
    after: { limits: wanted.limits, off: wanted.off },
    reason: wanted.reason ?? null,
    request: requestId,
    changed_by: caller.key,
    changed_at: now,
  })
  const isNothing = Object.keys(wanted.limits).length === 0 && !wanted.off
  const write: readonly Write[] =
    row === undefined
      ? isNothing
        ? []
        : [insert(safeguardPolicies, { ...key, ...set })]
      : [isNothing ? remove(safeguardPolicies, row) : move(safeguardPolicies, row, set)]
  if (!(await world.store.commit([...write, change])).ok) throw new Problem('conflict', 'the limits were changed by somebody else')
  forgetPolicies(world)
  return { ...key, ...set, version: (row?.version ?? 0) + 1 }
}

const viewDecision = ({ id: name, mode, customer, request, verb, verdict, findings, created_at }: DecisionRow) => ({
  object: 'safeguard_decision' as const,
  id: name,
  livemode: mode === 'live',
  customer,
  request,
  verb,
  verdict,
  why: findings.map(one => ({
    layer: one.layer,
    verdict: one.verdict,
    evidence: one.reasons.map(({ what, counted, limit }) => ({ what, counted, limit })),
  })),
  created_at: instant(created_at),
})

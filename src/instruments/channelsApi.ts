/** The endpoints about channels: what each can do, what makes their sandboxes do it, and the rules by which a bind finds its way. */
import { z } from 'zod'
import type { Channel } from '../channels/channel.ts'
import { capabilityOf } from '../channels/matrix.ts'
import { instrumentKinds, shapes } from '../channels/source.ts'
import { fieldProblem, Problem } from '../core/problem.ts'
import { type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { id } from '../http/schemas.ts'
import { subjectOf, termsOf } from './bodies.ts'
import { chooseRoute, knownChannels } from './route.ts'
import { addRule, asRule, type RoutingRow, readRules, removeRule } from './routing.ts'
import { sandboxValuesOf } from './sandboxValue.ts'
import { channelList, channelName, country, currency, routeBody } from './schemas.ts'
import { peek, sourceOf } from './source.ts'

const tag = 'Channels'
const text = z.string()

const channelShape = z
  .object({
    object: z.literal('channel'),
    name: text,
    title: text,
    available: z.boolean().describe('Whether there is an account of this mode.'),
    instruments: z.array(z.enum(instrumentKinds)),
    shapes: z.array(z.enum(shapes)),
    ways: z.array(
      z.object({ kind: z.enum(instrumentKinds), shape: z.enum(shapes), scheme: text.nullable(), countries: z.array(text).nullable() }),
    ),
    operations: z.array(
      z.object({
        name: text,
        repeat: z.enum(['keyed', 'lookUp', 'repeatable']),
        window_seconds: z.number().nullable(),
        key_length_max: z.int().nullable(),
        times_max: z.int().nullable(),
      }),
    ),
    look_up: z.boolean(),
    list: z.boolean().describe('Whether it shows what it keeps, so that a sweep can compare.'),
    currencies: z.array(z.object({ code: text, places: z.int() })),
    webhook: z.object({ algorithm: text, over: text, header: text, tolerance_seconds: z.int().nullable() }).nullable(),
    refusal_codes: z.int(),
    requests_per_second: z.number(),
    proof: z.object({ rank: z.enum(['specification', 'sdk', 'documentation']), source: text }),
  })
  .meta({ id: 'Channel' })

const valueShape = z
  .object({
    object: z.literal('sandbox_value'),
    channel: text,
    title: text,
    instrument: z.enum(instrumentKinds),
    shape: z.enum(shapes),
    capture: z
      .record(text, z.unknown())
      .nullable()
      .describe('What to hand to the vault at its capture door; of a device token, what POST /v1/sandbox/device_tokens makes one from.'),
    bind: z.record(text, z.unknown()).describe('What goes into the bind, with the reference that the vault gave for `cap_…`.'),
    outcome: text.describe('bound, challenged, verifying, or the category of the refusal'),
    ends: text.nullable(),
    retry: text.nullable(),
    from: text,
  })
  .meta({ id: 'SandboxValue' })

const tokenShape = z.object({
  object: z.literal('device_token'),
  wallet: z.enum(['apple_pay', 'google_pay']),
  token: z.record(text, z.unknown()),
})

const listOf = <S extends z.ZodType>(shape: S) => z.object({ object: z.literal('list'), data: z.array(shape) })

const conditionShape = z.strictObject({
  kinds: z.array(z.enum(instrumentKinds)).min(1).max(10).optional(),
  schemes: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{1,31}$/))
    .min(1)
    .max(50)
    .optional(),
  countries: z.array(country).min(1).max(250).optional(),
  currencies: z.array(currency).min(1).max(200).optional(),
  bins: z
    .array(z.string().regex(/^\d{1,8}$/, 'must be the 1 to 8 leading digits of a card'))
    .min(1)
    .max(500)
    .optional(),
})
const ruleBody = z.strictObject({
  priority: z.int().min(1).max(1_000).describe('Rules are tried from the lowest.'),
  when: conditionShape.describe('Every list that is given has to hold the value; an empty object always fits.'),
  channels: channelList,
  bind_on: z.enum(['first', 'all']).optional(),
})
const ruleShape = ruleBody
  .extend({ id: text, object: z.literal('routing_rule'), bind_on: z.enum(['first', 'all']), created_at: z.iso.datetime() })
  .meta({ id: 'RoutingRule' })

const consideredShape = z.object({ channel: text, verdict: z.enum(['chosen', 'next', 'left_out']), because: text })
const routeShape = z
  .object({
    object: z.literal('route'),
    channels: z.array(text),
    bind_on: z.enum(['first', 'all']),
    rule: text,
    considered: z.array(consideredShape),
  })
  .meta({ id: 'Route' })

export const channelEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/v1/channels',
    name: 'listChannels',
    summary: 'What each channel can do',
    description: 'Read off the channels themselves: instruments, shapes, operations and how each is repeated, currencies, webhooks, proof.',
    tag,
    auth: 'secret',
    action: 'channels.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'All channels.', schema: listOf(channelShape) } },
    handle: async ({ world, caller }) => {
      const available = (one: Channel) => world.account(one.name, caller.mode) !== undefined
      const data = [...world.channels.values()].map(one => ({ ...capabilityOf(one), available: available(one) }))
      return { status: 200, body: { object: 'list', data } }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/sandbox/values',
    name: 'listSandboxValues',
    unwatched: 'it tells the test numbers that channels publish',
    summary: 'What makes the simulated channels do something on purpose',
    tag,
    auth: 'secret',
    action: 'channels.read',
    params: nothing,
    query: z.strictObject({ channel: channelName.optional() }),
    body: nothing,
    answers: { 200: { description: 'All values of all channels, or of one.', schema: listOf(valueShape) } },
    handle: async ({ world }, { query }) => {
      const asked = [...world.channels.values()].filter(one => query.channel === undefined || one.name === query.channel)
      if (asked.length === 0) throw fieldProblem('query/channel', 'is not a channel here')
      return { status: 200, body: { object: 'list', data: sandboxValuesOf(asked) } }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/sandbox/device_tokens',
    name: 'tapDevice',
    summary: 'A token as Apple Pay or Google Pay would make it, for a test card',
    description:
      'The sandbox has a wallet of its own, whose tokens its vault opens like any other. Name a sandbox value of a device; hand what comes back to the capture door under the name of the wallet.',
    tag,
    auth: 'secret',
    action: 'sandbox.use',
    params: nothing,
    query: nothing,
    body: z.strictObject({ channel: channelName, title: z.string().min(1).max(200) }),
    answers: { 200: { description: 'The token.', schema: tokenShape } },
    handle: async ({ world, caller }, { body }) => {
      knownChannels(world, [body.channel], () => '/channel')
      const value = world.channels.get(body.channel)?.sandboxValues.find(one => one.title === body.title)
      if (value?.source.type !== 'device_token')
        throw fieldProblem('/title', 'is no sandbox value of a device at this channel', 'unprocessable')
      if (world.tap === undefined || caller.mode !== 'test') throw new Problem('not_found', 'there is no wallet here but in the sandbox')
      const { number = '', expiryMonth = '03', expiryYear = '2030' } = value.give
      const { wallet, cryptogram } = value.source
      const token = world.tap({ wallet, number, expiryMonth: Number(expiryMonth), expiryYear: Number(expiryYear), cryptogram })
      return { status: 200, body: { object: 'device_token', wallet, token: JSON.parse(token) } }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/route',
    name: 'explainRoute',
    summary: 'Where a bind would go, and why',
    description: 'Takes what a bind takes, binds nothing, and uses up no capture.',
    tag,
    auth: 'secret',
    action: 'channels.read',
    params: nothing,
    query: nothing,
    body: routeBody,
    answers: { 200: { description: 'The channels in order, and what was thought of each.', schema: routeShape } },
    handle: async (context, { body }) => ({ status: 200, body: await explain(context, body) }),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/routing_rules',
    name: 'createRoutingRule',
    summary: 'Add a routing rule',
    tag,
    auth: 'secret',
    action: 'routing.write',
    params: nothing,
    query: nothing,
    body: ruleBody,
    answers: { 201: { description: 'The rule; it holds from now on.', schema: ruleShape } },
    handle: async ({ world, caller }, { body }) => {
      knownChannels(world, body.channels, index => `/channels/${index}`)
      const { priority, channels, bind_on = 'first' } = body
      const { tenant, mode } = caller
      return {
        status: 201,
        body: viewRule(await addRule(world, { tenant, mode, priority, condition: conditionOf(body.when), channels, bind_on })),
      }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/routing_rules',
    name: 'listRoutingRules',
    summary: 'The routing rules, in the order they are tried',
    tag,
    auth: 'secret',
    action: 'channels.read',
    params: nothing,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'All of them.', schema: listOf(ruleShape) } },
    handle: async ({ world, caller }) => ({ status: 200, body: { object: 'list', data: (await readRules(world, caller)).map(viewRule) } }),
  }),
  endpoint({
    method: 'DELETE',
    path: '/v1/routing_rules/{id}',
    name: 'deleteRoutingRule',
    summary: 'Remove a routing rule',
    tag,
    auth: 'secret',
    action: 'routing.write',
    params: z.strictObject({ id: id('rul') }),
    query: nothing,
    body: nothing,
    answers: { 204: { description: 'It is gone.' } },
    handle: async ({ world, caller }, { params }) => {
      await removeRule(world, { tenant: caller.tenant, mode: caller.mode, id: params.id })
      return { status: 204, body: undefined }
    },
  }),
]

async function explain({ world, caller }: Context, body: z.output<typeof routeBody>) {
  knownChannels(world, body.channels ?? [], index => `/channels/${index}`)
  const subject = subjectOf(body)
  const captured = await peek(world, caller, subject)
  const source = sourceOf(subject, captured)
  const bin = body.bin ?? (captured !== undefined && 'card' in captured ? captured.card.bin : undefined)
  const rules = (await readRules(world, caller)).map(asRule)
  const { tenant, mode } = caller
  const wish = { tenant, mode, source, terms: termsOf(body.mandate), bin, asked: body.channels, all: undefined }
  const { channels, all, reason } = chooseRoute(world, wish, rules)
  return { object: 'route', channels, bind_on: all ? 'all' : 'first', rule: reason.rule, considered: reason.considered }
}

type ConditionBody = z.output<typeof conditionShape>
function conditionOf({ kinds, schemes, countries, currencies, bins }: ConditionBody) {
  return {
    ...(kinds === undefined ? {} : { kinds }),
    ...(schemes === undefined ? {} : { schemes }),
    ...(countries === undefined ? {} : { countries }),
    ...(currencies === undefined ? {} : { currencies }),
    ...(bins === undefined ? {} : { bins }),
  }
}

const viewRule = (row: RoutingRow) => ({
  id: row.id,
  object: 'routing_rule' as const,
  priority: row.priority,
  when: row.condition,
  channels: row.channels,
  bind_on: row.bind_on,
  created_at: new Date(row.created_at).toISOString(),
})

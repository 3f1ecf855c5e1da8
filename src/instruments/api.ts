/** The endpoints of instruments: bind, extend, resume, unbind, read, explain. */
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from '../http/endpoint.ts'
import { paced } from '../safeguards/pace.ts'
import { refusedBy } from '../world/store.ts'
import { type Bound, bind, type Companions } from './bind.ts'
import { clientOf, consentOf, subjectOf, termsOf } from './bodies.ts'
import { extend } from './extend.ts'
import { refresh } from './refresh.ts'
import { answersWanted, resend, resume } from './resume.ts'
import { knownChannels } from './route.ts'
import { bindBody, bindingBody, extendBody, instrumentParams, resumeBody, unbindBody } from './schemas.ts'
import { instrumentShape, timelineShape } from './shapes.ts'
import { type BindingRow, bindings, type InstrumentRow, instruments } from './tables.ts'
import { timeline } from './timeline.ts'
import { unbind } from './unbind.ts'
import { viewInstrument } from './view.ts'

const tag = 'Instruments'
const shown = { description: 'The instrument, its bindings and what is to be done next.', schema: instrumentShape }

export const instrumentEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/instruments',
    name: 'bindInstrument',
    summary: 'Bind a card, device token, bank account, wallet, mandate or phone bill',
    description:
      'Verifies it with the first channel of the route (or with all of them) and keeps what that channel gives. The same card or account of the same customer is the same instrument, however often it is bound. Why it went where it went stands in each binding.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: nothing,
    query: nothing,
    body: bindBody,
    answers: { 201: shown, 200: { description: 'The customer had this card here already.', schema: instrumentShape } },
    once: 'own',
    recover,
    handle: async (context, { body }) => {
      const { companions, answer } = companionsOf(context)
      const request = {
        tenant: context.caller.tenant,
        mode: context.caller.mode,
        customer: body.customer,
        subject: subjectOf(body),
        terms: termsOf(body.mandate),
        channels: body.channels,
        all: body.bind_on === undefined ? undefined : body.bind_on === 'all',
        returnUrl: body.return_url,
        client: clientOf(body.client),
        consent: consentOf(body.consent),
        metadata: body.metadata ?? {},
        redisplay: body.allow_redisplay,
        request: context.requestId,
        proof: body.proof,
      }
      return answer(await paced(context.world, 'api', () => bind(context.world, request, companions), isDeclined))
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}',
    name: 'getInstrument',
    summary: 'Read an instrument',
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async (context, { params }) => show(context, params.id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/bindings',
    name: 'extendInstrument',
    summary: 'Bind an instrument on one more channel',
    description: 'With the sealed card: the customer is not asked for it again.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams,
    query: nothing,
    body: extendBody,
    answers: { 200: shown },
    once: 'own',
    recover,
    handle: async (context, { params, body }) => {
      const { companions, answer } = companionsOf(context)
      knownChannels(context.world, [body.channel], () => '/channel')
      const instrument = await readInstrument(context, params.id)
      const { channel, return_url: returnUrl, proof } = body
      const request = { instrument, channel, returnUrl, client: clientOf(body.client), request: context.requestId, proof }
      return answer(await paced(context.world, 'api', () => extend(context.world, request, companions), isDeclined))
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/resume',
    name: 'resumeInstrument',
    summary: 'Go on after a challenge',
    description:
      'For callers that take the browser back themselves: hand over the parameters it came with. What a customer types goes by the names of its action: `otp`, `amounts`, `descriptor_code`, `three_ds_result`. With nothing returned a binding that waits for an app or a bank is looked up now.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams,
    query: nothing,
    body: resumeBody,
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const asked = await bindingOf(context, instrument, body.binding, 'challenge')
      answersWanted(asked, body.returned)
      const decision = await resume(context.world, {
        tenant: asked.tenant,
        binding: asked.id,
        returned: body.returned,
        request: context.requestId,
      })
      return { status: 200, body: viewInstrument(decision.instrument, decision.bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/resend',
    name: 'resendPassword',
    summary: 'Send the one-time password again',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams,
    query: nothing,
    body: bindingBody,
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const asked = await bindingOf(context, instrument, body.binding, 'challenge')
      const decision = await resend(context.world, { tenant: asked.tenant, binding: asked.id, request: context.requestId })
      return { status: 200, body: viewInstrument(decision.instrument, decision.bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/refresh',
    name: 'refreshInstrument',
    summary: 'Ask a channel for what is new behind its token',
    description: 'An update of the card, or a fresh token for one that lapses. Tokens that lapse are refreshed in time without this.',
    tag,
    auth: 'secret',
    action: 'instruments.write',
    params: instrumentParams,
    query: nothing,
    body: bindingBody,
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const asked = await bindingOf(context, instrument, body.binding, 'active')
      const decision = await refresh(context.world, { tenant: asked.tenant, binding: asked.id, request: context.requestId })
      return { status: 200, body: viewInstrument(decision.instrument, decision.bindings) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/unbind',
    name: 'unbindInstrument',
    summary: 'Unbind: give the instrument up everywhere',
    description:
      'From now on it cannot be used. Each channel is told to forget it; what a channel does not answer is asked again until it does. Where somebody relies on it (see dependents) the answer is a problem with a `plan`, and nothing was changed: send its `confirm`, or the `replacement` that they rely on from now on.',
    tag,
    auth: 'secret',
    action: 'instruments.unbind',
    params: instrumentParams,
    query: nothing,
    body: unbindBody,
    answers: { 200: shown },
    once: 'own',
    recover,
    handle: async (context, { params, body }) => {
      const { companions, answer } = companionsOf(context)
      const instrument = await readInstrument(context, params.id)
      const at = { tenant: instrument.tenant, instrument, request: context.requestId, consent: body }
      return answer(await unbind(context.world, at, companions))
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/timeline',
    name: 'getInstrumentTimeline',
    summary: 'Explain an instrument: everything that happened to it, and why it is as it is',
    tag,
    auth: 'secret',
    action: 'instruments.read',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: { description: 'In the order we came to know it.', schema: timelineShape } },
    handle: async (context, { params }) => ({
      status: 200,
      body: { object: 'list', data: await timeline(context.world, await readInstrument(context, params.id)) },
    }),
  }),
]

/** The instrument, if it is the caller's and of the key's mode. One that was merged answers with what it was merged into. */
export async function readInstrument(context: Context, id: string): Promise<InstrumentRow> {
  const { tenant, mode } = context.caller
  const row = await context.world.store.get(instruments, { tenant, id })
  if (row === undefined || row.mode !== mode) throw new Problem('not_found', 'no such instrument')
  return row.merged_into === null ? row : readInstrument(context, row.merged_into)
}

const isDeclined = ({ instrument }: Bound): boolean => instrument.status === 'failed'

/** The binding that was named, or the one that is in this state. */
async function bindingOf(
  context: Context,
  instrument: InstrumentRow,
  named: string | undefined,
  status: BindingRow['status'],
): Promise<BindingRow> {
  const rows = await context.world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
  // An answer to a challenge was lost: the customer is still before it.
  const asked = (one: BindingRow) => status === 'challenge' && one.status === 'uncertain' && one.action !== null
  const found = named === undefined ? (rows.find(one => one.status === status) ?? rows.find(asked)) : rows.find(one => one.id === named)
  if (found !== undefined) return found
  const detail = status === 'challenge' ? 'does not wait for a challenge' : `is not ${status}`
  throw new Problem('conflict', `no binding of it: ${detail}`, { errors: [{ pointer: '/binding', detail }] })
}

async function show(context: Context, id: string): Promise<Answer> {
  const row = await readInstrument(context, id)
  return { status: 200, body: viewInstrument(row, await context.world.store.find(bindings, { tenant: row.tenant, instrument: row.id })) }
}

/** A retry whose first request died between its commits is told how things stand. */
function recover(context: Context, resource: string): Promise<Answer> {
  return show(context, resource)
}

/** The idempotency rows as companions of the use case's commits, and the answer as it was stored with them. */
function companionsOf(context: Context): { readonly companions: Companions; readonly answer: (bound: Bound) => Answer } {
  let last: Answer | undefined
  const render = (bound: Bound): Answer => {
    last = { status: bound.created ? 201 : 200, body: viewInstrument(bound.instrument, bound.bindings) }
    return last
  }
  const companions: Companions = {
    claim: resource => context.once.claim(resource),
    answer: bound => context.once.answer(render(bound)),
    both: bound => context.once.whole(render(bound)),
    check: result => {
      if (refusedBy(result, onceConstraint)) throw new OnceTaken()
    },
  }
  return { companions, answer: bound => last ?? render(bound) }
}

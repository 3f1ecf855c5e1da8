/** The endpoints of instruments: bind, extend, resume, unbind, read, explain. */
import type { z } from 'zod'
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from '../http/endpoint.ts'
import { refusedBy } from '../world/store.ts'
import { type Bound, bind, type Companions } from './bind.ts'
import { extend } from './extend.ts'
import { resume } from './resume.ts'
import { bindBody, extendBody, instrumentParams, instrumentShape, resumeBody, timelineShape } from './schemas.ts'
import { bindings, type Client, type Consent, type InstrumentRow, instruments } from './tables.ts'
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
    summary: 'Bind a captured card',
    description:
      'Verifies the card with the first channel of the route and keeps what that channel gives. The same card of the same customer is the same instrument, however often it is bound.',
    tag,
    auth: 'secret',
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
        capture: body.card.capture,
        route: body.channels,
        returnUrl: body.return_url,
        client: clientOf(body.client),
        consent: consentOf(body.consent),
        metadata: body.metadata ?? {},
        request: context.requestId,
      }
      return answer(await bind(context.world, request, companions))
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}',
    name: 'getInstrument',
    summary: 'Read an instrument',
    tag,
    auth: 'secret',
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
    params: instrumentParams,
    query: nothing,
    body: extendBody,
    answers: { 200: shown },
    once: 'own',
    recover,
    handle: async (context, { params, body }) => {
      const { companions, answer } = companionsOf(context)
      const instrument = await readInstrument(context, params.id)
      return answer(
        await extend(
          context.world,
          { instrument, channel: body.channel, returnUrl: body.return_url, client: clientOf(body.client), request: context.requestId },
          companions,
        ),
      )
    },
  }),
  endpoint({
    method: 'POST',
    path: '/v1/instruments/{id}/resume',
    name: 'resumeInstrument',
    summary: 'Go on after a challenge',
    description: 'For callers that take the browser back themselves: hand over the parameters it came with.',
    tag,
    auth: 'secret',
    params: instrumentParams,
    query: nothing,
    body: resumeBody,
    answers: { 200: shown },
    handle: async (context, { params, body }) => {
      const instrument = await readInstrument(context, params.id)
      const rows = await context.world.store.find(bindings, { tenant: instrument.tenant, instrument: instrument.id })
      const asked = rows.find(one => (body.binding === undefined ? one.status === 'challenge' : one.id === body.binding))
      if (asked === undefined)
        throw new Problem('conflict', 'no binding of it waits for a challenge', {
          errors: [{ pointer: '/binding', detail: 'does not wait for a challenge' }],
        })
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
    path: '/v1/instruments/{id}/unbind',
    name: 'unbindInstrument',
    summary: 'Unbind: give the instrument up everywhere',
    description:
      'From now on it cannot be used. Each channel is told to forget it; what a channel does not answer is asked again until it does.',
    tag,
    auth: 'secret',
    params: instrumentParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    once: 'own',
    recover,
    handle: async (context, { params }) => {
      const { companions, answer } = companionsOf(context)
      const instrument = await readInstrument(context, params.id)
      return answer(await unbind(context.world, { tenant: instrument.tenant, instrument, request: context.requestId }, companions))
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/instruments/{id}/timeline',
    name: 'getInstrumentTimeline',
    summary: 'Explain an instrument: everything that happened to it, and why it is as it is',
    tag,
    auth: 'secret',
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

type ClientBody = z.output<typeof bindBody>['client']
type ConsentBody = z.output<typeof bindBody>['consent']

function clientOf(body: ClientBody): Client {
  return { ip: body?.ip ?? null, userAgent: body?.user_agent ?? null, device: body?.device ?? null }
}

function consentOf(body: ConsentBody): Consent | null {
  if (body === undefined) return null
  return {
    textVersion: body.text_version,
    acceptedAt: body.accepted_at,
    ip: body.ip ?? null,
    userAgent: body.user_agent ?? null,
  }
}

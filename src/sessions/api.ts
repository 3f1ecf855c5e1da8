/** A session's endpoints for the server that opens it, with a secret key. */
import { Problem } from '../core/problem.ts'
import { type Answer, type Context, type Endpoint, endpoint, nothing, OnceTaken, onceConstraint } from '../http/endpoint.ts'
import { termsOf } from '../instruments/bodies.ts'
import { refusedBy } from '../world/store.ts'
import { cancelSession } from './cancel.ts'
import { clientSessionEndpoints } from './clientApi.ts'
import { currentSession } from './current.ts'
import { openSession } from './open.ts'
import { sessionBody, sessionParams, sessionShape } from './schemas.ts'
import { hostedUrl, sessionNow } from './secret.ts'
import { bindingSessions, type SessionRow } from './tables.ts'
import { viewSession } from './view.ts'

const tag = 'Binding sessions'
const shown = { description: 'The session.', schema: sessionShape }

export const sessionEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/v1/binding_sessions',
    name: 'openBindingSession',
    summary: 'Let a browser bind one instrument for a customer',
    description:
      'The client secret in the answer is for one browser: for 15 minutes and at most five submissions it may capture and bind, and whoever has it, on whatever device, goes on where it stands. A bind that is under way when the session expires is not lost.',
    tag,
    auth: 'secret',
    action: 'portal.write',
    params: nothing,
    query: nothing,
    body: sessionBody,
    answers: { 201: shown },
    once: 'own',
    recover: show,
    handle: async ({ world, caller, once }, { body }) => {
      const opening = {
        tenant: caller.tenant,
        mode: caller.mode,
        customer: body.customer,
        kinds: body.kinds ?? null,
        channels: body.channels ?? null,
        origins: body.origins,
        returnUrl: body.return_url,
        consentText: body.consent?.text_version ?? null,
        terms: termsOf(body.mandate) ?? null,
        replaces: null,
      }
      const answerOf = (row: SessionRow, key?: { readonly secret: string; readonly url: string }): Answer => ({
        status: 201,
        body: viewSession(row, key),
      })
      const { session, secret } = await openSession(world, opening, {
        // Kept without the secret: it is told once, and a repetition that finds it missing opens another session.
        writes: row => once.whole(answerOf(row)),
        check: result => {
          if (refusedBy(result, onceConstraint)) throw new OnceTaken()
        },
      })
      return { ...answerOf(session, { secret, url: hostedUrl(world, secret) }), toldOnce: true }
    },
  }),
  endpoint({
    method: 'GET',
    path: '/v1/binding_sessions/{id}',
    name: 'getBindingSession',
    summary: 'Read a binding session',
    tag,
    auth: 'secret',
    action: 'portal.read',
    params: sessionParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: (context, { params }) => show(context, params.id),
  }),
  endpoint({
    method: 'POST',
    path: '/v1/binding_sessions/{id}/cancel',
    name: 'cancelBindingSession',
    summary: 'Cancel a binding session',
    description: 'What it has not finished binding is given up.',
    tag,
    auth: 'secret',
    action: 'portal.write',
    params: sessionParams,
    query: nothing,
    body: nothing,
    answers: { 200: shown },
    handle: async (context, { params }) => {
      const session = await readSession(context, params.id)
      const now = await sessionNow(context.world, session)
      const cancelled = await cancelSession(context.world, { session, now }, context.requestId)
      return { status: 200, body: viewSession(cancelled.session) }
    },
  }),
  ...clientSessionEndpoints,
]

async function readSession({ world, caller }: Context, id: string): Promise<SessionRow> {
  const row = await world.store.get(bindingSessions, { id })
  if (row === undefined || row.tenant !== caller.tenant || row.mode !== caller.mode) throw new Problem('not_found', 'no such session')
  return row
}

async function show(context: Context, id: string): Promise<Answer> {
  const session = await readSession(context, id)
  const current = await currentSession(context.world, { session, now: await sessionNow(context.world, session) })
  return { status: 200, body: viewSession(current.session) }
}

/** What a browser may do with a session's client secret, and with nothing else. The session is found by the secret itself. */
import { signGrant } from '../core/grant.ts'
import { Problem } from '../core/problem.ts'
import { type Answer, type Bearer, type Context, type Endpoint, endpoint, nothing } from '../http/endpoint.ts'
import { userAgent } from '../http/schemas.ts'
import { subjectOf } from '../instruments/bodies.ts'
import { answersWanted, resend, resume } from '../instruments/resume.ts'
import { grantShape } from '../instruments/shapes.ts'
import type { BindingRow, Client } from '../instruments/tables.ts'
import { paced } from '../safeguards/pace.ts'
import { isRefusal } from '../safeguards/refusal.ts'
import { moveTo } from '../world/store.ts'
import { cancelSession } from './cancel.ts'
import { type Current, currentSession } from './current.ts'
import { clientSessionShape, sessionBindingBody, sessionResumeBody, submitBody } from './schemas.ts'
import { type Admitted, admitSession, type Headers, hostedOrigin } from './secret.ts'
import { grantsMax } from './session.ts'
import { refuseClosed, submit } from './submit.ts'
import { bindingSessions } from './tables.ts'
import { viewClientSession } from './view.ts'

const bearer: Bearer = {
  name: 'clientSecret',
  crossOrigin: true,
  admit: async ({ world, permitOrigin }, headers) => {
    const { origin } = headers
    // Our own page may read why it is not let in; of others only those that the session names may read anything.
    if (origin === hostedOrigin(world)) permitOrigin?.(origin)
    await admitSession(world, headers)
    if (origin !== undefined) permitOrigin?.(origin)
  },
}
const client = { tag: 'Binding sessions (browser)', auth: 'none', bearer, params: nothing, query: nothing } as const
const answers = { 200: { description: 'How the session stands, and what the customer does next.', schema: clientSessionShape } }
const path = '/v1/binding_session'

export const clientSessionEndpoints: readonly Endpoint[] = [
  endpoint({
    ...client,
    method: 'GET',
    path,
    name: 'readBindingSession',
    summary: 'Read the session of this client secret',
    description: 'The session is all the state there is: opened on another device it shows the same next action.',
    body: nothing,
    answers,
    handle: async ({ world }, { headers }) => shown(await currentSession(world, await admitSession(world, headers))),
  }),
  endpoint({
    ...client,
    method: 'POST',
    path: `${path}/capture_grants`,
    name: 'createSessionCaptureGrant',
    summary: 'Allow one card or account to be handed to the vault',
    description: "For pages of the session's origins. Post what was typed to `capture_url` with `Authorization: Bearer <grant>`.",
    body: nothing,
    answers: { 201: { description: 'The grant.', schema: grantShape } },
    handle: async ({ world }, { headers }) => ({
      status: 201,
      body: await grantFor(world, await admitSession(world, headers), headers.origin),
    }),
  }),
  endpoint({
    ...client,
    method: 'POST',
    path: `${path}/submit`,
    name: 'submitBindingSession',
    summary: 'Bind what was captured',
    description: 'The same again changes nothing: two clicks are one bind.',
    body: submitBody,
    answers,
    handle: async (context, { body, headers }) => {
      const { world, requestId: request } = context
      const submission = {
        subject: subjectOf(body),
        client: clientOf(context, headers, body.device),
        agreed: body.agreed === true,
        proof: body.proof,
        request,
      }
      const { current, proofWanted } = await submit(world, await admitSession(world, headers), submission)
      return shown(current, proofWanted)
    },
  }),
  endpoint({
    ...client,
    method: 'POST',
    path: `${path}/resume`,
    name: 'resumeBindingSession',
    summary: 'Go on after a challenge',
    description: 'With what the browser came back with, or what the customer typed; with nothing it is looked up now.',
    body: sessionResumeBody,
    answers,
    handle: async ({ world, requestId: request }, { body, headers }) => {
      const at = await admitSession(world, headers)
      const current = await currentSession(world, at)
      const asked = challengeOf(current, body.binding)
      if (asked === undefined) return shown(current)
      answersWanted(asked, body.returned)
      const act = () => resume(world, { tenant: asked.tenant, binding: asked.id, returned: body.returned, request })
      // A code too many is told like a wrong one.
      await paced(world, 'session', act, () => false).catch(error => {
        if (!isRefusal(error)) throw error
      })
      return shown(await currentSession(world, await admitSession(world, headers)))
    },
  }),
  endpoint({
    ...client,
    method: 'POST',
    path: `${path}/resend`,
    name: 'resendSessionPassword',
    summary: 'Send the one-time password again',
    body: sessionBindingBody,
    answers,
    handle: async ({ world, requestId: request }, { body, headers }) => {
      const asked = challengeOf(await currentSession(world, await admitSession(world, headers)), body.binding)
      if (asked === undefined) throw new Problem('conflict', 'nothing waits for a password')
      await resend(world, { tenant: asked.tenant, binding: asked.id, request })
      return shown(await currentSession(world, await admitSession(world, headers)))
    },
  }),
  endpoint({
    ...client,
    method: 'POST',
    path: `${path}/cancel`,
    name: 'abandonBindingSession',
    summary: 'Cancel: the customer wants none of it',
    body: nothing,
    answers,
    handle: async ({ world, requestId }, { headers }) => shown(await cancelSession(world, await admitSession(world, headers), requestId)),
  }),
]

const shown = (current: Current, proofWanted?: string): Answer => ({ status: 200, body: viewClientSession(current, proofWanted) })

/** Before which binding the customer is: the one that was named, or the first. */
const challengeOf = ({ session, bound }: Current, named: string | undefined): BindingRow | undefined =>
  session.status === 'cancelled'
    ? undefined
    : bound?.bindings.find(
        one =>
          (named === undefined || one.id === named) && (one.status === 'challenge' || (one.status === 'uncertain' && one.action !== null)),
      )

/** What the browser says of itself; an odd name for a browser is left out rather than refused. */
function clientOf({ peerAddress }: Context, headers: Headers, device: string | undefined): Client {
  return { ip: peerAddress ?? null, userAgent: userAgent.safeParse(headers['user-agent']).data ?? null, device: device ?? null }
}

async function grantFor(world: Context['world'], at: Admitted, origin: string | undefined) {
  const { session } = await currentSession(world, at)
  refuseClosed(session)
  if (session.grants >= grantsMax) throw new Problem('too_many_requests', 'the session has had all its grants')
  // The vault lives in real time, whatever the customer's clock says; the session gives no more than what it has left.
  const expiresAt = world.now() + session.expires_at - at.now
  const result = await world.store.commit([
    moveTo(bindingSessions, session, { ...session, grants: session.grants + 1, updated_at: world.now() }),
  ])
  if (!result.ok) throw new Problem('conflict', 'the session changed meanwhile')
  const grant = signGrant(world.settings.grantKey, world.now(), {
    tenant: session.tenant,
    mode: session.mode,
    captures: 1,
    expiresAt,
    nonce: world.random(16).toString('base64url'),
    origins: origin === hostedOrigin(world) ? [origin] : session.origins,
  })
  const expires_at = new Date(expiresAt).toISOString()
  return { object: 'capture_grant' as const, grant, capture_url: world.settings.captureUrl, expires_at, captures: 1 }
}

/** The judge of Stripe's simulator: the published specification, in both directions, and the object inside each event. */

import { isRecord } from '../json.ts'
import { createJudge, type Judge } from '../judge.ts'
import type { StageJudge } from '../simulator.ts'

/** Stripe refuses parameters it does not know at any depth, though the document says so for the outermost only. */
export const createStripeJudge = (specsDir: string): Judge =>
  createJudge({ specsDir, file: 'stripe/spec3.2023-08-16.yaml', closedRequests: true })

/** Compiles at once what the adapter uses, so that the first bind does not wait for it. */
export function judgeStripe(specsDir: string): StageJudge {
  const judge = createStripeJudge(specsDir)
  judge.prepare([
    ['POST', '/v1/customers'],
    ['POST', '/v1/payment_methods'],
    ['POST', '/v1/setup_intents'],
    ['GET', '/v1/setup_intents/x'],
    ['POST', '/v1/payment_methods/x'],
    ['POST', '/v1/payment_methods/x/detach'],
    ['POST', '/v1/setup_intents/x/verify_microdeposits'],
  ])
  return {
    covers: request => request.path.startsWith('/v1/'),
    request: request => judge.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      judge.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event(event) {
      const value: unknown = JSON.parse(event.body)
      const object = isRecord(value) && isRecord(value.data) && isRecord(value.data.object) ? value.data.object : {}
      const name = typeof object.object === 'string' ? object.object : 'event'
      return [...judge.checkSchema('event', value), ...judge.checkSchema(name, object)]
    },
  }
}

/** The judge of Stripe's simulator: the published specification, in both directions, and the object inside each event. */
import { createJudge, type Judge } from '../judge.ts'
import { isRecord } from '../judge-document.ts'
import type { StageJudge } from '../simulator.ts'

export const stripeSpecification = 'stripe/spec3.2023-08-16.yaml'

/** Stripe refuses parameters it does not know at any depth, though the document says so for the outermost only. */
export const createStripeJudge = (specsDir: string): Judge => createJudge({ specsDir, file: stripeSpecification, closedRequests: true })

export function stageStripe(judge: Judge): StageJudge {
  return {
    covers: request => request.path.startsWith('/v1/'),
    request: request => judge.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      judge.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event(event) {
      const value: unknown = JSON.parse(event.body)
      const object = isRecord(value) && isRecord(value.data) && isRecord(value.data.object) ? value.data.object : {}
      return [
        ...judge.checkSchema('event', value),
        ...judge.checkSchema(typeof object.object === 'string' ? object.object : 'event', object),
      ]
    },
  }
}

/** The judge of the bank's stage: API Pix 2.9.0 for calls, `RecNotification` for news. */
import { isRecord, type Json } from '../json.ts'
import { createJudge, type Violation } from '../judge.ts'
import type { SimulatorEvent, StageJudge } from '../simulator.ts'
import { overlays } from './overlays.ts'

export const specification = { file: 'pix/openapi.yaml' } as const

export const operations = [
  ['POST', '/locrec'],
  ['GET', '/locrec/{id}'],
  ['POST', '/rec'],
  ['GET', '/rec'],
  ['GET', '/rec/{idRec}'],
  ['PATCH', '/rec/{idRec}'],
  ['POST', '/solicrec'],
  ['PUT', '/webhookrec'],
] as const

export function judgePix(specsDir: string): StageJudge {
  const judge = createJudge({ specsDir, ...specification, overlays })
  judge.prepare(operations)
  return {
    covers: request => !request.path.startsWith('/oauth/'),
    request: request => judge.checkRequest({ ...request, contentType: request.headers['content-type'] ?? '' }),
    answer: (request, answer) =>
      judge.checkResponse({ method: request.method, path: request.path, status: answer.status, body: answer.body }),
    event: event => judgeEvent(event, value => judge.checkSchema('RecNotification', value)),
  }
}

function judgeEvent(event: SimulatorEvent, check: (value: unknown) => readonly Violation[]): readonly Violation[] {
  const body: unknown = JSON.parse(event.body)
  const recs: Json[] = isRecord(body) && Array.isArray(body.recs) ? body.recs.filter(isRecord) : []
  return recs.length === 0 ? [{ where: 'value', pointer: '/recs', message: 'is missing' }] : recs.flatMap(check)
}

/** The judge of CAMARA's stage: One Time Password SMS 1.1.1, as released. No overlay is needed. */
import { createJudge } from '../judge.ts'
import type { SimulatorRequest, StageJudge } from '../simulator.ts'
import { otpPath } from './wire.ts'

export const operations = [
  ['POST', '/send-code'],
  ['POST', '/validate-code'],
] as const

export function judgeCamara(specsDir: string): StageJudge {
  const judge = createJudge({ specsDir, file: 'camara/one-time-password-sms-1.1.1.yaml' })
  judge.prepare(operations)
  const pathOf = (request: SimulatorRequest): string => request.path.slice(otpPath.length)
  return {
    covers: request => request.path.startsWith(otpPath),
    request: request => judge.checkRequest({ ...request, path: pathOf(request), contentType: request.headers['content-type'] ?? '' }),
    answer: (request, { status, body }) => judge.checkResponse({ method: request.method, path: pathOf(request), status, body }),
    event: () => [{ where: 'value', pointer: '', message: 'nothing is told about a verification' }],
  }
}

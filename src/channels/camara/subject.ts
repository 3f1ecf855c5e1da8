/** CAMARA as the contract suite takes it. Tests only. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Subject } from '../contract-bench.ts'
import { specJudge, specsDirOf } from '../judge.ts'
import { camara } from './channel.ts'
import { sandbox } from './sandbox.ts'

export const specificationFiles = ['one-time-password-sms-1.1.1.yaml', 'carrier-billing-0.5.0.yaml'] as const
/** Every code that stands in an example or an enumeration of a specification. */
export function codesOf(file: string): readonly string[] {
  const text = readFileSync(join(specsDirOf(), 'camara', file), 'utf8')
  const codes = [...text.matchAll(/^\s+(?:code: "?|- )([A-Z][A-Z_]+(?:\.[A-Z_]+)?)"?$/gm)].map(([, code = '']) => code)
  return [...new Set(codes)].filter(code => !credentialTypes.includes(code))
}
/** Words of the same form in other enumerations: kinds of sink credentials. */
const credentialTypes = ['PLAIN', 'ACCESSTOKEN', 'REFRESHTOKEN']

export const subject: Subject = {
  channel: camara,
  sandbox,
  storePath: '/one-time-password-sms/v1/send-code',
  unknownRefusal: {
    status: 403,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ status: 403, code: 'ONE_TIME_PASSWORD_SMS.FULL_MOON', message: 'Not tonight.' }),
  },
  timestamped: false,
  signsBytes: false,
  boundEvent: '',
  bodylessResume: true,
  officialCodes: specJudge(specsDirOf()) === 'on' ? specificationFiles.flatMap(codesOf) : [...camara.refusals.keys()],
}

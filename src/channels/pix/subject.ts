/** Pix Automático as the contract suite takes it. Tests only. */
import type { Subject } from '../contract-bench.ts'
import { pix } from './channel.ts'
import { cancellationCodes, problemTypes, rejectionCodes } from './refusals.ts'
import { sandbox } from './sandbox.ts'
import { problem } from './simulator-input.ts'

const codes = [problemTypes, rejectionCodes, cancellationCodes].flatMap(one => Object.values<readonly string[]>(one).flat())

export const subject: Subject = {
  channel: pix,
  sandbox,
  storePath: '/rec',
  unknownRefusal: problem(400, 'FaseDaLua', 'A lua não está cheia.'),
  timestamped: false,
  // The connection is authenticated, not the body.
  signsBytes: false,
  boundEvent: 'rec.APROVADA',
  // `refusals.test.ts` compares them with the specification.
  officialCodes: codes,
}

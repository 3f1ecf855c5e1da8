/** What the payer has to do about a recurrence that waits for them. */
import type { AwaitAction, QrAction } from '../action.ts'
import type { BindOutcome, References } from '../channel.ts'
import { locationOf } from './br-code.ts'
import { momentOf, uncertain } from './outcome.ts'
import type { Confirmation, Recurrence } from './wire.ts'

/** Requests to the payer's bank that may still be answered. */
const openRequests: readonly string[] = ['CRIADA', 'ENVIADA', 'RECEBIDA']

/**
 * The payer's bank asks them, or they scan the code: while a request is open both lead to the same end, so the code is the alternative.
 * Where the request was never made, has expired or was lost, the code alone is left.
 */
export function challengeOf(of: Recurrence, references: References): BindOutcome {
  if (of.status !== 'CRIADA') return uncertain(`status_${of.status}`, references)
  const requests = of.solicitacao ?? []
  if (requests.some(one => one.status === 'ACEITA')) return { kind: 'verifying', references, ...momentOf(of) }
  const request = requests.find(one => openRequests.includes(one.status))
  const code = codeOf(of)
  if (request !== undefined)
    return { kind: 'challenged', action: waitFor(request), ...(code === undefined ? {} : { alternatives: [code] }), references }
  return code === undefined ? uncertain('no_code', references) : { kind: 'challenged', action: code, references }
}

function waitFor(request: Confirmation): AwaitAction {
  const expiresAtMs = Date.parse(request.calendario.dataExpiracaoSolicitacao)
  return { type: 'await', where: "the payer's bank app", ...(Number.isNaN(expiresAtMs) ? {} : { expiresAtMs }) }
}

/** Only a code that leads to this recurrence's own location. */
function codeOf(of: Recurrence): QrAction | undefined {
  const payload = of.dadosQR?.pixCopiaECola
  if (payload === undefined || of.loc === undefined || locationOf(payload) !== of.loc.location) return undefined
  return { type: 'qr', payload }
}

/** What a recurrence's state means for its binding. Answers and webhooks say it in the same words, so it is read in one place. */
import type { Bound, ChannelAnswer, Expired, Moment, References, Refused, Revoked, Uncertain } from '../channel.ts'
import { expiredCode, refusals } from './refusals.ts'
import { changedAtMs, type Notification, neverApproved, type Recurrence, readProblem } from './wire.ts'

export const uncertain = (cause: string, references: References = {}): Uncertain => ({ kind: 'uncertain', cause, references })

export const momentOf = (of: Pick<Notification, 'atualizacao'>): { readonly moment?: Moment } => {
  const atMs = changedAtMs(of)
  return atMs === undefined ? {} : { moment: { atMs } }
}

/** `PSP_RECEBEDOR` and `USUARIO_RECEBEDOR` are our side of it; the others are the payer and the payer's bank. */
const isOurSide = (solicitante: string | undefined): boolean => solicitante?.endsWith('RECEBEDOR') ?? false

/** The end of a recurrence; undefined while it is waiting or alive. What ended before the payer agreed was never a mandate: a refusal. */
export function endOf(of: Notification, references: References): Refused | Revoked | Expired | undefined {
  const { rejeicao, cancelamento } = of.encerramento ?? {}
  const refused = (code: string, message: string | undefined, by: Refused['by'] = 'issuer'): Refused => ({
    kind: 'refused',
    by,
    category: refusals.get(code) ?? 'unknown',
    code,
    ...(message === undefined ? {} : { message }),
    elsewhere: false,
    references,
  })
  switch (of.status) {
    case 'REJEITADA':
      return refused(rejeicao?.codigo ?? of.status, rejeicao?.descricao)
    case 'EXPIRADA':
      return neverApproved(of) ? refused(expiredCode, undefined) : { kind: 'expired' }
    case 'CANCELADA': {
      if (!neverApproved(of)) return { kind: 'revoked', reason: cancelamento?.codigo ?? of.status }
      const by = isOurSide(cancelamento?.solicitante) ? 'channel' : 'issuer'
      return refused(cancelamento?.codigo ?? of.status, cancelamento?.descricao, by)
    }
    default:
      return undefined
  }
}

/** The last moment of a day in Brasília, three hours behind UTC all year since 2019 (Decreto 9.772/2019). */
const endOfDayMs = (day: string): number => Date.parse(`${day}T23:59:59.999-03:00`)

export function boundOf(of: Recurrence, references: References): Bound {
  const bank = of.pagador?.ispbParticipante
  const validUntilMs = of.calendario.dataFinal === undefined ? Number.NaN : endOfDayMs(of.calendario.dataFinal)
  return {
    kind: 'bound',
    token: of.idRec,
    references,
    ...(bank === undefined ? {} : { shown: { bank } }),
    ...(Number.isNaN(validUntilMs) ? {} : { validUntilMs }),
  }
}

/** An answer that is not the one asked for: a definite no where the bank says so in the specification's form, else uncertain. */
export function failureOf(answer: ChannelAnswer, references: References): Refused | Uncertain {
  const { status } = answer
  const problem = readProblem(answer)
  if (problem === undefined || status < 400 || status >= 500 || status === 408 || status === 429)
    return uncertain(`http_${status}`, references)
  const account = problem.properties.some(one => /^(solicrec\.destinatario|rec\.vinculo\.devedor)/.test(one))
  // The location is in use, or is not known: that is about an earlier attempt of ours, or an answer that was not meant for us. So is a
  // request for confirmation that is open already (`solicrec.idRec`).
  if (problem.properties.some(one => /^(rec\.loc|solicrec\.idRec)/.test(one))) return uncertain('of_an_earlier_attempt', references)
  const category = account ? 'invalid_account' : (refusals.get(problem.type) ?? 'unknown')
  return {
    kind: 'refused',
    by: 'channel',
    category,
    code: problem.type,
    ...(problem.detail === undefined ? {} : { message: problem.detail }),
    elsewhere: category === 'misconfigured',
    references,
  }
}

/** The words of API Pix 2.9.0: what goes out and how an answer reads. Nothing outside this folder knows them. */
import { z } from 'zod'
import type { ChannelAccount, ChannelAnswer, ChannelRequest, MandateTerms, PayerView } from '../channel.ts'

const setting = (account: ChannelAccount, name: string): string | undefined => account.settings[name]
const secret = (account: ChannelAccount, name: string): string => account.secrets[name]?.reveal() ?? ''
const base = (account: ChannelAccount): string => account.address.replace(/\/+$/, '')

/** Scopes per operation, as the specification's `security` lists them; space-separated (RFC 6749, 3.3). */
export const scopes = {
  bind: 'payloadlocationrec.write rec.write rec.read solicrec.write',
  lookUp: 'payloadlocationrec.read rec.read',
  revoke: 'rec.write rec.read',
  registerWebhook: 'webhookrec.write',
} as const
export type Purpose = keyof typeof scopes

/**
 * Client credentials (RFC 6749, 4.4), the client named by HTTP Basic (2.3.1). The specification's token endpoint stands beside the API at
 * `/oauth/token`; banks differ, so the setting `tokenUrl` says otherwise.
 */
export function tokenRequest(account: ChannelAccount, purpose: Purpose): ChannelRequest {
  const named = `${encodeURIComponent(setting(account, 'clientId') ?? '')}:${encodeURIComponent(secret(account, 'clientSecret'))}`
  return {
    method: 'POST',
    url: setting(account, 'tokenUrl') ?? `${new URL(account.address).origin}/oauth/token`,
    headers: {
      authorization: `Basic ${Buffer.from(named).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: scopes[purpose] }).toString(),
  }
}

/** Who calls: the account, and the access token it was given. */
export type Session = { readonly account: ChannelAccount; readonly token: string }

const get = (session: Session, path: string): ChannelRequest => ({
  method: 'GET',
  url: base(session.account) + path,
  headers: { authorization: `Bearer ${session.token}` },
})
const send = (session: Session, method: 'POST' | 'PATCH' | 'PUT', path: string, body: unknown): ChannelRequest => ({
  ...get(session, path),
  method,
  headers: { ...get(session, path).headers, 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** The specification gives it no body, and banks take none. */
export const locationRequest = (session: Session): ChannelRequest => ({ ...get(session, '/locrec'), method: 'POST' })
export const readLocationRequest = (session: Session, id: string): ChannelRequest => get(session, `/locrec/${encodeURIComponent(id)}`)
export const readRecurrenceRequest = (session: Session, id: string): ChannelRequest => get(session, `/rec/${encodeURIComponent(id)}`)
export const cancelRequest = (session: Session, id: string): ChannelRequest =>
  send(session, 'PATCH', `/rec/${encodeURIComponent(id)}`, { status: 'CANCELADA' })

export const pageSize = 1_000
export function listRequest(session: Session, of: { readonly from: string; readonly to: string; readonly page: number }): ChannelRequest {
  const query = {
    inicio: of.from,
    fim: of.to,
    // The first page is what is given without asking for one.
    ...(of.page === 0 ? {} : { 'paginacao.paginaAtual': String(of.page) }),
    'paginacao.itensPorPagina': String(pageSize),
  }
  return get(session, `/rec?${new URLSearchParams(query)}`)
}

/** For whoever sets the account up: the bank will deliver to this address with `/rec` appended (callback of `PUT /webhookrec`). */
export const registerWebhookRequest = (session: Session, url: string): ChannelRequest =>
  send(session, 'PUT', '/webhookrec', { webhookUrl: url })

const periods: Readonly<Record<MandateTerms['frequency'], string | undefined>> = {
  weekly: 'SEMANAL',
  monthly: 'MENSAL',
  quarterly: 'TRIMESTRAL',
  half_yearly: 'SEMESTRAL',
  yearly: 'ANUAL',
  as_presented: undefined,
}

/** What of the terms the rail can say; undefined where it cannot: another currency, no fixed period, an amount that is missing or not in centavos. */
export function agreementOf(terms: MandateTerms): Agreement | undefined {
  const period = periods[terms.frequency]
  if (period === undefined || terms.currency !== 'BRL') return undefined
  const calendar = {
    dataInicial: terms.startsOn,
    ...(terms.endsOn === undefined ? {} : { dataFinal: terms.endsOn }),
    periodicidade: period,
  }
  if (terms.rule === 'any') return { calendar, amount: undefined }
  if (!/^\d{1,12}$/.test(terms.amount ?? '')) return undefined
  const reais = (terms.amount ?? '').padStart(3, '0').replace(/(\d\d)$/, '.$1')
  // The payer sets the highest amount at their bank. What we may ask for at most is what that limit must not be below.
  return { calendar, amount: terms.rule === 'fixed' ? { valorRec: reais } : { valorMinimoRecebedor: reais } }
}
export type Agreement = {
  readonly calendar: { readonly dataInicial: string; readonly dataFinal?: string; readonly periodicidade: string }
  readonly amount: { readonly valorRec: string } | { readonly valorMinimoRecebedor: string } | undefined
}

const taxIdOf = (payer: PayerView): Readonly<Record<string, string>> => ({
  [payer.holder === 'company' ? 'cnpj' : 'cpf']: '{{payer.taxId}}',
})

/** `contrato` and `objeto`. */
const labelLengthMax = 35

/**
 * `contrato`, "number, identifier or code that represents the object of the authorisation", is the one field that comes back as it was
 * sent: it carries our operation, by which the recurrence is found again. What the merchant calls the contract stands in `objeto`, the
 * free text by which the payer recognises it.
 */
export function recurrenceRequest(
  session: Session,
  of: {
    readonly operation: string
    readonly location: number
    readonly payer: PayerView
    readonly terms: MandateTerms
    readonly agreement: Agreement
  },
): ChannelRequest {
  const { account } = session
  const partner = setting(account, 'convenio')
  const body = {
    vinculo: {
      contrato: of.operation,
      devedor: { ...taxIdOf(of.payer), nome: '{{payer.name}}' },
      objeto: `${of.terms.contract}: ${of.terms.description}`.slice(0, labelLengthMax),
    },
    calendario: of.agreement.calendar,
    ...(of.agreement.amount === undefined ? {} : { valor: of.agreement.amount }),
    politicaRetentativa: retryPolicyOf(account),
    loc: of.location,
    ...(partner === undefined ? {} : { recebedor: { convenio: partner } }),
  }
  return { ...send(session, 'POST', '/rec', body), placeholders: true }
}

/** Whether a failed collection may be tried again (three times in seven days); part of what the payer agrees to. */
const retryPolicyOf = (account: ChannelAccount): string =>
  setting(account, 'retryPolicy') === 'PERMITE_3R_7D' ? 'PERMITE_3R_7D' : 'NAO_PERMITE'

/** Journey 1: the bank of the payer is asked to ask the payer. */
export function confirmationRequest(
  session: Session,
  of: { readonly recurrence: string; readonly payer: PayerView; readonly expiresAtMs: number },
): ChannelRequest {
  const body = {
    idRec: of.recurrence,
    calendario: { dataExpiracaoSolicitacao: new Date(of.expiresAtMs).toISOString() },
    destinatario: {
      ...(of.payer.held.includes('branch') ? { agencia: '{{payer.branch}}' } : {}),
      conta: '{{payer.accountNumber}}',
      ...taxIdOf(of.payer),
      ispbParticipante: '{{payer.bank}}',
    },
  }
  return { ...send(session, 'POST', '/solicrec', body), placeholders: true }
}

/** RFC 6749, 5.1 and 5.2. */
const tokenAnswer = z.object({ access_token: z.string().min(1), token_type: z.string().regex(/^bearer$/i) })
const tokenError = z.object({ error: z.string() })
const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string().optional(),
  violacoes: z.array(z.object({ razao: z.string().optional(), propriedade: z.string().optional() })).optional(),
})

/** 29 letters and digits (`RecId`, `SolicRecId`). */
export const idPattern = /^[a-zA-Z0-9]{29}$/
const location = z.object({ id: z.int().min(0), location: z.string().min(1).max(77), criacao: z.string(), idRec: z.string().optional() })
/** The official examples say `nome` where the schema says `status`: banks were seen to follow either. */
const update = z.object({ status: z.string().optional(), nome: z.string().optional(), data: z.string() })
const amounts = z.object({ valorRec: z.string().optional(), valorMinimoRecebedor: z.string().optional() })
const confirmation = z.object({
  idSolicRec: z.string().regex(idPattern),
  idRec: z.string(),
  status: z.string(),
  calendario: z.object({ dataExpiracaoSolicitacao: z.string() }),
  recPayload: z.object({ valor: amounts.optional() }).optional(),
})
const reason = z.object({ codigo: z.string(), descricao: z.string().optional(), solicitante: z.string().optional() })
const ending = z.object({ rejeicao: reason.optional(), cancelamento: reason.optional() })
export const statuses = ['CRIADA', 'APROVADA', 'REJEITADA', 'EXPIRADA', 'CANCELADA'] as const
/** What answers and webhooks say alike. */
const told = {
  idRec: z.string().regex(idPattern),
  status: z.enum(statuses),
  atualizacao: z.array(update),
  encerramento: ending.optional(),
}
export const notification = z.object(told)
const recurrence = z.object({
  ...told,
  vinculo: z.object({ contrato: z.string() }),
  calendario: z.object({ dataInicial: z.string(), dataFinal: z.string().optional(), periodicidade: z.string() }),
  valor: amounts.optional(),
  loc: z.object({ id: z.int(), location: z.string() }).optional(),
  pagador: z.object({ ispbParticipante: z.string().optional() }).optional(),
  solicitacao: z.array(confirmation).optional(),
  dadosQR: z.object({ jornada: z.string().optional(), pixCopiaECola: z.string() }).optional(),
})
const list = z.object({
  parametros: z.object({ paginacao: z.object({ quantidadeDePaginas: z.int() }) }),
  recs: z.array(z.object({ idRec: z.string().regex(idPattern), vinculo: z.object({ contrato: z.string() }) })),
})
export type Location = z.infer<typeof location>
export type Notification = z.infer<typeof notification>
export type Recurrence = z.infer<typeof recurrence>
export type Confirmation = z.infer<typeof confirmation>
export type Problem = { readonly type: string; readonly detail: string | undefined; readonly properties: readonly string[] }

function parsed<S extends z.ZodType>(schema: S, answer: ChannelAnswer, status: number): z.output<S> | undefined {
  if (answer.status !== status) return undefined
  const result = schema.safeParse(parse(answer.body))
  return result.success ? result.data : undefined
}

/** Undefined for what is no JSON. Some banks write null for what is not there, which the specification does not know. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text, (_name, value: unknown) => (value === null ? undefined : value))
  } catch {
    return undefined
  }
}

export const readToken = (answer: ChannelAnswer): string | undefined => parsed(tokenAnswer, answer, 200)?.access_token
export const readTokenError = (answer: ChannelAnswer): string | undefined =>
  answer.status === 400 || answer.status === 401 ? parsed(tokenError, answer, answer.status)?.error : undefined
export const readLocation = (answer: ChannelAnswer, status: 200 | 201): Location | undefined => parsed(location, answer, status)
export const readRecurrence = (answer: ChannelAnswer, status: 200 | 201): Recurrence | undefined => parsed(recurrence, answer, status)
export const readConfirmation = (answer: ChannelAnswer): Confirmation | undefined => parsed(confirmation, answer, 201)
export const readList = (answer: ChannelAnswer): z.infer<typeof list> | undefined => parsed(list, answer, 200)

/** A problem as RFC 7807 and the specification have it; anything else in a 4xx may come from something in between that asked nobody. */
export function readProblem(answer: ChannelAnswer): Problem | undefined {
  const found = parsed(problem, answer, answer.status)
  const type = /^https?:\/\/[^\s]+\/error\/(\w+)$/.exec(found?.type ?? '')?.[1]
  if (found === undefined || type === undefined || found.status !== answer.status) return undefined
  return { type, detail: found.detail, properties: (found.violacoes ?? []).flatMap(one => one.propriedade ?? []) }
}

/** Whether the history, told from its beginning, says that the payer never agreed. A history cut short says nothing. */
export function neverApproved(of: Pick<Notification, 'atualizacao'>): boolean {
  const names = of.atualizacao.map(one => one.status ?? one.nome)
  return names.includes('CRIADA') && !names.includes('APROVADA')
}
/** When it came to be what it is: the latest of its history, in Unix milliseconds. */
export function changedAtMs(of: Pick<Notification, 'atualizacao'>): number | undefined {
  const times = of.atualizacao.map(one => Date.parse(one.data)).filter(one => !Number.isNaN(one))
  return times.length === 0 ? undefined : Math.max(...times)
}

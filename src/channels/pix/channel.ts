/**
 * Pix Automático, through the API Pix of the receiver's bank: a recurrence (`rec`) that the payer approves at their own bank, which asks
 * them because we asked it to (journey 1, `await`), or because they scanned a code (journey 2, `qr`).
 *
 * `POST /rec` knows no idempotency, so a bind is never sent again; what became of it is looked up. Three facts make that sound:
 * - The location is made first, and takes one recurrence at most (`RecOperacaoInvalida`: "já está sendo utilizado"); `GET /locrec/{id}`
 *   shows which. Where not even the location is known, the recurrence is found by `contrato`, which carries our operation.
 * - Until `POST /solicrec` was answered or the code was shown, no payer can approve anything: a recurrence that lands after we have
 *   looked for it is a draft that nobody sees.
 * - A lost `POST /solicrec` does no harm: whether the bank of the payer was asked or not, the code of the same recurrence is shown.
 */
import {
  type BindInput,
  type BindOutcome,
  type Call,
  type Channel,
  type ChannelAnswer,
  type ChannelRequest,
  type LookUpInput,
  type LookUpOutcome,
  NoAnswer,
  type PayerView,
  type RefusalCategory,
  type Refused,
  type RevokeInput,
  type RevokeOutcome,
  type Uncertain,
} from '../channel.ts'
import type { PayerField } from '../source.ts'
import { challengeOf } from './challenge.ts'
import { sandboxValues } from './magic.ts'
import { boundOf, endOf, failureOf, momentOf, uncertain } from './outcome.ts'
import { refusals, tokenErrors } from './refusals.ts'
import { readWebhook } from './webhook.ts'
import {
  type Agreement,
  agreementOf,
  cancelRequest,
  confirmationRequest,
  idPattern,
  type Location,
  listRequest,
  locationRequest,
  type Purpose,
  type Recurrence,
  readConfirmation,
  readList,
  readLocation,
  readLocationRequest,
  readProblem,
  readRecurrence,
  readRecurrenceRequest,
  readToken,
  readTokenError,
  recurrenceRequest,
  type Session,
  tokenRequest,
} from './wire.ts'

export const pix: Channel = {
  name: 'pix',
  title: 'Pix Automático',
  proof: {
    rank: 'specification',
    source:
      'API Pix 2.9.0 (bacen/pix-api), corrected by overlays; client certificates and the words of AP13, AP14 and the cancellation codes by documentation of banks',
  },
  repeat: { bind: { kind: 'lookUp' }, revoke: { kind: 'repeatable', times: 5 } },
  ways: [
    { kind: 'instant_mandate', shape: 'await', scheme: 'pix_automatico', countries: ['BR'] },
    { kind: 'instant_mandate', shape: 'qr', scheme: 'pix_automatico', countries: ['BR'] },
  ],
  currencies: new Map([['BRL', 2]]),
  refusals,
  webhookScheme: {
    algorithm: 'client-certificate',
    over: "the connection: SHA-256 of the client's certificate, as the TLS terminator in front of us hands it on (RFC 9440)",
    header: 'client-cert',
  },
  sandboxValues,
  // No number is published; each bank has its own. Ours is a courtesy.
  requestsPerSecondMax: 10,
  account: { secrets: ['clientSecret', 'clientCertificate', 'clientKey'], settings: ['clientId'] },
  origins: ({ settings: { tokenUrl } }) => (tokenUrl === undefined ? [] : [new URL(tokenUrl).origin]),
  bind,
  lookUp,
  revoke,
  webhook: readWebhook,
}

async function ask(call: Call, request: ChannelRequest): Promise<ChannelAnswer | undefined> {
  try {
    return await call.send(request)
  } catch (error) {
    if (error instanceof NoAnswer) return undefined
    throw error
  }
}

type Opened = { readonly kind: 'open'; readonly session: Session; readonly answer: ChannelAnswer }

/** An access token for this operation alone: nothing of it is kept. */
async function open(call: Call, purpose: Purpose): Promise<Opened | Refused | Uncertain> {
  const answer = await ask(call, tokenRequest(call.account, purpose))
  if (answer === undefined) return uncertain('no_answer')
  const token = readToken(answer)
  if (token !== undefined) return { kind: 'open', session: { account: call.account, token }, answer }
  const error = readTokenError(answer)
  return tokenErrors.some(one => one === error) ? refusedByUs(error ?? '', 'misconfigured') : uncertain(`token_http_${answer.status}`)
}

const refusedByUs = (code: string, category: RefusalCategory): Refused => ({
  kind: 'refused',
  by: 'channel',
  category,
  code,
  elsewhere: true,
  references: {},
})

type Plan = {
  readonly by: 'await' | 'qr'
  readonly payer: PayerView
  readonly terms: NonNullable<BindInput['terms']>
  readonly agreement: Agreement
}

/** What is asked for, or why this rail cannot do it. Nothing has been sent. */
function planOf({ source, terms }: BindInput): Plan | Refused {
  if (source.type !== 'instant_mandate' || source.rail !== 'pix_automatico' || source.by === 'app_link')
    return refusedByUs('source_not_supported', 'not_supported')
  if (terms === undefined) return refusedByUs('terms_missing', 'misconfigured')
  const agreement = agreementOf(terms)
  if (agreement === undefined) return refusedByUs('terms_not_supported', 'not_supported')
  const wanted: readonly PayerField[] = source.by === 'qr' ? ['taxId', 'name'] : ['taxId', 'name', 'bank', 'accountNumber']
  const lacking = wanted.find(one => !source.payer.held.includes(one))
  return lacking === undefined
    ? { by: source.by, payer: source.payer, terms, agreement }
    : refusedByUs(`payer_${lacking}_missing`, 'misconfigured')
}

async function bind(call: Call, input: BindInput): Promise<BindOutcome> {
  const plan = planOf(input)
  if ('kind' in plan) return plan
  const opened = await open(call, 'bind')
  if (opened.kind !== 'open') return opened
  const { session } = opened
  const made = await ask(call, locationRequest(session))
  if (made === undefined) return uncertain('no_answer')
  const location = readLocation(made, 201)
  if (location === undefined) return failureOf(made, {})
  const references = { location: String(location.id) }
  const { terms, payer, agreement } = plan
  const asked = { operation: call.operation, location: location.id, payer, terms, agreement }
  const answer = await ask(call, recurrenceRequest(session, asked))
  if (answer === undefined) return uncertain('no_answer', references)
  const recurrence = readRecurrence(answer, 201)
  if (recurrence === undefined) return failureOf(answer, references)
  const other = differenceOf(recurrence, { operation: call.operation, location: location.id, agreement })
  if (other !== undefined) return uncertain(other, references)
  const known = { ...references, recurrence: recurrence.idRec }
  return plan.by === 'qr' ? showCode(call, session, recurrence, known) : confirm(call, session, { plan, location, recurrence }, known)
}

/** What the answer is about, if not about what was asked. */
function differenceOf(
  of: Recurrence,
  asked: { readonly operation: string; readonly location: number; readonly agreement: Agreement },
): string | undefined {
  const { dataInicial, dataFinal, periodicidade } = of.calendario
  const { calendar, amount } = asked.agreement
  if (of.vinculo.contrato !== asked.operation) return 'another_contract'
  if (of.loc !== undefined && of.loc.id !== asked.location) return 'another_location'
  if (dataInicial !== calendar.dataInicial || dataFinal !== calendar.dataFinal || periodicidade !== calendar.periodicidade)
    return 'another_calendar'
  return isSameMoney(of.valor, { valorRec: undefined, valorMinimoRecebedor: undefined, ...amount }) ? undefined : 'another_amount'
}
const isSameMoney = (one: Recurrence['valor'], other: Recurrence['valor']): boolean =>
  one?.valorRec === other?.valorRec && one?.valorMinimoRecebedor === other?.valorMinimoRecebedor

type Names = Readonly<Record<string, string>>

async function showCode(call: Call, session: Session, made: Recurrence, references: Names): Promise<BindOutcome> {
  const answer = await ask(call, readRecurrenceRequest(session, made.idRec))
  if (answer === undefined) return uncertain('no_answer', references)
  const recurrence = readRecurrence(answer, 200)
  if (recurrence?.idRec !== made.idRec) return uncertain('another_recurrence', references)
  return challengeOf(recurrence, references)
}

type Draft = { readonly plan: Plan; readonly location: Location; readonly recurrence: Recurrence }

/** How long the payer may take. The core waits for a day; the setting `requestHours` says otherwise. */
const patienceMs = (session: Session): number => Number(session.account.settings.requestHours ?? '24') * 3_600_000

async function confirm(call: Call, session: Session, draft: Draft, references: Names): Promise<BindOutcome> {
  const { recurrence, plan, location } = draft
  // Counted from the bank's own clock: it made the location a moment ago.
  const expiresAtMs = Date.parse(location.criacao) + patienceMs(session)
  if (Number.isNaN(expiresAtMs)) return uncertain('no_time_in_location', references)
  const answer = await ask(call, confirmationRequest(session, { recurrence: recurrence.idRec, payer: plan.payer, expiresAtMs }))
  if (answer === undefined) return uncertain('no_answer', references)
  const confirmation = readConfirmation(answer)
  if (confirmation !== undefined) {
    if (confirmation.idRec !== recurrence.idRec) return uncertain('another_recurrence', references)
    // What the payer is shown: never other money than was agreed on.
    return isSameMoney(confirmation.recPayload?.valor ?? recurrence.valor, recurrence.valor)
      ? challengeOf({ ...recurrence, solicitacao: [confirmation] }, references)
      : uncertain('another_amount', references)
  }
  const failure = failureOf(answer, references)
  // The payer's bank was not asked and will not be: the draft is taken back, so that nothing is left. If that fails, it stays a draft.
  if (failure.kind === 'refused') await ask(call, cancelRequest(session, recurrence.idRec))
  return failure
}

async function lookUp(call: Call, input: LookUpInput): Promise<LookUpOutcome> {
  const opened = await open(call, 'lookUp')
  if (opened.kind !== 'open')
    return uncertain(opened.kind === 'refused' ? `look_up_refused_${opened.code}` : opened.cause, input.references)
  const found = await find(call, opened, input)
  if (found === undefined) return { kind: 'none' }
  if (typeof found !== 'string') return found
  const references = { ...input.references, recurrence: found }
  const answer = await ask(call, readRecurrenceRequest(opened.session, found))
  if (answer === undefined) return uncertain('no_answer', references)
  const recurrence = readRecurrence(answer, 200)
  if (recurrence === undefined) return uncertain(`look_up_http_${answer.status}`, references)
  if (recurrence.idRec !== found) return uncertain('another_recurrence', references)
  if (input.verb === 'revoke') return revocationOf(recurrence) ?? { kind: 'none' }
  if (recurrence.vinculo.contrato !== call.operation) return uncertain('another_contract', references)
  const news = endOf(recurrence, references) ?? (recurrence.status === 'APROVADA' ? boundOf(recurrence, references) : undefined)
  return news === undefined ? challengeOf(recurrence, references) : { ...news, ...momentOf(recurrence) }
}

/** The recurrence by the best name there is: its own, its location's, our operation's. Undefined: there is none. */
async function find(call: Call, opened: Opened, input: LookUpInput): Promise<string | undefined | Uncertain> {
  const { recurrence = input.token, location } = input.references
  if (recurrence !== undefined && idPattern.test(recurrence)) return recurrence
  if (input.verb !== 'bind') return uncertain('recurrence_not_known', input.references)
  if (location === undefined) return search(call, opened, input)
  const answer = await ask(call, readLocationRequest(opened.session, location))
  if (answer === undefined) return uncertain('no_answer', input.references)
  // The name was not ours after all: an answer about another location was believed.
  if (readProblem(answer)?.type.endsWith('NaoEncontrado') === true && answer.status === 404) return search(call, opened, input)
  const read = readLocation(answer, 200)
  if (read === undefined || String(read.id) !== location) return uncertain('another_location', input.references)
  return read.idRec
}

/** Longer than any operation is looked for (the core parks it after two days), and so few pages that a call ends. */
const searchedMs = 4 * 86_400_000
const pagesMax = 10

/** Through all that was created lately, by the bank's own clock (`Date` of its answer): `contrato` is our operation. */
async function search(call: Call, opened: Opened, input: LookUpInput): Promise<string | undefined | Uncertain> {
  const nowMs = Date.parse(opened.answer.headers.date ?? '')
  if (Number.isNaN(nowMs)) return uncertain('no_clock', input.references)
  const from = new Date(nowMs - searchedMs).toISOString()
  // `Date` is cut to the second, and the clock that dates recurrences may be another machine's.
  const to = new Date(nowMs + 60_000).toISOString()
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await ask(call, listRequest(opened.session, { from, to, page }))
    const list = answer === undefined ? undefined : readList(answer)
    if (list === undefined) return uncertain('no_list', input.references)
    const found = list.recs.find(one => one.vinculo.contrato === call.operation)
    if (found !== undefined) return found.idRec
    if (page + 1 >= list.parametros.paginacao.quantidadeDePaginas) return undefined
  }
  return uncertain('list_too_long', input.references)
}

const revocationOf = (of: Recurrence): { readonly kind: 'revoked'; readonly reason: string } | undefined =>
  of.status === 'CANCELADA' || of.status === 'EXPIRADA' || of.status === 'REJEITADA' ? { kind: 'revoked', reason: of.status } : undefined

/** Cancelling is final, so it can be asked again: what is cancelled already is refused, and then looked at. */
async function revoke(call: Call, input: RevokeInput): Promise<RevokeOutcome> {
  const { references, token } = input
  const opened = await open(call, 'revoke')
  if (opened.kind !== 'open') return opened.kind === 'refused' ? { ...opened, references } : uncertain(opened.cause, references)
  const answer = await ask(call, cancelRequest(opened.session, token))
  if (answer === undefined) return uncertain('no_answer', references)
  const cancelled = readRecurrence(answer, 200)
  if (cancelled !== undefined && cancelled.idRec !== token) return uncertain('another_recurrence', references)
  // Accepted, and the bank of the payer has not confirmed it yet: news will tell, and a look-up too.
  if (cancelled !== undefined) return revocationOf(cancelled) ?? { kind: 'revoking' }
  const type = readProblem(answer)?.type
  if (type === 'RecNaoEncontrada' || type === 'NaoEncontrado' || type === 'PermanentementeRemovido')
    return { kind: 'revoked', reason: type }
  if (type !== 'RecOperacaoInvalida') return failureOf(answer, references)
  const looked = await ask(call, readRecurrenceRequest(opened.session, token))
  const recurrence = looked === undefined ? undefined : readRecurrence(looked, 200)
  if (recurrence?.idRec !== token) return uncertain('no_answer', references)
  return revocationOf(recurrence) ?? failureOf(answer, references)
}

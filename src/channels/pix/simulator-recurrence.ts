/** Recurrences and requests for confirmation in the simulator: made, shown, cancelled, and what the payer's side does about them. */
import type { SimulatorAnswer, SimulatorContext, SimulatorRequest } from '../simulator.ts'
import { unknownBank, verdicts } from './magic.ts'
import { answer, at, bodyOf, problem, textAt, textOrNone, type Wrong } from './simulator-input.ts'
import {
  type Asked,
  become,
  dayOf,
  drawId,
  type Ending,
  note,
  type Recurrence,
  type State,
  showAsked,
  showRecurrence,
  showWhole,
  timeOf,
} from './simulator-state.ts'

const taxIdOf = (from: unknown): { readonly kind: 'cpf' | 'cnpj'; readonly number: string } => {
  const cnpj = textAt(from, 'cnpj')
  return cnpj === '' ? { kind: 'cpf', number: textAt(from, 'cpf') } : { kind: 'cnpj', number: cnpj }
}

/** One recurrence a location: that is what makes `POST /rec` with a location safe. */
export function createRecurrence(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const body = bodyOf(request)
  const location = typeof body.loc === 'number' ? body.loc : undefined
  const wrong = wrongsOf(state, body, location, context)
  if (wrong.length > 0) return problem(400, 'RecOperacaoInvalida', 'A recorrência não respeita o schema.', wrong)
  const retry = textAt(body, 'politicaRetentativa')
  const { kind, number } = taxIdOf(at(body, 'vinculo', 'devedor'))
  const made: Recurrence = {
    id: drawId(retry === 'NAO_PERMITE' ? 'RN' : 'RR', context),
    contract: textAt(body, 'vinculo', 'contrato'),
    purpose: textOrNone(body, 'vinculo', 'objeto'),
    payer: { kind, tail: number.slice(-3), bank: undefined },
    calendar: body.calendario,
    amount: body.valor,
    retry,
    agreement: textOrNone(body, 'recebedor', 'convenio'),
    location,
    status: 'CRIADA',
    updates: [{ status: 'CRIADA', data: timeOf(context.nowMs) }],
    ending: undefined,
    journey: 'AGUARDANDO_DEFINICAO',
    asked: [],
    verdict: verdicts[number],
    createdMs: context.nowMs,
  }
  state.recurrences.set(made.id, made)
  const used = location === undefined ? undefined : state.locations.get(location)
  if (used !== undefined) state.locations.set(used.id, { ...used, idRec: made.id })
  note(state, 'challenged', made, context)
  return answer(201, showRecurrence(state, made))
}

/** The violations that the specification lists for `POST /rec` beyond its schema. */
function wrongsOf(state: State, body: Readonly<Record<string, unknown>>, location: number | undefined, context: SimulatorContext): Wrong[] {
  const out: Wrong[] = []
  const start = textAt(body, 'calendario', 'dataInicial')
  const end = textOrNone(body, 'calendario', 'dataFinal')
  const add = (propriedade: string, razao: string) => out.push({ propriedade, razao })
  if (start < dayOf(context.nowMs)) add('rec.calendario.dataInicial', 'O campo é anterior à data de criação da recorrência.')
  if (end !== undefined && end < start) add('rec.calendario.dataFinal', 'O campo é anterior ao campo rec.calendario.dataInicial.')
  if (at(body, 'valor', 'valorRec') !== undefined && at(body, 'valor', 'valorMinimoRecebedor') !== undefined)
    add('rec.valor', 'Ambos os campos estão preenchidos.')
  if (location === undefined) return out
  const known = state.locations.get(location)
  if (known === undefined) add('rec.loc', 'O location referenciado por rec.loc inexiste.')
  else if (known.idRec !== undefined) add('rec.loc', 'O location referenciado por rec.loc já está sendo utilizado por outra recorrência.')
  return out
}

export function getRecurrence(state: State, id: string): SimulatorAnswer {
  const found = state.recurrences.get(id)
  return found === undefined
    ? problem(404, 'RecNaoEncontrada', 'Recorrência não encontrada para o idRec informado.')
    : answer(200, showWhole(state, found))
}

export function listRecurrences(state: State, request: SimulatorRequest): SimulatorAnswer {
  const query = new URLSearchParams(request.query)
  const from = query.get('inicio') ?? ''
  const to = query.get('fim') ?? ''
  const page = Number(query.get('paginacao.paginaAtual') ?? '0')
  const size = Number(query.get('paginacao.itensPorPagina') ?? '100')
  const all = [...state.recurrences.values()].filter(one => one.createdMs >= Date.parse(from) && one.createdMs <= Date.parse(to))
  const paginacao = {
    paginaAtual: page,
    itensPorPagina: size,
    quantidadeDePaginas: Math.max(1, Math.ceil(all.length / size)),
    quantidadeTotalDeItens: all.length,
  }
  return answer(200, {
    parametros: { inicio: from, fim: to, paginacao },
    recs: all.slice(page * size, (page + 1) * size).map(one => showWhole(state, one)),
  })
}

export function reviseRecurrence(state: State, id: string, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const found = state.recurrences.get(id)
  if (found === undefined) return problem(404, 'RecNaoEncontrada', 'Recorrência não encontrada para o idRec informado.')
  if (found.status !== 'CRIADA' && found.status !== 'APROVADA')
    return problem(400, 'RecOperacaoInvalida', 'A recorrência encontra-se expirada, cancelada ou rejeitada.')
  if (textAt(bodyOf(request), 'status') !== 'CANCELADA') return answer(200, showRecurrence(state, found))
  return answer(200, showRecurrence(state, cancel(state, found, 'SLCR', 'USUARIO_RECEBEDOR', context)))
}

const sentences: Readonly<Record<string, string>> = {
  AP13: 'Usuário pagador não reconhece o usuário recebedor',
  AP14: 'Usuário pagador sem interesse no Pix Automático com o usuário recebedor',
  SLCR: 'Cancelamento solicitado pelo usuário recebedor',
  SLDB: 'Cancelamento solicitado pelo usuário pagador',
}

export function cancel(state: State, of: Recurrence, codigo: string, solicitante: string, context: SimulatorContext): Recurrence {
  const ending: Ending = { cancelamento: { solicitante, codigo, descricao: sentences[codigo] ?? `Cancelamento ${codigo}` } }
  note(state, of.status === 'APROVADA' ? 'removed' : 'refused', of, context)
  return become(state, of, 'CANCELADA', { ending, asked: closed(of, 'CANCELADA', context) }, context)
}

const openStatuses = ['CRIADA', 'ENVIADA', 'RECEBIDA']
const closed = (of: Recurrence, status: string, context: SimulatorContext): readonly Asked[] =>
  of.asked.map(one =>
    openStatuses.includes(one.status) ? { ...one, status, updates: [...one.updates, { status, data: timeOf(context.nowMs) }] } : one,
  )

/** One open request a recurrence: asked twice, the payer's bank is asked once. */
export function askPayer(state: State, request: SimulatorRequest, context: SimulatorContext): SimulatorAnswer {
  const body = bodyOf(request)
  const found = state.recurrences.get(textAt(body, 'idRec'))
  if (found === undefined) return problem(404, 'NaoEncontrado', 'Entidade não encontrada.')
  const to = at(body, 'destinatario')
  const expires = textAt(body, 'calendario', 'dataExpiracaoSolicitacao')
  const wrong = (propriedade: string, razao: string) =>
    problem(400, 'SolicRecOperacaoInvalida', 'A solicitação de confirmação de recorrência não respeita o schema.', [{ propriedade, razao }])
  if (Date.parse(expires) < context.nowMs)
    return wrong('solicrec.calendario.dataExpiracaoSolicitacao', 'O campo é anterior à data de criação da solicitação da recorrência.')
  if (textAt(to, 'ispbParticipante') === unknownBank)
    return wrong('solicrec.destinatario', 'O objeto solicrec.destinatario não respeita o schema.')
  if (found.asked.some(one => openStatuses.includes(one.status)))
    return wrong('solicrec.idRec', 'Existe uma solicitação ativa referente ao mesmo solicrec.idRec.')
  const account = textAt(to, 'conta')
  const made: Asked = {
    id: drawId('SC', context),
    expires,
    status: 'CRIADA',
    updates: [{ status: 'CRIADA', data: timeOf(context.nowMs) }],
    tail: account.slice(-3),
    bank: textAt(to, 'ispbParticipante'),
    branch: textOrNone(to, 'agencia'),
  }
  const next: Recurrence = {
    ...found,
    asked: [...found.asked, made],
    payer: { ...found.payer, bank: made.bank },
    verdict: verdicts[account] ?? found.verdict,
  }
  state.recurrences.set(next.id, next)
  return answer(201, showAsked(next, made))
}

/** The payer acts at their bank: approves, unless the value of magic.ts says how it ends; or declines. */
export function payerActs(state: State, of: Recurrence, approves: boolean, context: SimulatorContext): void {
  if (of.status !== 'CRIADA') return
  const verdict = approves ? of.verdict : 'AP14'
  if (verdict === undefined) approve(state, of, context)
  else if (verdict === 'EXPIRADA') expire(state, of, context)
  else if (verdict.startsWith('AP')) decline(state, of, verdict, context)
  else cancel(state, of, verdict, 'PSP_PAGADOR', context)
}

function approve(state: State, of: Recurrence, context: SimulatorContext): void {
  const journey = of.asked.some(one => openStatuses.includes(one.status)) ? 'JORNADA_1' : 'JORNADA_2'
  const payer = { ...of.payer, bank: of.payer.bank ?? '91193552' }
  become(state, of, 'APROVADA', { journey, payer, asked: closed(of, 'ACEITA', context) }, context)
  note(state, 'stored', of, context)
}

function decline(state: State, of: Recurrence, codigo: string, context: SimulatorContext): void {
  const ending: Ending = { rejeicao: { codigo, descricao: sentences[codigo] ?? codigo } }
  become(state, of, 'REJEITADA', { ending, asked: closed(of, 'REJEITADA', context) }, context)
  note(state, 'refused', of, context)
}

export function expire(state: State, of: Recurrence, context: SimulatorContext): void {
  note(state, of.status === 'APROVADA' ? 'removed' : 'refused', of, context)
  become(state, of, 'EXPIRADA', { asked: closed(of, 'EXPIRADA', context) }, context)
}

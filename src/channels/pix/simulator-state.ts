/** What the bank's simulator holds: locations, recurrences, requests to payers, access tokens, and the news it owes. Of a payer it keeps tails. */
import { type Books, drawName, type Effect, type SimulatorContext, type SimulatorEvent } from '../simulator.ts'
import { recurrenceCode } from './br-code.ts'

export type Location = { readonly id: number; readonly location: string; readonly criacao: string; readonly idRec: string | undefined }
export type Update = { readonly status: string; readonly data: string }
/** A request to the payer's bank (`solicrec`). */
export type Asked = {
  readonly id: string
  readonly expires: string
  readonly status: string
  readonly updates: readonly Update[]
  readonly tail: string
  readonly bank: string
  readonly branch: string | undefined
}
export type Ending =
  | { readonly rejeicao: { readonly codigo: string; readonly descricao: string } }
  | { readonly cancelamento: { readonly solicitante: string; readonly codigo: string; readonly descricao: string } }
export type Recurrence = {
  readonly id: string
  readonly contract: string
  readonly purpose: string | undefined
  /** Which kind of tax number the payer has, and its last three characters. */
  readonly payer: { readonly kind: 'cpf' | 'cnpj'; readonly tail: string; readonly bank: string | undefined }
  readonly calendar: unknown
  readonly amount: unknown
  readonly retry: string
  readonly agreement: string | undefined
  readonly location: number | undefined
  readonly status: string
  readonly updates: readonly Update[]
  readonly ending: Ending | undefined
  readonly journey: 'AGUARDANDO_DEFINICAO' | 'JORNADA_1' | 'JORNADA_2'
  readonly asked: readonly Asked[]
  /** What becomes of it when the payer acts; see magic.ts. */
  readonly verdict: string | undefined
  readonly createdMs: number
}
export type State = {
  readonly tokens: Map<string, { readonly scopes: readonly string[]; readonly untilMs: number }>
  readonly locations: Map<number, Location>
  readonly recurrences: Map<string, Recurrence>
  readonly effects: Effect[]
  readonly events: SimulatorEvent[]
}

export const newState = (): State => ({ tokens: new Map(), locations: new Map(), recurrences: new Map(), effects: [], events: [] })

/** The simulated receiver and their bank. */
export const receiver = { cnpj: '28765007802371', nome: 'Startup Musical', ispb: '12345678', city: 'BRASILIA' }

export const timeOf = (nowMs: number): string => new Date(nowMs).toISOString()
export const dayOf = (nowMs: number): string => timeOf(nowMs).slice(0, 10)

/** `RN` or `RR` or `SC`, the bank's number, the day, eleven letters and digits (`RecId`, `SolicRecId`). */
export const drawId = (prefix: string, context: SimulatorContext): string =>
  `${prefix}${receiver.ispb}${dayOf(context.nowMs).replaceAll('-', '')}${drawName(context, 11)}`

export function makeLocation(state: State, context: SimulatorContext): Location {
  const made: Location = {
    id: 12_069 + state.locations.size,
    location: `${new URL(context.address).host}/qr/v2/rec/${context.random(16).toString('hex')}`,
    criacao: timeOf(context.nowMs),
    idRec: undefined,
  }
  state.locations.set(made.id, made)
  return made
}

export const note = (state: State, effect: Effect['effect'], of: Recurrence, context: SimulatorContext): void => {
  state.effects.push({ effect, reference: of.contract, key: '', token: of.id, atMs: context.nowMs })
}

export const booksOf = (state: State): Books => ({
  effects: [...state.effects],
  held: [...state.recurrences.values()].map(one => ({
    token: one.id,
    reference: one.contract,
    customer: '',
    label: `***${one.payer.tail}`,
    usable: one.status === 'APROVADA',
  })),
})

/** Another state, remembered in its history and told to whoever listens. */
export function become(
  state: State,
  of: Recurrence,
  status: string,
  more: Partial<Pick<Recurrence, 'ending' | 'journey' | 'asked' | 'payer'>>,
  context: SimulatorContext,
): Recurrence {
  const next = { ...of, ...more, status, updates: [...of.updates, { status, data: timeOf(context.nowMs) }] }
  state.recurrences.set(of.id, next)
  const told = {
    idRec: next.id,
    status,
    atualizacao: next.updates,
    ...(next.ending === undefined ? {} : { encerramento: next.ending }),
    ativacao: { tipoJornada: next.journey },
  }
  state.events.push({ id: `${next.id}:${status}`, type: `rec.${status}`, body: JSON.stringify({ recs: [told] }) })
  return next
}

/** A number of the right form of which only the end is true. */
const numberOf = (payer: Recurrence['payer']): Readonly<Record<string, string>> => ({
  [payer.kind]: payer.tail.padStart(payer.kind === 'cpf' ? 11 : 14, '0'),
})
export const showLocation = (of: Location) => ({
  id: of.id,
  location: of.location,
  criacao: of.criacao,
  ...(of.idRec === undefined ? {} : { idRec: of.idRec }),
})

function base(of: Recurrence) {
  return {
    idRec: of.id,
    vinculo: {
      contrato: of.contract,
      devedor: { ...numberOf(of.payer), nome: 'PAGADOR' },
      ...(of.purpose === undefined ? {} : { objeto: of.purpose }),
    },
    calendario: of.calendar,
    ...(of.amount === undefined ? {} : { valor: of.amount }),
    politicaRetentativa: of.retry,
    recebedor: { cnpj: receiver.cnpj, nome: receiver.nome, ...(of.agreement === undefined ? {} : { convenio: of.agreement }) },
    atualizacao: of.updates,
  }
}

/** As `RecGerada` has it: what `POST` and `PATCH` answer. */
export function showRecurrence(state: State, of: Recurrence) {
  const location = of.location === undefined ? undefined : state.locations.get(of.location)
  return {
    ...base(of),
    status: of.status,
    ...(location === undefined ? {} : { loc: showLocation(location) }),
    ...(of.ending === undefined ? {} : { encerramento: of.ending }),
    ativacao: { tipoJornada: of.journey },
  }
}

/** As `RecCompleta` has it: with the payer, the requests and the code. */
export function showWhole(state: State, of: Recurrence) {
  const location = of.location === undefined ? undefined : state.locations.get(of.location)
  const { bank } = of.payer
  const code =
    location === undefined
      ? undefined
      : recurrenceCode({ location: location.location, merchantName: receiver.nome, merchantCity: receiver.city })
  return {
    ...showRecurrence(state, of),
    ...(bank === undefined ? {} : { pagador: { ...numberOf(of.payer), ispbParticipante: bank } }),
    ...(of.asked.length === 0 ? {} : { solicitacao: of.asked.map(one => showAsked(of, one)) }),
    ...(code === undefined ? {} : { dadosQR: { jornada: 'JORNADA_2', pixCopiaECola: code } }),
  }
}

export function showAsked(of: Recurrence, one: Asked) {
  const { recebedor, ...rest } = base(of)
  return {
    idSolicRec: one.id,
    idRec: of.id,
    calendario: { dataExpiracaoSolicitacao: one.expires },
    status: one.status,
    destinatario: {
      ...numberOf(of.payer),
      conta: `***${one.tail}`,
      ispbParticipante: one.bank,
      ...(one.branch === undefined ? {} : { agencia: one.branch }),
    },
    atualizacao: one.updates,
    recPayload: { ...rest, recebedor: { ...recebedor, ispbParticipante: receiver.ispb } },
  }
}

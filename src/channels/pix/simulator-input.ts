/** Reading requests, and answering in the bank's form: JSON, and problems of RFC 7807. */
import { isRecord, type Json } from '../json.ts'
import type { Violation } from '../judge.ts'
import type { SimulatorAnswer, SimulatorRequest } from '../simulator.ts'

export const answer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

export type Wrong = { readonly razao: string; readonly propriedade: string }
const titles: Readonly<Record<number, string>> = { 400: 'Operação inválida.', 403: 'Acesso Negado', 404: 'Não Encontrado' }

export function problem(status: number, type: string, detail: string, violacoes: readonly Wrong[] = []): SimulatorAnswer {
  const body = {
    type: `https://pix.bcb.gov.br/api/v2/error/${type}`,
    title: titles[status] ?? 'Serviço Indisponível',
    status,
    detail,
    ...(violacoes.length === 0 ? {} : { violacoes }),
  }
  return { ...answer(status, body), headers: { 'content-type': 'application/problem+json' } }
}

/** RFC 6750, 3.1: the token is missing, unknown or has expired. Banks answer so at their gateway, without a problem of the specification's. */
export const unauthorized = (): SimulatorAnswer => ({
  status: 401,
  headers: { 'content-type': 'application/json', 'www-authenticate': 'Bearer error="invalid_token"' },
  body: '{"error":"invalid_token"}',
})

export function bodyOf(request: SimulatorRequest): Json {
  try {
    const value: unknown = JSON.parse(request.body)
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}
export const at = (from: unknown, ...names: readonly string[]): unknown =>
  names.reduce((found, name) => (isRecord(found) ? found[name] : undefined), from)
export const textAt = (from: unknown, ...names: readonly string[]): string => {
  const found = at(from, ...names)
  return typeof found === 'string' ? found : ''
}
export const textOrNone = (from: unknown, ...names: readonly string[]): string | undefined => {
  const found = textAt(from, ...names)
  return found === '' ? undefined : found
}

/** What breaks the specification, in the names the bank uses: `rec.calendario.dataInicial`. */
export function rejection(violations: readonly Violation[], request: SimulatorRequest): SimulatorAnswer {
  const entity = request.path.includes('/solicrec') ? 'solicrec' : request.path.includes('/rec') ? 'rec' : ''
  const type = entity === 'rec' ? 'RecOperacaoInvalida' : entity === 'solicrec' ? 'SolicRecOperacaoInvalida' : 'RequisicaoInvalida'
  const wrong = violations.map(one => ({
    razao: `O campo ${one.message}.`,
    propriedade: `${entity}${one.pointer.replaceAll('/', '.')}`,
  }))
  return problem(400, type, 'A requisição não respeita o schema.', wrong)
}

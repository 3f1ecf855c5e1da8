/** Answers in Adyen's shape, and how the simulator reads what it is sent. */
import type { SimulatorAnswer, SimulatorContext } from '../simulator.ts'
import { drawReference } from './simulator-state.ts'

export type Json = Readonly<Record<string, unknown>>
export const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
export const text = (from: unknown, name: string): string => {
  const value = isJson(from) ? from[name] : undefined
  return typeof value === 'string' ? value : ''
}

export const answer = (status: number, body: Json, headers: Readonly<Record<string, string>> = {}): SimulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/json;charset=UTF-8', ...headers },
  body: JSON.stringify(body),
})

export function fault(status: number, errorCode: string, message: string, errorType: string, context: SimulatorContext): SimulatorAnswer {
  return answer(status, { status, errorCode, message, errorType, pspReference: drawReference(context) })
}
export const invalid = (errorCode: string, message: string, context: SimulatorContext): SimulatorAnswer =>
  fault(422, errorCode, message, 'validation', context)

export type Settings = {
  /** The simulator's own key for card hashes. */
  readonly hashKey: string
  /** Whether answers and standard webhooks show the token; otherwise it is heard by token webhook only. */
  readonly showTokens: boolean
}

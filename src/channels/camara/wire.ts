/** CAMARA's words: One Time Password SMS 1.1.1, as the operators of an open gateway serve it. */
import { z } from 'zod'
import type { OtpAction } from '../action.ts'
import type { Call, ChannelAnswer, ChannelRequest, References, Refused, Uncertain } from '../channel.ts'
import { categoryOf } from './refusals.ts'

export const otpPath = '/one-time-password-sms/v1'

/** Echoed in the answer's header of the same name; letters, digits and `-_:;./<>{}`, at most 256 (`XCorrelator`). */
const correlatorHeader = 'x-correlator'

const request = (call: Call, path: string, body: unknown): ChannelRequest => ({
  method: 'POST',
  url: `${call.account.address}${otpPath}${path}`,
  headers: {
    accept: 'application/json',
    authorization: `Bearer ${call.account.secrets.accessToken?.reveal() ?? ''}`,
    'content-type': 'application/json',
    [correlatorHeader]: call.operation,
  },
  body: JSON.stringify(body),
})

/** "It must include the label `{{code}}`", 160 characters at most (`Message`). The label is CAMARA's: the vault fills in cards and payers. */
const messageMax = 160
function messageOf(sender: string | undefined): string {
  const text = '{{code}} is your code to pay with this phone number'
  const signed = sender === undefined ? text : `${text}, for ${sender}`
  return [...signed].slice(0, messageMax).join('')
}

export const sendRequest = (call: Call): ChannelRequest => ({
  ...request(call, '/send-code', { phoneNumber: '{{payer.phone}}', message: messageOf(call.account.settings.sender) }),
  placeholders: true,
})

/** `Code`: at most 10 characters, of whatever kind the operator likes. */
const codeMax = 10
export const isCode = (text: string): boolean => text.length > 0 && text.length <= codeMax

export const validateRequest = (call: Call, authenticationId: string, code: string): ChannelRequest =>
  request(call, '/validate-code', { authenticationId, code })

/**
 * How far the conversation is: which verification the next code belongs to, the digits that may be shown of the phone, and how often a
 * code may still be sent. One reference for all three, for none of them names a binding.
 */
export type Verification = { readonly authenticationId: string; readonly tail: string; readonly resends: number }
const idMax = 36

export const referencesOf = (of: Verification): References => ({ challenge: `${of.resends} ${of.tail} ${of.authenticationId}` })
export function verificationOf(references: References): Verification | undefined {
  const found = /^(\d) (\d{0,4}) (.+)$/.exec(references.challenge ?? '')
  if (found === null) return undefined
  return { resends: Number(found[1]), tail: found[2] ?? '', authenticationId: found[3] ?? '' }
}

/** The specification tells neither how long a code lives, nor how many digits it has, nor how often it may be mistyped. */
export const actionOf = ({ tail, resends }: Verification): OtpAction => ({ type: 'otp', sentTo: tail === '' ? '' : `•••${tail}`, resends })

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const sentShape = z.looseObject({ authenticationId: z.string().min(1).max(idMax) })
const errorShape = z.looseObject({ status: z.number(), code: z.string().min(1), message: z.string() })

/** A correlator other than ours: an answer to somebody else's question. */
export function isOurs(call: Call, answer: ChannelAnswer): boolean {
  const echoed = answer.headers[correlatorHeader]
  return echoed === undefined || echoed === call.operation
}

export function readSent(answer: ChannelAnswer): string | undefined {
  const sent = answer.status === 200 ? sentShape.safeParse(parse(answer.body)) : undefined
  return sent?.success === true ? sent.data.authenticationId : undefined
}

export const uncertain = (cause: string, references: References): Uncertain => ({ kind: 'uncertain', cause, references })

/** An error as CAMARA writes it, under the status it names; undefined for anything else. */
export function readError(answer: ChannelAnswer): { readonly status: number; readonly code: string; readonly message: string } | undefined {
  const error = errorShape.safeParse(parse(answer.body))
  return error.success && error.data.status === answer.status && answer.status >= 400 && answer.status < 500 ? error.data : undefined
}

/** 404, 429 and what passes by itself refuse nothing. The operator is to the line what an issuer is to a card. */
export function refusalOf(answer: ChannelAnswer, references: References): Refused | Uncertain {
  const error = readError(answer)
  const category = error === undefined ? 'try_later' : categoryOf(error.code)
  if (error === undefined || category === 'try_later' || [404, 408, 409, 410, 429].includes(error.status))
    return uncertain(`unexpected_${answer.status}`, references)
  const door = category === 'misconfigured' || category === 'not_supported'
  return {
    kind: 'refused',
    by: door ? 'channel' : 'issuer',
    category,
    code: error.code,
    message: error.message,
    elsewhere: door,
    references,
  }
}

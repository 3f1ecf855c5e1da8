/**
 * Reads the body of a payer's capture from its bytes: `{"payer": {"kind": …, "country": …, …}}`. Numbers are copied from buffer to buffer
 * and never become strings; a refusal names the field and never repeats what stood in it.
 */
import { debitSchemes, type InstrumentKind, type PayerField, payerFields } from '../channels/source.ts'
import { isAbaRouting, isAlphanumeric, isIban, isSortCode, isUkAccount, isUsAccount } from '../core/account.ts'
import { isEmail, isPhone, isVpa } from '../core/contact.ts'
import { type FieldError, Problem } from '../core/problem.ts'
import { isCnpj, isCpf } from '../core/tax.ts'
import { readPlain } from './plain.ts'
import { captureBytesMax } from './scan.ts'
import { endAfterSole, type Fields, objectAt, type Token } from './tokens.ts'

export type PayerKind = Exclude<InstrumentKind, 'card' | 'device_token'>
/** In the order of `payerFields`; whoever holds it zeroes them. */
export type PayerValues = ReadonlyMap<PayerField, Buffer>
export type ScannedPayer = {
  readonly kind: PayerKind
  readonly scheme: string | undefined
  readonly country: string
  readonly values: PayerValues
}

const kinds = ['bank_account', 'wallet', 'instant_mandate', 'carrier_account'] as const
const rails = ['pix_automatico', 'upi_autopay'] as const
const grammar = { names: ['kind', 'scheme', 'country', ...payerFields], under: '/payer' } as const
type Tokens = Fields<(typeof grammar.names)[number]>
type Refuse = (field: string, detail: string) => undefined

/** `at`: where the payer begins (`soleField`). Throws a `Problem`. The caller zeroes `body`. */
export function scanPayer(body: Buffer, at: number): ScannedPayer {
  if (body.length > captureBytesMax) throw new Problem('body_too_large', `the body is at most ${captureBytesMax} bytes`)
  const { fields, to } = objectAt(body, at, grammar)
  endAfterSole(body, to, 'payer')
  const errors: FieldError[] = []
  const refuse: Refuse = (field, detail) => {
    errors.push({ pointer: `/payer${field}`, detail })
    return undefined
  }
  const kind = readKind(body, fields, refuse)
  const scheme = readScheme(body, fields, kind, refuse)
  const country = readCountry(body, fields, refuse)
  const values = readValues(body, fields, country ?? '', refuse)
  if (values.size === 0 && errors.length === 0) refuse('', 'holds nothing of a payer')
  if (kind === undefined || country === undefined || errors.length > 0) {
    for (const value of values.values()) value.fill(0)
    throw new Problem('invalid_request', errors.map(one => `${one.pointer}: ${one.detail}`).join('; '), { errors })
  }
  return { kind, scheme, country, values }
}

/** A word that is no secret, as a string; undefined if it is anything else. */
function word(body: Buffer, token: Token | undefined): string | undefined {
  const fits = token !== undefined && token.kind === 'string' && !token.escaped && token.to - token.from <= 40
  const text = fits ? body.toString('latin1', token.from, token.to) : ''
  return /^[a-zA-Z0-9_]+$/.test(text) ? text : undefined
}

function readKind(body: Buffer, fields: Tokens, refuse: Refuse): PayerKind | undefined {
  const text = word(body, fields.get('kind'))
  return kinds.find(kind => kind === text) ?? refuse('/kind', `must be one of ${kinds.join(', ')}`)
}

function readScheme(body: Buffer, fields: Tokens, kind: PayerKind | undefined, refuse: Refuse): string | undefined {
  const token = fields.get('scheme')
  if (token === undefined || kind === undefined) return undefined
  const text = word(body, token) ?? ''
  if (kind === 'carrier_account') return refuse('/scheme', 'a carrier account has none')
  if (kind === 'wallet') return /^[a-z][a-z0-9_]{1,31}$/.test(text) ? text : refuse('/scheme', "must be the wallet's brand, such as gcash")
  const known: readonly string[] = kind === 'bank_account' ? debitSchemes : rails
  return known.includes(text) ? text : refuse('/scheme', `must be one of ${known.join(', ')}`)
}

function readCountry(body: Buffer, fields: Tokens, refuse: Refuse): string | undefined {
  const text = word(body, fields.get('country')) ?? ''
  return /^[A-Z]{2}$/.test(text) ? text : refuse('/country', 'must be two capital letters (ISO 3166-1), such as DE')
}

function readValues(body: Buffer, fields: Tokens, country: string, refuse: Refuse): PayerValues {
  const values = new Map<PayerField, Buffer>()
  for (const field of payerFields) {
    const given = fields.get(field)
    const token = given ?? twinOf(fields, field, country)
    if (token === undefined) continue
    const value = readValue(body, token, field, country)
    if (typeof value !== 'string') values.set(field, value)
    else if (given !== undefined) refuse(`/${field}`, value)
  }
  refuseHalfAccount(fields, country, refuse)
  const [one, two] = [values.get('routingNumber'), values.get('branch')]
  if (country === 'GB' && one !== undefined && two?.equals(one) === false) refuse('/branch', 'is another sort code than routingNumber')
  return values
}

/** A British sort code is the bank's number and the branch's at once, and channels ask for it under either name: it is kept under both. */
function twinOf(fields: Tokens, field: PayerField, country: string): Token | undefined {
  if (country !== 'GB') return undefined
  if (field === 'routingNumber') return fields.get('branch')
  return field === 'branch' ? fields.get('routingNumber') : undefined
}

function refuseHalfAccount(fields: Tokens, country: string, refuse: Refuse): void {
  if (country !== 'US' && country !== 'GB') return
  const account = fields.has('accountNumber')
  const bank = fields.has('routingNumber') || (country === 'GB' && fields.has('branch'))
  if (account !== bank) refuse(account ? '/routingNumber' : '/accountNumber', 'is required beside the other number of the account')
}

const lengths = { name: 100, email: 254, vpa: 255, line1: 200, city: 100, postalCode: 16 } as const
type PlainField = keyof typeof lengths
const isPlain = (field: PayerField): field is PlainField => Object.hasOwn(lengths, field)

/** The value as it is kept, or what is wrong with it. */
function readValue(body: Buffer, token: Token, field: PayerField, country: string): Buffer | string {
  if (isPlain(field)) {
    const value = readPlain(body, token, lengths[field])
    if (typeof value === 'string' || (field !== 'email' && field !== 'vpa')) return value
    if (field === 'email') return isEmail(value.toString()) ? value : 'must be an e-mail address'
    return isVpa(value.toString()) ? value : 'must be a UPI address, such as name@bank'
  }
  if (token.kind !== 'string') return 'must be a string'
  const value = compacted(body, token, field === 'phone')
  if (value === undefined) return 'must hold only letters, digits, spaces, dots, dashes and slashes'
  const fault = faultOf(field, value, country)
  if (fault === undefined) return value
  value.fill(0)
  return fault
}

/** Longer than any number of an account, separators included. */
const writtenMax = 64

/** Letters in upper case and digits, without what people write between them; a telephone number keeps its plus. In memory of its own. */
function compacted(body: Buffer, token: Token, phone: boolean): Buffer | undefined {
  if (token.escaped || token.to - token.from > writtenMax) return undefined
  const held = Buffer.allocUnsafeSlow(writtenMax)
  try {
    let length = 0
    for (let at = token.from; at < token.to; at += 1) {
      const byte = body[at] ?? 0
      const letter = (byte | 32) >= 97 && (byte | 32) <= 122
      if (letter) held[length++] = byte & ~32
      else if ((byte >= 48 && byte <= 57) || (phone && byte === 0x2b)) held[length++] = byte
      else if (!isSeparator(byte) && !(phone && (byte === 0x28 || byte === 0x29))) return undefined
    }
    const value = Buffer.allocUnsafeSlow(length)
    held.copy(value, 0, 0, length)
    return value
  } finally {
    held.fill(0)
  }
}

/** Space, dash, dot, slash. */
const isSeparator = (byte: number): boolean => byte === 0x20 || byte === 0x2d || byte === 0x2e || byte === 0x2f

type NumberField = Exclude<PayerField, PlainField>

/** What is wrong with a number; undefined if nothing is. Where a country's own shape is not known to us, only the length is looked at. */
function faultOf(field: NumberField, value: Buffer, country: string): string | undefined {
  switch (field) {
    case 'iban':
      return isIban(value) ? undefined : 'is not an IBAN: the length or the check digits do not fit'
    case 'phone':
      return isPhone(value) ? undefined : 'must be a telephone number with + and country code, such as +14155550100'
    case 'routingNumber':
      if (country === 'US') return isAbaRouting(value) ? undefined : 'is not a routing number: nine digits whose check digit fits'
      if (country === 'GB') return isSortCode(value) ? undefined : 'must be a sort code of six digits'
      return isAlphanumeric(value, 3, 12) ? undefined : 'must be 3 to 12 letters and digits'
    case 'accountNumber':
      if (country === 'US') return isUsAccount(value) ? undefined : 'must be 4 to 17 letters and digits'
      if (country === 'GB') return isUkAccount(value) ? undefined : 'must be eight digits; a shorter one is written with leading zeros'
      return isAlphanumeric(value, 2, 34) ? undefined : 'must be 2 to 34 letters and digits'
    case 'taxId':
      if (country === 'BR') return isCpf(value) || isCnpj(value) ? undefined : 'is neither a CPF nor a CNPJ: the check digits do not fit'
      return isAlphanumeric(value, 4, 20) ? undefined : 'must be 4 to 20 letters and digits'
    case 'branch':
      if (country === 'GB') return isSortCode(value) ? undefined : 'must be a sort code of six digits'
      // Agência: at most four characters (Banco Central do Brasil, API Pix, DadosBancariosPagador).
      if (country === 'BR') return isAlphanumeric(value, 1, 4) ? undefined : 'must be one to four digits'
      return isAlphanumeric(value, 1, 12) ? undefined : 'must be 1 to 12 letters and digits'
    case 'bank':
      // ISPB: `^[0-9A-Z]{8}$` in the same schema, since it is the beginning of a CNPJ.
      if (country === 'BR') return isAlphanumeric(value, 8, 8) ? undefined : 'must be an ISPB of eight characters'
      return isAlphanumeric(value, 2, 12) ? undefined : 'must be 2 to 12 letters and digits'
  }
}

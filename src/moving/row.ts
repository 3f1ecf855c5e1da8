/**
 * One row of an import: what another system knew of one token at one channel. Read at the edge, field by field; what passes is trusted after,
 * what does not is refused with the field's name and nothing of what stood there.
 */
import { z } from 'zod'
import type { InstrumentKind, MandateTerms } from '../channels/channel.ts'
import { opensPlaceholder } from '../channels/placeholder.ts'
import { instrumentKinds } from '../channels/source.ts'
import { findCardNumbers } from '../core/pan.ts'
import { badText } from '../http/json.ts'
import { shownName } from '../http/pointer.ts'
import { metadata, month, name, reference, year } from '../http/schemas.ts'
import { termsOf } from '../instruments/bodies.ts'
import { channelName, country, mandateTerms } from '../instruments/schemas.ts'
import type { Display } from '../instruments/tables.ts'
import type { Captured } from '../world/world.ts'

/** Of which a row may have any; `references.<kind>` and `metadata.<name>` beside them. */
export type RowField = keyof typeof fields
/** `field`: ours, undefined where the column is none of ours; `column`: as the file calls it. */
export type Cell = { readonly field: string | undefined; readonly column: string; readonly text: string }
/** `field`: ours, or the file's column where it is none of ours. */
export type Fault = { readonly field: string; readonly detail: string }

/** `fingerprint`: the vault's own, `ifp_…`. */
export type VaultedCard = Extract<Captured, { readonly kind: 'card' }>

export type TakenRow = {
  readonly customer: string
  readonly channel?: string
  /** Absent: it has none yet, and the card is bound once it is here. */
  readonly token?: string
  readonly channelCustomer?: string
  readonly references: Readonly<Record<string, string>>
  readonly kind: InstrumentKind
  readonly display: Display
  /** What makes two tokens one instrument: the channel's fingerprint, the network's PAR, or the former system's own id of it. */
  readonly fingerprint?: string
  readonly par?: string
  readonly former?: string
  /** The name of its card in the import's card file. */
  readonly card?: string
  /** What that card is, once the vault has been asked. */
  readonly vaulted?: VaultedCard
  readonly networkTransactionId?: string
  readonly transactionLinkId?: string
  readonly terms?: MandateTerms
  readonly isDefault: boolean
  readonly status: 'active' | 'suspended'
  readonly createdAt?: number
  readonly metadata: Readonly<Record<string, string>>
}

const visible = (max: number) =>
  z
    .string()
    .max(max, `must have at most ${max} characters`)
    .regex(/^(?![=+\-@])[!-~]+$/, 'must be visible ASCII without spaces, and not begin with =, +, - or @')
    .refine(value => !opensPlaceholder(value), 'must not hold {{')
const digits = (what: string) =>
  z
    .string()
    .regex(/^\d{1,4}$/, what)
    .transform(Number)
const word = z
  .string()
  .transform(value => value.toLowerCase().replace(/[ -]+/g, '_'))
  .pipe(z.string().regex(/^[a-z][a-z0-9_]{1,31}$/, 'must be a name of letters, such as visa or sepa_debit'))

/** `12/29`, `12/2029`, `1229`, `2029-12`. */
const expiry = z
  .string()
  .regex(/^(?:(?:0[1-9]|1[0-2])\/?(?:\d{2}|20\d{2})|20\d{2}-(?:0[1-9]|1[0-2]))$/, 'must be a month such as 12/29, 12/2029 or 2029-12')
  .transform(value => {
    const dashed = value.indexOf('-') > 0
    const year = dashed ? value.slice(0, 4) : value.slice(2).replace('/', '')
    return { month: Number(dashed ? value.slice(5) : value.slice(0, 2)), year: Number(year.length === 2 ? `20${year}` : year) }
  })

/** How far another system's clock may be ahead of ours. */
const skewMs = 300_000
/** The first card on file is younger than this: 1990-01-01. */
const createdMin = Date.UTC(1990, 0, 1)
const moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'must be a day or time that exists, such as 2026-02-28 or 2026-02-28T10:00:00Z')
  .transform(value => Date.parse(value))
  .refine(at => at >= createdMin, 'must not be before 1990')

const brands: Readonly<Record<string, string>> = {
  american_express: 'amex',
  mc: 'mastercard',
  master_card: 'mastercard',
  diners_club: 'diners',
}

const fields = {
  customer: reference(),
  channel: channelName,
  token: visible(255),
  channel_customer: visible(255),
  kind: z.enum(instrumentKinds, `must be one of ${instrumentKinds.join(', ')}`),
  brand: word.transform(value => brands[value] ?? value),
  last4: z.string().regex(/^[A-Za-z0-9]{2,4}$/, 'must be the last 2 to 4 characters, and no more'),
  bin: z.string().regex(/^\d{6,8}$/, 'must be 6 to 8 digits'),
  expiry,
  expiry_month: digits('must be 1 to 12').pipe(month),
  expiry_year: digits('must be four digits').pipe(year),
  scheme: word,
  country,
  bank: name(100),
  handle: name(100),
  fingerprint: visible(255),
  par: z.string().regex(/^[A-Za-z0-9]{29}$/, 'must be 29 letters and digits, as EMVCo has it'),
  instrument: visible(255),
  card: visible(255),
  network_transaction_id: visible(64),
  transaction_link_id: visible(64),
  mandate_reference: visible(255),
  default: z
    .enum(['true', 'false', 'yes', 'no', '1', '0'], 'must be true or false')
    .transform(value => ['true', 'yes', '1'].includes(value)),
  status: z.enum(['active', 'suspended'], 'must be active or suspended: what has ended is not taken over'),
  created_at: moment,
} as const

const rowShape = z
  .strictObject({
    ...z.strictObject(fields).partial().shape,
    customer: fields.customer,
  })
  .refine(row => row.expiry === undefined || (row.expiry_month === undefined && row.expiry_year === undefined), {
    path: ['expiry'],
    error: 'must not stand beside expiry_month and expiry_year',
  })
  .refine(row => (row.expiry_month === undefined) === (row.expiry_year === undefined), {
    path: ['expiry_year'],
    error: 'goes with expiry_month',
  })
  .refine(row => row.token !== undefined || row.card !== undefined, { path: ['token'], error: 'must be given' })
  .refine(row => row.card === undefined || row.kind === undefined || row.kind === 'card', {
    path: ['card'],
    error: 'goes with the kind card only',
  })

const referenceKind = /^[a-z][a-z0-9_]{0,39}$/
/** Field names a mapping may have on its left. */
export const isField = (name: string): boolean =>
  name in fields ||
  name in { references: 1, metadata: 1, mandate: 1 } ||
  /^references\.[a-z][a-z0-9_]{0,39}$/.test(name) ||
  /^metadata\.[\w.-]{1,40}$/.test(name) ||
  mandateField.test(name)
const mandateField = /^mandate\.(currency|rule|amount|frequency|starts_on|ends_on|contract|description)$/
export const fieldNames: readonly string[] = [...Object.keys(fields), 'references.…', 'metadata.…', 'mandate.…']

/** Reads the cells of one row. `nowMs`: nothing can have been made after it. */
export function readRow(cells: readonly Cell[], nowMs: number): TakenRow | Fault {
  const wrong = unfit(cells)
  if (wrong !== undefined) return wrong
  const [own, references, more, terms]: [Texts, Texts, Texts, Texts] = [{}, {}, {}, {}]
  const groups: Readonly<Record<string, Texts>> = { references, metadata: more, mandate: terms }
  for (const { field, text } of cells) {
    if (field === undefined || text === '') continue
    const dot = field.indexOf('.')
    const group = groups[dot < 0 ? field : field.slice(0, dot)]
    if (group === undefined) own[field] = text
    else if (dot > 0) group[field.slice(dot + 1)] = text
    else if (!spread(group, text)) return { field, detail: 'must be an object of texts, as JSON' }
  }
  const read = rowShape.safeParse(own)
  if (!read.success) return faultOf(read.error, '')
  for (const [kind, text] of Object.entries(references))
    if (!referenceKind.test(kind) || !visible(255).safeParse(text).success)
      return { field: `references.${kind}`, detail: 'must be visible ASCII without spaces' }
  const data = metadata.safeParse(more)
  if (!data.success) return faultOf(data.error, 'metadata.')
  const agreed = Object.keys(terms).length === 0 ? undefined : mandateTerms.safeParse(terms)
  if (agreed?.success === false) return faultOf(agreed.error, 'mandate.')
  if ((read.data.created_at ?? 0) > nowMs + skewMs) return { field: 'created_at', detail: 'must not be in the future' }
  const { mandate_reference: mandate } = read.data
  return takenRow(read.data, {
    references: { ...references, ...(mandate === undefined ? {} : { mandate }) },
    metadata: data.data,
    terms: termsOf(agreed?.data),
  })
}

type Texts = Record<string, string>
/** In CSV a group may stand in one column, as JSON: as an export has it. */
function spread(into: Texts, text: string): boolean {
  const read = groupShape.safeParse(parsed(text))
  if (read.success) Object.assign(into, read.data)
  return read.success
}
const groupShape = z.record(z.string().regex(/^[a-z][\w.-]{0,39}$/), z.string().max(500))
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
type Parts = Pick<TakenRow, 'references' | 'metadata'> & { readonly terms: MandateTerms | undefined }

function takenRow(row: z.output<typeof rowShape>, { terms, ...parts }: Parts): TakenRow {
  const { brand, last4, bin, scheme, country: where, bank, handle } = row
  const [expiryMonth, expiryYear] = [row.expiry?.month ?? row.expiry_month, row.expiry?.year ?? row.expiry_year]
  const display = { brand, last4, bin, expiryMonth, expiryYear, scheme, country: where, bank, handle }
  const more = {
    channel: row.channel,
    channelCustomer: row.channel_customer,
    fingerprint: row.fingerprint,
    par: row.par,
    former: row.instrument,
    card: row.card,
    token: row.token,
    networkTransactionId: row.network_transaction_id,
    transactionLinkId: row.transaction_link_id,
    terms,
    createdAt: row.created_at,
  }
  return {
    customer: row.customer,
    kind: row.kind ?? 'card',
    display: stated(display),
    isDefault: row.default ?? false,
    status: row.status ?? 'active',
    ...parts,
    ...stated(more),
  }
}

/** Without what is undefined. */
const stated = <T extends object>(of: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } => {
  const out: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key in of) {
    const value = of[key]
    if (isStated(value)) out[key] = value
  }
  return out
}
const isStated = <V>(value: V): value is Exclude<V, undefined> => value !== undefined

function faultOf(error: z.ZodError, prefix: string): Fault {
  const [issue] = error.issues
  const missing = issue?.code === 'invalid_type' && /received undefined/.test(issue.message)
  const [path = ''] = issue?.path ?? []
  return { field: `${prefix}${String(path)}`, detail: missing || issue === undefined ? 'must be given' : issue.message }
}

/** Looks at every cell of the row, also at those that are none of ours: a card number anywhere refuses it. */
function unfit(cells: readonly Cell[]): Fault | undefined {
  for (const { field, column, text } of cells) {
    const detail = badText(text) ?? (text.includes('\uFFFD') ? notText : undefined) ?? (findCardNumbers(text) ? cardNumber : undefined)
    if (detail !== undefined) return { field: field ?? shownName(column), detail }
  }
  return undefined
}

const notText = 'holds bytes that are no text in the encoding of this import'
const cardNumber = 'holds what looks like a card number: card numbers go to the vault only, and the row was not kept'

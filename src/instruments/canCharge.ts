/**
 * Whether an instrument can be charged, by which of its bindings, and what is missing. A pure decision over rows that were read. It answers for
 * what is known here; the issuer still has the last word. What is missing and `blocking` makes the answer no; the rest is told to whoever charges.
 */
import { startOf } from './days.ts'
import { isCard } from './display.ts'
import { isExpiring } from './expiry.ts'
import { endOfMandate, mandateState, nextWindow, periodOf, withinWindow } from './mandate.ts'
import { policyAllows, type Used } from './policy.ts'
import { covers, needsNotice } from './preDebit.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'
import type { PreDebitNoticeRow } from './usageTables.ts'
import { declinesOf, type Usage, type Use } from './use.ts'

export const purposes = ['one_off', 'recurring', 'installment', 'unscheduled'] as const
export type Purpose = (typeof purposes)[number]
export const initiators = ['customer', 'merchant'] as const
export type Initiator = (typeof initiators)[number]

/** `at`: when it is to be charged. Unix milliseconds, on the customer's clock. */
export type Asked = {
  readonly amount: bigint
  readonly currency: string
  readonly initiator: Initiator
  readonly purpose: Purpose
  readonly at: number
}

export const missingThings = [
  'usable_instrument',
  'policy',
  'active_binding',
  'currency',
  'active_mandate',
  'mandate_currency',
  'mandate_amount',
  'mandate_window',
  'mandate_count',
  'mandate_purpose',
  'pre_debit_notice',
  'sca',
  'network_transaction_id',
  'transaction_link_id',
  'current_card',
] as const
export type MissingThing = (typeof missingThings)[number]
/** `from`: from when on it will not be missing any more, where time alone will tell. */
export type Missing = { readonly what: MissingThing; readonly blocking: boolean; readonly because: string; readonly from?: number }

export type Candidate = {
  readonly binding: BindingRow
  /** What its channel takes; undefined where the channel is not known here any more. */
  readonly currencies: ReadonlyMap<string, number> | undefined
  readonly use: Use
  readonly usage: Usage
  readonly notices: readonly PreDebitNoticeRow[]
}
/** `rank`: 1 is the best. */
export type Ranked = {
  readonly binding: BindingRow
  readonly chargeable: boolean
  readonly missing: readonly Missing[]
  readonly credential: Credential
  readonly because: string
}
export type CanCharge = {
  readonly chargeable: boolean
  readonly best: BindingRow | null
  /** Of the best binding, or of the one that is nearest to it. */
  readonly missing: readonly Missing[]
  readonly ranked: readonly Ranked[]
}

/** `used`: what was charged with it in the day and the month that are asked about; its policy counts that. */
export function canCharge(instrument: InstrumentRow, candidates: readonly Candidate[], asked: Asked, used: Used = nothingUsed): CanCharge {
  const forbidden = missingOfPolicy(instrument, asked, used)
  const judged = candidates.map(one => ({ one, missing: [...missingOf(instrument, one, asked), ...forbidden] }))
  const sorted = judged.toSorted((a, b) => compare(a, b))
  const ranked = sorted.map(({ one, missing }) => ({
    binding: one.binding,
    chargeable: !missing.some(it => it.blocking),
    missing,
    credential: credentialOf(instrument, one.binding),
    because: reasonOf(one),
  }))
  const [first] = ranked
  if (first === undefined) {
    const nothing: Missing = { what: 'active_binding', blocking: true, because: 'It is bound nowhere.' }
    return { chargeable: false, best: null, missing: [nothing, ...forbidden], ranked: [] }
  }
  return { chargeable: first.chargeable, best: first.chargeable ? first.binding : null, missing: first.missing, ranked }
}

const nothingUsed: Used = { day: { count: 0, amounts: [] }, month: { count: 0, amounts: [] } }

function missingOfPolicy({ policy }: InstrumentRow, { amount, currency, purpose }: Asked, used: Used): readonly Missing[] {
  const { reasons } = policyAllows(policy, { amount: { amount, currency }, purpose }, used)
  return reasons.map(one => block('policy', `Your policy for it does not allow this charge: ${one}.`))
}

type Judged = { readonly one: Candidate; readonly missing: readonly Missing[] }

/** What blocks least, lacks least, was approved most often of late, was collected by last; then the older binding. */
function compare(a: Judged, b: Judged): number {
  const blocking = ({ missing }: Judged): number => missing.filter(it => it.blocking).length
  const last = ({ one }: Judged): number => one.binding.last_collected?.day ?? 0
  return (
    blocking(a) - blocking(b) ||
    a.missing.length - b.missing.length ||
    approvalOf(b.one.use) - approvalOf(a.one.use) ||
    last(b) - last(a) ||
    (a.one.binding.id < b.one.binding.id ? -1 : 1)
  )
}

/** In thousandths; what was never charged stands between the good and the bad. */
const approvalOf = (use: Use): number => Math.round((1_000 * (use.approved + 1)) / (use.approved + declinesOf(use) + 2))
const reasonOf = ({ use }: Candidate): string => {
  const all = use.approved + declinesOf(use)
  return all === 0 ? 'No charge there was reported of late.' : `${use.approved} of ${all} charges there were approved of late.`
}

function missingOf(instrument: InstrumentRow, candidate: Candidate, asked: Asked): readonly Missing[] {
  return [
    ...missingAtAll(instrument, candidate, asked),
    ...missingOfMandate(instrument, candidate, asked),
    ...(isCard(instrument) ? missingOfCard(instrument, candidate, asked) : []),
  ]
}

const block = (what: MissingThing, because: string, from?: number): Missing => ({
  what,
  blocking: true,
  because,
  ...(from === undefined ? {} : { from }),
})

function missingAtAll({ status, reasons }: InstrumentRow, { binding, currencies }: Candidate, { currency }: Asked): readonly Missing[] {
  const out: Missing[] = []
  if (status !== 'active')
    out.push(block('usable_instrument', `The instrument is ${status}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}.`))
  if (binding.status !== 'active') out.push(block('active_binding', `The binding is ${binding.status}.`))
  if (currencies?.has(currency) !== true) out.push(block('currency', `${binding.channel} does not take ${currency}.`))
  return out
}

function missingOfMandate({ own }: InstrumentRow, candidate: Candidate, asked: Asked): readonly Missing[] {
  const { binding, usage, notices } = candidate
  const { mandate } = binding
  if (mandate === null) return []
  const out: Missing[] = []
  const state = mandateState(own, binding)
  const end = endOfMandate(binding)
  if (state !== 'active' && binding.status === 'active') out.push(block('active_mandate', `The mandate is ${state}.`))
  if (end !== undefined && asked.at >= end.at) out.push(block('mandate_window', `The mandate ends before (${end.cause}).`))
  if (mandate.terms !== null) out.push(...missingOfTerms(mandate.terms, usage, asked))
  const rule = needsNotice(mandate, binding.last_collected, asked)
  if (rule !== undefined && !notices.some(one => covers(one, rule, asked)))
    out.push(block('pre_debit_notice', `The payer has to be told of this amount and day before: ${rule.source}.`))
  return out
}

type Terms = NonNullable<NonNullable<BindingRow['mandate']>['terms']>

function missingOfTerms(terms: Terms, { period, all }: Usage, { amount, currency, purpose, at }: Asked): readonly Missing[] {
  const out: Missing[] = []
  const agreed = terms.amount === undefined ? undefined : BigInt(terms.amount)
  if (terms.currency !== currency) out.push(block('mandate_currency', `It was agreed in ${terms.currency}.`))
  if (terms.rule === 'max' && agreed !== undefined && amount > agreed)
    out.push(block('mandate_amount', `At most ${agreed} was agreed for each collection.`))
  if (terms.rule === 'fixed' && amount !== agreed)
    out.push(block('mandate_amount', `${agreed ?? 'Another amount'} was agreed for each collection.`))
  if (terms.countMax !== undefined && all.count >= terms.countMax)
    out.push(block('mandate_count', `All ${terms.countMax} collections have been made.`))
  // What is agreed for fixed periods is not agreed for whenever the merchant likes.
  if (terms.frequency !== 'as_presented' && (purpose === 'unscheduled' || purpose === 'one_off'))
    out.push(block('mandate_purpose', `It was agreed for ${terms.frequency} collections.`))
  const now = periodOf(terms, at)
  const used = period.count > 0
  const outside = at < startOf(terms.startsOn)
  if (outside || used || !withinWindow(terms, at)) {
    const from = nextWindow(terms, at, one => used && one.from === now?.from)
    out.push(block('mandate_window', used ? 'This period has had its collection.' : 'The terms allow no collection on that day.', from))
  }
  return out
}

/** Mastercard: to be kept since 2026-06-02, and sent with what the merchant initiates from 2026-10-23 (docs.stripe.com/payments/cards/mastercard-tlid). */
const linkKeptFrom = Date.UTC(2026, 5, 2)
const linkSentFrom = Date.UTC(2026, 9, 23)

/**
 * What a merchant starts on its own has to point to a charge or set-up in which the customer took part. A channel that charged or authenticated
 * it under its own token points there by itself; where neither is known, strong authentication has to come first.
 */
function missingOfCard(instrument: InstrumentRow, { binding, use }: Candidate, { initiator, at }: Asked): readonly Missing[] {
  const out: Missing[] = []
  const { reasons, kind, display } = instrument
  if (reasons.includes('contact_cardholder') || isExpiring(instrument))
    out.push({ what: 'current_card', blocking: false, because: 'The card ends soon, or its issuer says to ask the cardholder.' })
  if (initiator === 'customer') return out
  const proven = binding.proven_by !== null || kind === 'device_token'
  const charged = binding.last_collected
  if (binding.network_transaction_id === null) {
    const blocking = !proven && charged === null
    out.push({
      what: 'network_transaction_id',
      blocking,
      because: 'The network has given no id for the charge that this one would follow.',
    })
    if (blocking) out.push(block('sca', 'The customer never proved to be its owner there, and no charge of it is known.'))
  }
  const unproven = (use.declined.authentication_failed ?? 0) > 0 && use.approved === 0
  if (unproven && !out.some(one => one.what === 'sca')) out.push(block('sca', 'The issuer wants the customer to prove to be its owner.'))
  if (display.brand === 'mastercard' && at >= linkSentFrom && binding.transaction_link_id === null) {
    const blocking = Math.max(binding.created_at, charged?.day ?? 0) < linkKeptFrom
    out.push({ what: 'transaction_link_id', blocking, because: 'Mastercard wants the link to the first charge, and none is kept here.' })
  }
  return out
}

export const credentials = ['network_token', 'device_token', 'card_number', 'channel_token', 'mandate'] as const
export type Credential = (typeof credentials)[number]

/** With what it would be charged there. The one place where a preference of network tokens over card numbers is taken. */
function credentialOf({ kind, own }: InstrumentRow, { token, mandate }: BindingRow): Credential {
  if (mandate !== null) return 'mandate'
  if (kind === 'device_token') return 'device_token'
  if (kind === 'card' && own.networkToken?.status === 'active') return 'network_token'
  return token === null ? 'card_number' : 'channel_token'
}

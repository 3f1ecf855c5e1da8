/**
 * What each rail asks of whoever collects under a mandate: how long before a collection the payer is told, and after how long without one the
 * mandate lapses. Where a rule could not be found it says so. All days are calendar days in UTC.
 */
import type { DebitScheme, MandateTerms, Source } from '../channels/source.ts'

/** `card_e_mandate`: cards under India's e-mandate framework. `agreement`: terms agreed for what has no rules of its own. */
export const rails = [
  'ach',
  'sepa_debit',
  'bacs',
  'becs',
  'pad',
  'autogiro',
  'betalingsservice',
  'pix_automatico',
  'upi_autopay',
  'card_e_mandate',
  'agreement',
] as const satisfies readonly (DebitScheme | string)[]
export type Rail = (typeof rails)[number]

/**
 * `leastMs`, `mostMs`: how long before the collection. `when`: before each, or only where the amount is another than the last or the agreed one.
 * `agreed`: the two may agree on fewer days.
 */
export type NoticeRule = {
  readonly leastMs: number
  readonly mostMs?: number
  readonly when: 'each' | 'amount_changes'
  readonly agreed: boolean
  readonly source: string
}
export type RailRule = { readonly dormantAfterMonths: number | null; readonly notice: NoticeRule | null }

export const dayMs = 86_400_000

/**
 * The shortest that any debit scheme or channel is known to let a mandate sleep: GoCardless for all schemes, Bacs until June 2020. Held to where
 * the scheme's own rule is longer or unknown, so that nobody collects under a mandate that a bank has forgotten.
 */
const unknownDormancy = 13

const indiaNotice: NoticeRule = {
  leastMs: dayMs,
  when: 'each',
  agreed: false,
  source: 'RBI, Digital Payments – E-mandate Framework, 2026: at least 24 hours before the debit',
}

export const railRules: Readonly<Record<Rail, RailRule>> = {
  sepa_debit: {
    // SDD Core Rulebook: 36 months from the due date of the last collection, even if it was returned (also banque-france.fr, le prélèvement SEPA).
    dormantAfterMonths: 36,
    notice: { leastMs: 14 * dayMs, when: 'each', agreed: true, source: 'SDD Core Rulebook: 14 calendar days, unless otherwise agreed' },
  },
  bacs: {
    // Banks keep an instruction "for a minimum period of 24 months" (directdebit.co.uk, inactive Direct Debits); until 2020-06-29 it was 13.
    dormantAfterMonths: 24,
    // "Normally 10 working days"; counted here as the 14 calendar days that always hold them, but for public holidays.
    notice: { leastMs: 14 * dayMs, when: 'amount_changes', agreed: true, source: 'Direct Debit Guarantee: 10 working days, or as agreed' },
  },
  ach: {
    // Nacha's rules name no end: an authorisation holds until it is revoked.
    dormantAfterMonths: unknownDormancy,
    notice: { leastMs: 10 * dayMs, when: 'amount_changes', agreed: false, source: 'Regulation E, 12 CFR 1005.10(d)(1): 10 days' },
  },
  becs: {
    dormantAfterMonths: unknownDormancy,
    notice: {
      leastMs: 14 * dayMs,
      when: 'amount_changes',
      agreed: false,
      source: 'AusPayNet, DDR service agreement: 14 days of any change',
    },
  },
  pad: {
    dormantAfterMonths: unknownDormancy,
    notice: {
      leastMs: 10 * dayMs,
      when: 'amount_changes',
      agreed: true,
      source: 'Payments Canada, Rule H1: 10 calendar days, unless waived',
    },
  },
  // No rule was found for these two.
  autogiro: { dormantAfterMonths: unknownDormancy, notice: null },
  betalingsservice: { dormantAfterMonths: unknownDormancy, notice: null },
  pix_automatico: {
    dormantAfterMonths: null,
    notice: {
      leastMs: 2 * dayMs,
      mostMs: 10 * dayMs,
      when: 'each',
      agreed: false,
      source: 'Banco Central, Pix Automático: the charge is handed in 2 to 10 days before it is due, and the bank tells the payer',
    },
  },
  upi_autopay: { dormantAfterMonths: null, notice: indiaNotice },
  card_e_mandate: { dormantAfterMonths: null, notice: indiaNotice },
  agreement: { dormantAfterMonths: null, notice: null },
}

/** The rail a mandate runs on; undefined where what is bound makes no mandate. */
export function railOf(source: Source, terms: MandateTerms | undefined): Rail | undefined {
  if (source.type === 'bank_account') return source.scheme
  if (source.type === 'instant_mandate') return source.rail
  if (terms === undefined) return undefined
  const isCard = source.type === 'card' || source.type === 'encrypted_card' || source.type === 'device_token'
  return isCard && terms.currency === 'INR' ? 'card_e_mandate' : 'agreement'
}

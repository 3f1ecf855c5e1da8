/** What the API and the events show of a mandate. */
import { z } from 'zod'
import { frequencies, type MandateTerms } from '../channels/source.ts'
import { dayOf } from './days.ts'
import { endOfMandate, isMandateExpiring, mandateState, mandateStates } from './mandate.ts'
import { rails } from './rails.ts'
import type { BindingRow, InstrumentRow } from './tables.ts'

const instant = z.iso.datetime()
const day = z.iso.date()

const termsShape = z.object({
  currency: z.string(),
  rule: z.enum(['max', 'fixed', 'any']),
  amount: z.string().nullable(),
  frequency: z.enum(frequencies),
  starts_on: day,
  ends_on: day.nullable(),
  count_max: z.int().nullable(),
  window: z.object({ rule: z.enum(['on', 'before', 'after']), day: z.int() }).nullable(),
  notice_days: z.int().nullable(),
  contract: z.string(),
  description: z.string(),
})

export const mandateShape = z
  .object({
    reference: z.string().nullable().describe('What the channel or scheme calls it.'),
    rail: z.enum(rails),
    state: z.enum(mandateStates),
    expiring: z.boolean(),
    terms: termsShape.nullable().describe('What was agreed, as far as it was told to us.'),
    ends_at: instant.nullable().describe('When it ends by itself, as things stand.'),
    ends_because: z.enum(['dormant', 'ended']).nullable().describe('`dormant`: nothing is collected · `ended`: by its terms'),
    last_collected_on: day.nullable(),
    former: z.array(z.string()).describe('What it was called before it was replaced, the oldest first.'),
  })
  .meta({ id: 'Mandate' })

export function viewMandate(row: Omit<BindingRow, 'version'>, own: InstrumentRow['own']): z.output<typeof mandateShape> | null {
  const { mandate } = row
  if (mandate === null) return null
  const end = endOfMandate(row)
  return {
    reference: row.names.mandate ?? row.token,
    rail: mandate.rail,
    state: mandateState(own, row),
    expiring: isMandateExpiring(own, row),
    terms: mandate.terms === null ? null : viewTerms(mandate.terms),
    ends_at: end === undefined ? null : new Date(end.at).toISOString(),
    ends_because: end?.cause ?? null,
    last_collected_on: row.last_collected === null ? null : dayOf(row.last_collected.day),
    former: [...mandate.former],
  }
}

function viewTerms(terms: MandateTerms): z.output<typeof termsShape> {
  const { currency, rule, frequency, contract, description } = terms
  return {
    currency,
    rule,
    amount: terms.amount ?? null,
    frequency,
    starts_on: terms.startsOn,
    ends_on: terms.endsOn ?? null,
    count_max: terms.countMax ?? null,
    window: terms.window ?? null,
    notice_days: terms.noticeDays ?? null,
    contract,
    description,
  }
}

/**
 * What makes the simulator do something on purpose: the payer's account at their bank (journey 1), or their CPF (journey 2). All ours: the
 * Central Bank publishes no test values, and each bank's sandbox has its own.
 */
import type { MandateTerms, PayerView, SandboxValue } from '../channel.ts'

/** How the payer's side ends it, once the payer has acted: a rejection code, a cancellation code, or `EXPIRADA`. Absent: approved. */
export const verdicts: Readonly<Record<string, string>> = {
  '9000000013': 'AP13',
  '9000000014': 'AP14',
  '9000000021': 'ACCL',
  '9000000022': 'FRUD',
  '9000000023': 'ERSL',
  '9000000031': 'EXPIRADA',
  '10000000108': 'AP14',
}
/** No participant has this number (ISPB). */
export const unknownBank = '99999999'

const terms: MandateTerms = {
  currency: 'BRL',
  rule: 'max',
  amount: '15000',
  frequency: 'monthly',
  startsOn: '2031-01-05',
  contract: '63100862',
  description: 'Streaming de música',
}
const { amount: _limit, ...unlimited } = terms
const payer = { taxId: '45164632454', name: 'Fulano de Tal', bank: '91193552', branch: '2569', accountNumber: '0000550689' }
const view: PayerView = { held: ['taxId', 'name', 'bank', 'branch', 'accountNumber'], tail: '0689', country: 'BR' }

const asked = (
  title: string,
  give: SandboxValue['give'],
  more: Pick<SandboxValue, 'outcome' | 'ends' | 'terms'> = { outcome: 'challenged' },
): SandboxValue => ({
  title,
  shape: 'await',
  source: { type: 'instant_mandate', rail: 'pix_automatico', by: 'await', payer: view },
  give: { ...payer, ...give },
  terms,
  from: 'ours',
  ...more,
})
const scanned = (
  title: string,
  give: SandboxValue['give'],
  more: Pick<SandboxValue, 'outcome' | 'ends' | 'terms'> = { outcome: 'challenged' },
): SandboxValue => ({
  title,
  shape: 'qr',
  source: { type: 'instant_mandate', rail: 'pix_automatico', by: 'qr', payer: { held: ['taxId', 'name'], tail: '', country: 'BR' } },
  give: { taxId: payer.taxId, name: payer.name, ...give },
  terms,
  from: 'ours',
  ...more,
})
type Category = NonNullable<SandboxValue['ends']>
const ended = (account: string, ends: Category) =>
  asked(`the payer's bank answers ${verdicts[account]}`, { accountNumber: account }, { outcome: 'challenged', ends })
const declined = (taxId: string, ends: Category) =>
  scanned('the payer scans the code and declines', { taxId }, { outcome: 'challenged', ends })

export const sandboxValues: readonly SandboxValue[] = [
  asked('the payer approves in their bank app', {}),
  scanned('the payer scans the code and approves', {}),
  asked(
    'a fixed amount, with an end',
    {},
    { outcome: 'challenged', terms: { ...terms, rule: 'fixed', amount: '3500', endsOn: '2032-01-05' } },
  ),
  scanned('any amount', {}, { outcome: 'challenged', terms: { ...unlimited, rule: 'any', frequency: 'yearly' } }),
  ended('9000000013', 'cancelled_by_customer'),
  ended('9000000014', 'cancelled_by_customer'),
  ended('9000000021', 'account_closed'),
  ended('9000000022', 'fraud_suspected'),
  ended('9000000023', 'try_later'),
  // The payer never answers.
  ended('9000000031', 'cancelled_by_customer'),
  declined('10000000108', 'cancelled_by_customer'),
  asked('a bank that does not exist', { bank: unknownBank }, { outcome: 'invalid_account' }),
  asked('a period the rail does not have', {}, { outcome: 'not_supported', terms: { ...terms, frequency: 'as_presented' } }),
]

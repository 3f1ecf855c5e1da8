/**
 * What makes GoCardless' sandbox, and so the simulator, do something on purpose. Accounts are GoCardless' own
 * (developer.gocardless.com/getting-started/developer-tools/test-bank-details); its magic given names work on a payer's first name,
 * which we never have apart, so the refusals here are made by account and e-mail.
 */
import type { MandateTerms, SandboxValue, Source } from '../channel.ts'
import type { PayerField } from '../source.ts'

const testAccounts = 'developer.gocardless.com/getting-started/developer-tools/test-bank-details'

/** A name on the list of payers to be blocked; ours, for GoCardless' list is each merchant's own. */
export const blockedEmail = 'blocked@example.com'
/** "Routes into the Verified Mandate flow" (same place): the bank is to approve, on GoCardless' page. */
export const riskyEmail = 'protectplus_risky@gocardless.com'

type Scheme = 'sepa_debit' | 'bacs' | 'ach'
const hosted = (scheme: Scheme, country: string): Source => ({ type: 'bank_account', scheme, payer: { held: [], tail: '', country } })
const own = (scheme: Scheme, country: string, fields: readonly PayerField[], tail: string): Source => ({
  type: 'bank_account',
  scheme,
  payer: { held: ['name', 'email', ...fields, 'line1', 'city', 'postalCode'], tail, country },
})

const person = {
  name: 'Ada "Countess" Lovelace & Co',
  email: 'ada@example.com',
  line1: 'Musterstraße 1',
  city: 'Köln',
  postalCode: '50667',
}
const german = { ...person, iban: 'DE89370400440532013000' }
const british = {
  ...person,
  line1: '12 St James’s Square',
  city: 'London',
  postalCode: 'SW1Y 4JH',
  accountNumber: '55779911',
  branch: '200000',
}
const terms = (currency: string): MandateTerms => ({
  currency,
  rule: 'any',
  frequency: 'monthly',
  startsOn: '2027-01-01',
  contract: 'Membership 4711',
  description: 'Membership, collected monthly',
})

export const sandboxValues: readonly SandboxValue[] = [
  {
    title: 'SEPA mandate granted on GoCardless’ page',
    shape: 'redirect',
    source: hosted('sepa_debit', 'DE'),
    give: {},
    terms: terms('EUR'),
    outcome: 'challenged',
    from: testAccounts,
  },
  {
    title: 'ACH mandate granted on GoCardless’ page',
    shape: 'redirect',
    source: hosted('ach', 'US'),
    give: {},
    outcome: 'challenged',
    from: testAccounts,
  },
  {
    title: 'SEPA mandate from a payer we know',
    shape: 'direct',
    source: own('sepa_debit', 'DE', ['iban'], '3000'),
    give: german,
    outcome: 'bound',
    from: testAccounts,
  },
  {
    title: 'Bacs mandate from a payer we know, to be confirmed by the bank',
    shape: 'direct',
    source: own('bacs', 'GB', ['accountNumber', 'branch'], '9911'),
    give: british,
    outcome: 'verifying',
    from: testAccounts,
  },
  {
    title: 'SEPA mandate that the payer’s bank has to approve first',
    shape: 'redirect',
    source: own('sepa_debit', 'DE', ['iban'], '3000'),
    give: { ...german, email: riskyEmail },
    outcome: 'challenged',
    from: testAccounts,
  },
  {
    title: 'IBAN with a wrong check digit',
    shape: 'direct',
    source: own('sepa_debit', 'DE', ['iban'], '3000'),
    give: { ...german, iban: 'DE88370400440532013000' },
    outcome: 'invalid_account',
    from: 'ours',
  },
  {
    title: 'Payer on the merchant’s block list',
    shape: 'direct',
    source: own('sepa_debit', 'DE', ['iban'], '3000'),
    give: { ...german, email: blockedEmail },
    outcome: 'fraud_suspected',
    from: 'ours',
  },
  {
    title: 'Proof by micro-deposits, which GoCardless has not',
    shape: 'redirect',
    source: { type: 'bank_account', scheme: 'ach', payer: { held: [], tail: '', country: 'US' }, verify: 'micro_deposits' },
    give: {},
    outcome: 'not_supported',
    from: 'ours',
  },
]
